"""Drives a sync collector: read one, store it, deliver what came; a turn ends at each yield.

While there is no news it waits on the taskback stream itself, so that an answer never waits for a
sleep. A `read()` that sleeps holds everything up for as long: that is its author's choice.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from botcannon_core.cannon.intake.intake import Intake
from botcannon_core.cannon.watch import Watch
from botcannon_core.ledger.line import Cut
from botcannon_core.raised import Halt

LONGEST_REST_SECONDS = 0.25  # between two questions to a collector that has had no news for a while

# For so long others may have to wait: while a `read()` always has more, while answers are delivered.
TURN_SECONDS = 0.001
DELIVER_SECONDS = 0.05

_END = object()


class PlainLoop:
    """Three verbs in a loop."""

    def __init__(self, mine: Intake) -> None:
        self._intake = mine
        self._watch = Watch()
        self._messages: Iterator[Any] | None = None
        self._rest = mine.service.poll
        self._had_news = False
        self._wait = 0.0  # how long this turn may wait for anything to happen

    def run(self) -> None:
        """Read, store and deliver until it is over."""
        mine = self._intake
        self._call("start")
        self._watch.on(mine.control, mine.hear_launcher)
        mine.forget_launcher = lambda: self._watch.forget(mine.control)
        self._watch.on(mine.signals, mine.hear_signals)
        self._watch_store()
        mine.control.tell("state", "running")
        while not self._is_over():
            self._read()
            self._store()
            self._deliver()
        self._call("close")

    def _is_over(self) -> bool:
        try:
            return self._intake.is_over()
        except Cut as cut:
            self._lost_store(cut)
            return False

    def _read(self) -> None:
        """One turn of the collector."""
        mine = self._intake
        self._wait = 0.0
        if mine.is_resting or mine.desk.is_full or not mine.line.is_open:
            if mine.is_resting:
                self._close_messages()
            self._wait = mine.service.poll
            return
        if self._messages is None and not mine.desk.is_clear:
            self._wait = LONGEST_REST_SECONDS  # an answer of the store ends it sooner
            return
        try:
            self._one_turn()
        except Halt:
            mine.halt()
        except Cut as cut:
            self._lost_store(cut)  # what was put is said again
        except Exception as error:  # noqa: BLE001 - whatever a collector raises is a crash of it
            mine.crash(error)

    def _one_turn(self) -> None:
        """What a `read()` yields at once belongs to one turn: it is said together."""
        if self._messages is None:
            self._messages = iter(self._intake.desk.each(self._intake.collector.read()))
            self._had_news = False
        desk, end = self._intake.desk, time.monotonic() + TURN_SECONDS
        while (item := next(self._messages, _END)) is not None and item is not _END:
            self._had_news, self._rest = True, self._intake.service.poll
            desk.put(item)
            if desk.is_full or time.monotonic() > end:
                return
        if item is _END:
            self._messages = None
        if item is None or not self._had_news:
            self._wait, self._rest = self._rest, min(LONGEST_REST_SECONDS, self._rest * 1.5)

    def _store(self) -> None:
        """Hear what was stored, wait if there is no news, and tell the collector."""
        mine = self._intake
        try:
            mine.tend(self._watch_store)
            self._watch.wait(0.0 if mine.returns.waiting else self._wait)
        except Cut as cut:
            self._lost_store(cut)
        while mine.desk.stored:
            try:
                self._call("stored", mine.desk.stored.popleft())
            except Exception as error:  # noqa: BLE001 - as in read(): a crash of the collector
                mine.crash(error)

    def _deliver(self) -> None:
        """Bring home what came, one by one; what takes long leaves the rest to the next turn."""
        mine = self._intake
        end = time.monotonic() + DELIVER_SECONDS
        while mine.returns.waiting and mine.line.is_open and time.monotonic() < end:
            one = mine.returns.waiting.popleft()
            try:
                self._call(one.verb, one.message)
            except Halt:
                mine.taken(one)
                mine.halt()
            except Exception as error:  # noqa: BLE001 - its failing is put aside, it lives on
                mine.not_taken(one, error)
            else:
                mine.taken(one)

    def _call(self, name: str, *args: Any) -> None:
        method = getattr(self._intake.collector, name, None)
        if method is not None:
            method(*args)

    def _close_messages(self) -> None:
        close = getattr(self._messages, "close", None)
        self._messages = None
        if close is not None:
            close()

    def _watch_store(self) -> None:
        mine = self._intake
        self._watch.on(mine.line, mine.line.hear)
        self._watch.on(mine.returns.reader.line, mine.returns.hear)
        mine.returns.ask()

    def _lost_store(self, cut: Cut) -> None:
        self._watch.forget(self._intake.line)
        self._watch.forget(self._intake.returns.reader.line)
        self._intake.lost_store(cut)
