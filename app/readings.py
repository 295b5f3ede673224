"""What the sensors have said, read from their service's history. Knows no measure from another."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol, TypeVar

from app.units import duration
from botcannon_core import Message

T = TypeVar("T")

FRESH = 10.0  # seconds; an older reading is not what is going on now
WHOLE = 3_600.0  # seconds; of a longer time not every reading is looked at
SAMPLE = 1_000  # readings, which is plenty for a chart
PATIENCE = 2.0  # seconds that sensors which are just starting may take for their first readings


class Ledger(Protocol):
    """The part of botcannon's `ledger` handle that is used here."""

    def latest(self, service: str) -> Message | None:
        """The newest message of a service."""
        ...

    def last(self, service: str, seconds: float) -> list[Message]:
        """The messages of the last so many seconds, oldest first."""
        ...

    def sample(self, service: str, seconds: float, points: int) -> list[Message]:
        """At most so many of them, spread evenly."""
        ...


class Readings:
    """The readings of the service named `service`."""

    def __init__(
        self,
        ledger: Ledger,
        service: str,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._ledger = ledger
        self._service = service
        self._clock = clock
        self._sleep = sleep

    def now(self) -> Message | None:
        """The newest reading if it is fresh, else None."""
        newest = self._patiently(lambda: self._ledger.latest(self._service), self._is_fresh)
        return newest if self._is_fresh(newest) else None

    def last(self, seconds: float) -> list[Message]:
        """The readings of the last so many seconds, oldest first; of many only a sample."""
        return self._patiently(lambda: self._within(seconds), lambda found: len(found) > 1)

    def missing(self) -> str:
        """Why there is nothing to say, and how to change that."""
        newest = self._ledger.latest(self._service)
        known = f"The newest reading is of {self.when(newest)}." if newest else "No readings yet."
        return f"{known} To take some, start the sensors: ./botcannon up {self._service}"

    def when(self, reading: Message) -> str:
        """The time of a reading as people say it: `now`, or `5 min ago`."""
        return "now" if self._is_fresh(reading) else f"{duration(self._clock() - reading.time)} ago"

    def _within(self, seconds: float) -> list[Message]:
        if seconds <= WHOLE:
            return self._ledger.last(self._service, seconds)
        return self._ledger.sample(self._service, seconds, SAMPLE)

    def _patiently(self, look: Callable[[], T], is_enough: Callable[[T], bool]) -> T:
        """What `look` finds, as soon as it is enough, or else after a while."""
        until = self._clock() + PATIENCE
        while not is_enough(found := look()) and self._clock() < until:
            self._sleep(0.1)
        return found

    def _is_fresh(self, reading: Message | None) -> bool:
        return reading is not None and self._clock() - reading.time < FRESH
