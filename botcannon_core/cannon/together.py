"""Together: the loop of a worker that runs many messages at the same time (`workers.concurrency`).

For `async def task`s that wait for something outside most of the time. Each message has its own
deadline, kept here: a message over its time is cancelled, and the others do not notice. A task that
does not wait but works holds up all of them, until the pool, which keeps the same deadline a little
later, ends the process. Not here: one message after the other (worker).
"""

from __future__ import annotations

import asyncio
import inspect
from functools import partial
from typing import Any

from botcannon_core.cannon import chain, process
from botcannon_core.cannon.chain import Ended
from botcannon_core.cannon.each import Each
from botcannon_core.cannon.orders import Inbox, Order
from botcannon_core.compose.plan import Plan
from botcannon_core.message import Message, checked_results, flat
from botcannon_core.roles import Task


class Together:
    """One life of such a worker; `run` returns when it is not needed, or has had enough."""

    def __init__(self, plan: Plan, tasks: list[Task], inbox: Inbox, each: Each) -> None:
        self._plan = plan
        self._tasks = tasks
        self._inbox = inbox
        self._each = each
        self._left = plan.max_messages
        self._running: dict[str, asyncio.Task[None]] = {}  # by the message's id
        self._is_closing = False
        self._over = asyncio.Event()

    async def run(self) -> None:
        """Take what comes until the pool is gone or the last of our messages has ended."""
        loop = asyncio.get_running_loop()
        loop.add_reader(self._inbox.channel.fileno(), self._hear)
        self._each.heard = partial(loop.call_soon_threadsafe, self._start)
        await self._over.wait()

    def _hear(self) -> None:
        try:
            self._inbox.hear()
        except EOFError:
            self._over.set()
            return
        self._start()

    def _start(self) -> None:
        while self._left and not self._inbox.is_empty:
            self._left -= 1
            order = self._inbox.next()
            self._running[order[1]] = asyncio.ensure_future(self._one(order))
            if not self._left:
                self._close()
        for message_id in self._inbox.cancelled():
            if message_id in self._running:
                # later, as one that has not begun would end without a word
                asyncio.get_running_loop().call_soon(self._running[message_id].cancel)

    async def _one(self, order: Order) -> None:
        _, message_id, fields = order
        self._each.begin(message_id)
        ended = await self._ended(Message(fields, message_id, self._plan.name))
        self._each.end(message_id)
        process.flush_output()
        if process.peak_memory() > self._plan.max_rss:
            self._close()
        del self._running[message_id]
        self._inbox.channel.send("ended", {**chain.as_frame(ended), "id": message_id})
        if self._is_closing and not self._running:
            self._over.set()

    def _close(self) -> None:
        """Take no more, and say at once which we have: others that were given wait for nobody here."""
        self._left = 0
        if not self._is_closing:
            self._is_closing = True
            self._inbox.channel.send("leaves", list(self._running))

    async def _ended(self, message: Message) -> Ended:
        limit = asyncio.timeout(self._plan.timeout)
        try:
            async with limit:
                return await self._chain(message)
        except TimeoutError as error:
            if not limit.expired():
                return chain.failed(error, self._plan.hidden, self._plan.memory)
            text = f"took longer than {self._plan.timeout:g} s and was cancelled"
            return Ended("failed", error=text, error_id=chain.new_error_id())
        except asyncio.CancelledError:
            return Ended("failed", error="cancelled", error_id=chain.new_error_id())
        except BaseException as error:  # noqa: BLE001 - whatever user code raises is an outcome
            return chain.ended_by(error, self._plan.hidden, self._plan.memory)

    async def _chain(self, message: Message) -> Ended:
        """As chain.run, waiting for what is to be waited for."""
        results: dict[str, Any] = {}
        for task in self._tasks:
            given: Any = task.task(message, results)
            if inspect.isawaitable(given):
                given = await given
            results.update(checked_results(given, task))
        return Ended("done", flat(checked_results(results, "the chain")))
