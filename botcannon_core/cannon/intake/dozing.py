"""Keeps an intake whose async collector has nothing to do yet, without an event loop.

An event loop, and what a door brings to talk, is most of an idle intake's memory: neither is imported
before there is something to read, an answer to deliver, or an end. Then this is over, and the loop that
drives the collector (awaited) begins where it left off; it never dozes again.
"""

from __future__ import annotations

from botcannon_core.cannon.intake.intake import Intake
from botcannon_core.cannon.watch import Watch
from botcannon_core.ledger.line import Cut

TICK_SECONDS = 0.5  # between two looks at what nothing announces
MEND_TICK_SECONDS = 0.1  # the same while the store is away


class Door:
    """What a dozing collector waits for, as something to watch."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def fileno(self) -> int:
        """Its descriptor."""
        return self._descriptor


class DozingLoop:
    """Hears the launcher and the store while nobody comes to the door."""

    def __init__(self, mine: Intake, descriptor: int) -> None:
        self._intake = mine
        self._watch = Watch()
        self._door = Door(descriptor)
        self._is_awake = False

    def run(self) -> None:
        """Return when the collector has something to do."""
        mine = self._intake
        self._watch.on(mine.control, mine.hear_launcher)
        mine.forget_launcher = lambda: self._watch.forget(mine.control)
        self._watch.on(mine.signals, mine.hear_signals)
        try:
            self._watch.on(self._door, self._wake)
        except OSError:  # a plain file, for it never blocks, or closed: the collector will see
            self._wake()
        self._watch_store()
        mine.control.tell("state", "running")
        while not (self._is_awake or mine.is_resting or mine.returns.waiting):
            self._turn()
        self._watch.close()

    def _wake(self) -> None:
        self._is_awake = True

    def _turn(self) -> None:
        mine = self._intake
        try:
            mine.tend(self._watch_store)
            self._watch.wait(TICK_SECONDS if mine.line.is_open else MEND_TICK_SECONDS)
        except Cut as cut:
            self._watch.forget(mine.line)
            self._watch.forget(mine.returns.reader.line)
            mine.lost_store(cut)

    def _watch_store(self) -> None:
        mine = self._intake
        self._watch.on(mine.line, mine.line.hear)
        self._watch.on(mine.returns.reader.line, mine.returns.hear)
        mine.returns.ask()
