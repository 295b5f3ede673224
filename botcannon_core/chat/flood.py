"""The flood guard: whoever says too much too fast is not listened to for a while, and told so once.

Twelve commands a minute, then five minutes of silence; five that make no sense, then ten. For doors that
anybody can talk at; the owner of the terminal and a pipe are never guarded. Pure: a door asks `admit`
before a line is stored, and tells the asker itself. Not here: who may run what (acl).
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from botcannon_core.chat.acl import Asker

WINDOW = 60.0  # seconds in which lines are counted
MOST, SILENCE = 12, 300.0
MOST_INVALID, SILENCE_INVALID = 5, 600.0
MOST_ASKERS = 10_000  # remembered at once; the longest quiet are forgotten first

Why = Literal["flood", "invalid"]


@dataclass(frozen=True)
class Verdict:
    """Whether a line is let in; if not, why, and what to tell the asker: empty if that was told."""

    admitted: bool
    why: Why | None = None
    tell: str = ""


@dataclass
class _Record:
    """What is known of one asker: when lines and bad lines came, and the silence that follows."""

    lines: deque[float] = field(default_factory=deque)
    invalid: deque[float] = field(default_factory=deque)
    until: float = 0.0
    why: Why = "flood"
    is_told: bool = True
    heard: float = 0.0


class Flood:
    """Counts what each asker says, by network and user; one without a user by network and room."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._records: dict[tuple[str, str, str], _Record] = {}  # the longest quiet first
        self.refused = 0  # lines that were not let in

    def admit(self, asker: Asker) -> Verdict:
        """Whether one more line of this asker is let in; it is counted."""
        now, record = self._now(asker)
        if record.until <= now:
            record.lines.append(now)
            if not _is_over(record.lines, MOST, now):
                return Verdict(True)
            self._silence(record, "flood", now + SILENCE)
        self.refused += 1
        tell = "" if record.is_told else _told(record.why)
        record.is_told = True
        return Verdict(False, record.why, tell)

    def invalid(self, asker: Asker) -> str:
        """A line of this asker made no sense. What to tell them, if that was one too many."""
        now, record = self._now(asker)
        record.invalid.append(now)
        if record.until > now or not _is_over(record.invalid, MOST_INVALID - 1, now):
            return ""
        self._silence(record, "invalid", now + SILENCE_INVALID)
        record.is_told = True
        return _told("invalid")

    def _silence(self, record: _Record, why: Why, until: float) -> None:
        record.why, record.until, record.is_told = why, until, False
        record.lines.clear()
        record.invalid.clear()

    def _now(self, asker: Asker) -> tuple[float, _Record]:
        now = self._clock()
        who = (asker.network, asker.user, "" if asker.user else asker.room)
        record = self._records.pop(who, None) or _Record()
        record.heard = now
        self._records[who] = record
        self._forget(now)
        return now, record

    def _forget(self, now: float) -> None:
        """Drop who has been quiet for long; with too many left, who has been so the longest."""
        while len(self._records) > 1:
            who, record = next(iter(self._records.items()))
            is_over = record.until <= now and record.heard + WINDOW <= now
            if not is_over and len(self._records) <= MOST_ASKERS:
                return
            del self._records[who]


def _is_over(times: deque[float], most: int, now: float) -> bool:
    while times and times[0] <= now - WINDOW:
        times.popleft()
    return len(times) > most


def _told(why: Why) -> str:
    if why == "invalid":
        return (
            f"{MOST_INVALID} lines in a minute that are no commands: "
            f"I listen to you again in {SILENCE_INVALID / 60:g} minutes"
        )
    return (
        f"more than {MOST} commands in a minute: I listen to you again in {SILENCE / 60:g} minutes"
    )
