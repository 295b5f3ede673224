"""Drives an async collector: reading, telling and delivering run side by side in one event loop.

The same life as the plain loop's, but a taskback is delivered the moment it is there, also while
`read()` waits. A collector counts as async as soon as one of its methods is.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from functools import partial
from typing import Any

from botcannon_core.cannon.intake.delivery import Deliveries
from botcannon_core.cannon.intake.desk import Desk
from botcannon_core.cannon.intake.intake import Intake
from botcannon_core.cannon.intake.returns import Return
from botcannon_core.ending import end
from botcannon_core.ledger.line import Cut
from botcannon_core.raised import Halt

TICK_SECONDS = 0.5  # between two looks at what no event announces
BUSY_TICK_SECONDS = 0.02  # the same while it drains, or the backlog is full


class AwaitedLoop:
    """One event loop, in which the life's verbs run side by side."""

    def __init__(self, mine: Intake) -> None:
        self._intake = mine
        self._stir = asyncio.Event()  # something happened that a tending turn should look at
        self._clear = asyncio.Event()  # everything yielded is stored and told
        self._deliveries = Deliveries(mine.returns.waiting, self._bring)
        self._watched: list[int] = []

    def run(self) -> None:
        """Read, store and deliver until it is over."""
        asyncio.run(self._run())

    async def _run(self) -> None:
        mine = self._intake
        await self._call("start")
        loop = asyncio.get_running_loop()
        loop.add_reader(mine.control.fileno(), self._guarded(mine.hear_launcher))
        mine.forget_launcher = partial(_forget, loop, mine.control.fileno())
        loop.add_reader(mine.signals.fileno(), self._guarded(mine.hear_signals))
        self._watch_store()
        mine.control.tell("state", "running")
        reading = asyncio.create_task(self._read())
        try:
            while not self._is_over():
                await self._tend()
                if mine.is_resting and not reading.done():
                    reading.cancel()
        finally:
            await end(reading)
            await self._deliveries.stop()
            await self._call("close")

    # --- reading -----------------------------------------------------------------------------------

    async def _read(self) -> None:
        try:
            while not self._intake.is_resting:
                await self._read_once()
        except Halt:
            self._intake.halt()
        except Exception as error:  # noqa: BLE001 - whatever a collector raises is a crash of it
            self._intake.crash(error)
        self._stir.set()

    async def _read_once(self) -> None:
        had_news = False
        async for item in _items(self._intake.collector.read(), self._intake.desk):
            if item is not None:
                had_news = True
                self._intake.desk.put(item)
                if self._intake.desk.has_news:
                    self._clear.clear()
                    self._stir.set()  # so that it is sent
            if self._intake.desk.is_full or not self._intake.line.is_open:
                await self._clear.wait()
            else:
                await asyncio.sleep(self._intake.service.poll if item is None else 0)
        await self._clear.wait()
        if not had_news:
            await asyncio.sleep(self._intake.service.poll)

    # --- delivering --------------------------------------------------------------------------------

    async def _bring(self, one: Return) -> None:
        mine = self._intake
        try:
            await self._call(one.verb, one.message)
        except Halt:
            mine.taken(one)
            mine.halt()
        except Exception as error:  # noqa: BLE001 - put aside, it lives on
            mine.not_taken(one, error)
        else:
            mine.taken(one)
        self._stir.set()

    # --- tending -----------------------------------------------------------------------------------

    async def _tend(self) -> None:
        """Wait for anything to happen, then hear, tell and mend."""
        mine = self._intake
        is_busy = mine.is_resting or mine.desk.is_full or not mine.line.is_open
        with suppress(TimeoutError):
            tick = BUSY_TICK_SECONDS if is_busy else TICK_SECONDS
            await asyncio.wait_for(self._stir.wait(), tick)
        self._stir.clear()
        try:
            mine.tend(self._watch_store)
        except Cut as cut:
            self._lost_store(cut)
        await self._tell()
        self._deliveries.go_on()
        if mine.desk.is_clear and mine.line.is_open:
            self._clear.set()

    async def _tell(self) -> None:
        while self._intake.desk.stored:
            message = self._intake.desk.stored.popleft()
            try:
                await self._call("stored", message)
            except Exception as error:  # noqa: BLE001 - as in read(): a crash of the collector
                self._intake.crash(error)

    def _is_over(self) -> bool:
        try:
            return self._intake.is_over()
        except Cut as cut:
            self._lost_store(cut)
            return False

    async def _call(self, name: str, *args: Any) -> None:
        method = getattr(self._intake.collector, name, None)
        given = method(*args) if method is not None else None
        if inspect.isawaitable(given):
            await given

    # --- the store ---------------------------------------------------------------------------------

    def _watch_store(self) -> None:
        loop, mine = asyncio.get_running_loop(), self._intake
        mine.returns.ask()
        self._watched = [mine.line.fileno(), mine.returns.reader.line.fileno()]
        loop.add_reader(self._watched[0], self._guarded(mine.line.hear))
        loop.add_reader(self._watched[1], self._guarded(mine.returns.hear))

    def _lost_store(self, cut: Cut) -> None:
        for descriptor in self._watched:
            asyncio.get_running_loop().remove_reader(descriptor)
        self._watched = []
        self._intake.lost_store(cut)

    def _guarded(self, call: Callable[[], object]) -> Callable[[], None]:
        def run() -> None:
            try:
                call()
            except Cut as cut:
                self._lost_store(cut)
            self._stir.set()

        return run


def _forget(loop: asyncio.AbstractEventLoop, descriptor: int) -> None:
    loop.remove_reader(descriptor)


async def _items(given: Any, desk: Desk) -> AsyncIterator[Any]:
    """What a `read()` gave, sync or async, awaitable or not, as one kind of stream."""
    if inspect.isawaitable(given):
        given = await given
    if hasattr(given, "__aiter__"):
        async for item in given:
            yield item
    else:
        for item in desk.each(given):
            yield item
