"""The flood guard: whoever says too much too fast is not listened to for a while, and told so once.

Twelve commands a minute, then five minutes of silence; five that make no sense, then ten. For doors that
anybody can talk at; the owner of the terminal and a pipe are never guarded. Pure: it counts and decides;
a door puts it before what it stores (guard). Not here: who may run what (acl).
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Literal

from botcannon_core.chat.acl import Asker

WINDOW = 60.0  # seconds in which lines are counted
MOST_ASKERS = 10_000  # remembered at once; the longest quiet are forgotten first

Why = Literal["flood", "invalid"]


@dataclass(frozen=True)
class Limits:
    """How many lines a minute are let in, how many make no sense; the seconds of silence after them."""

    commands: int = 12
    silence: float = 300.0
    invalid: int = 5
    invalid_silence: float = 600.0

    @staticmethod
    def of(given: Mapping[str, object]) -> Limits:
        """The limits as a door's kwarg gives them; raises ValueError, naming what is none."""
        names = [one.name for one in fields(Limits)]
        for name, value in given.items():
            if name not in names:
                raise ValueError(f"`flood` has {', '.join(names)}, and no {name!r}")
            is_whole = isinstance(value, int) or name.endswith("silence")
            if not isinstance(value, int | float) or isinstance(value, bool) or not is_whole:
                kind = "seconds" if name.endswith("silence") else "a whole number"
                raise ValueError(f"`flood`: {name} is {kind}, not {value!r}")
            if not value > 0:
                raise ValueError(f"`flood`: {name} is above 0, not {value!r}")
        return Limits(**given)  # type: ignore[arg-type]  # each was looked at


@dataclass(frozen=True)
class Verdict:
    """Whether a line is let in; if not, why, for how many seconds yet, and what to tell the asker.

    `told` is that in words, `is_news` whether this asker has not been told before; `lines` counts the
    lines that were not let in since the silence began.
    """

    admitted: bool
    why: Why | None = None
    told: str = ""
    is_news: bool = False
    wait: float = 0.0
    lines: int = 0


@dataclass
class _Record:
    """What is known of one asker: when lines and bad lines came, and the silence that follows."""

    lines: deque[float] = field(default_factory=deque)
    invalid: deque[float] = field(default_factory=deque)
    until: float = 0.0
    why: Why = "flood"
    is_told: bool = True
    turned_away: int = 0
    heard: float = 0.0


class Flood:
    """Counts what each asker says, by network and user; one without a user by network and room."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, limits: Limits | None = None
    ) -> None:
        self._clock = clock
        self._limits = limits or Limits()
        self._records: dict[tuple[str, str, str], _Record] = {}  # the longest quiet first

    def admit(self, asker: Asker) -> Verdict:
        """Whether one more line of this asker is let in; it is counted."""
        now, record = self._now(asker)
        if record.until <= now:
            record.lines.append(now)
            if not _is_over(record.lines, self._limits.commands, now):
                return Verdict(True)
            self._silence(record, "flood", now + self._limits.silence)
        record.turned_away += 1
        is_news, record.is_told = not record.is_told, True
        told, wait = self._told(record.why), record.until - now
        return Verdict(False, record.why, told, is_news, wait, record.turned_away)

    def invalid(self, asker: Asker) -> str:
        """A line of this asker made no sense. What to tell them, if that was one too many."""
        now, record = self._now(asker)
        record.invalid.append(now)
        if record.until > now or not _is_over(record.invalid, self._limits.invalid - 1, now):
            return ""
        self._silence(record, "invalid", now + self._limits.invalid_silence)
        record.is_told = True
        return self._told("invalid")

    def _silence(self, record: _Record, why: Why, until: float) -> None:
        record.why, record.until, record.is_told, record.turned_away = why, until, False, 0
        record.lines.clear()
        record.invalid.clear()

    def _told(self, why: Why) -> str:
        limits = self._limits
        if why == "invalid":
            many, silence = f"{limits.invalid} lines that are no commands", limits.invalid_silence
        else:
            many, silence = f"more than {limits.commands} commands", limits.silence
        return f"{many} in a minute: I listen to you again in {_span(silence)}"

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


def _span(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:g} seconds"
    return f"{seconds / 60:.3g} minutes"
