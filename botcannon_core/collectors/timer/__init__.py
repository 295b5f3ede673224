"""The timer: a collector that yields a message every so often, or when a calendar says so.

    collector: {file: timer, entry: Timer, conf: {kwargs: {every: 5m, text: backup}}}
    collector: {file: timer, entry: Timer, conf: {kwargs: {cron: '30 8 * * mon-fri', tz: Europe/Berlin}}}

The second needs the package cronsim. What was due while no timer ran is left out. Here are
the waiting and the messages; when something is due, the schedules beside it know.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botcannon_core.collectors.timer.interval import Interval
from botcannon_core.errors import lacking
from botcannon_core.raised import Halt

if TYPE_CHECKING:
    from botcannon_core.collectors.timer.calendar import Calendar

EVERY = 1.0  # seconds
LOOK_SECONDS = 30.0  # a clock may be set while we sleep, so look at it now and then


class Timer:
    """Yields `{"text": text, "n": "1"}`, then `"2"` and so on, one every `every`.

    That is in seconds, or as people write it: `5m`. The first comes after one interval. Ticks stand at
    fixed times after the start, so a late one never shifts those that follow. A late tick comes as soon
    as it can; one that is late by a whole interval or more is left out. After `count` ticks the timer
    halts; without it, it goes on for ever.

    `cron` instead of `every` is a line of a crontab, read in the time zone `tz` (by default this
    machine's); `at` then says when the tick was due, as `2026-03-29T08:30:00+02:00`. `now` and `sleep`
    are the clock, for tests.
    """

    def __init__(
        self,
        every: float | str = EVERY,
        text: str = "tick",
        count: int | None = None,
        cron: str | None = None,
        tz: str | None = None,
        now: Callable[[], float] | None = None,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        if cron is not None and every != EVERY:
            raise ValueError("a timer has either `every` or `cron`, not both")
        if cron is None and tz is not None:
            raise ValueError("a timer's `tz` is the zone of its `cron`, and there is none")
        # a calendar is about the time of day; an interval must not shift when that is set
        self._now = now or (time.monotonic if cron is None else time.time)
        self._last = self._now()  # when the last tick was due
        self._schedule: Interval | Calendar = (
            Interval(every, self._last) if cron is None else _calendar(cron, tz)
        )
        self._text = text
        self._count = count
        self._sleep = sleep
        self._ticks = 0

    async def read(self) -> AsyncIterator[dict[str, str]]:
        """The next tick, once it is due."""
        if self._count is not None and self._ticks >= self._count:
            raise Halt
        await self._until_due()
        self._ticks += 1
        yield {"text": self._text, "n": str(self._ticks), **self._at()}

    async def _until_due(self) -> None:
        due = float("inf")
        while True:
            now = self._now()
            # what is waited for comes, though a later one may be due by then; a clock that was set
            # back brings an earlier one
            due = min(due, self._schedule.due(self._last, now))
            if due <= now:
                break
            await self._sleep(min(due - now, LOOK_SECONDS))
        self._last = due

    def _at(self) -> dict[str, str]:
        zone = self._schedule.zone
        return {} if zone is None else {"at": datetime.fromtimestamp(self._last, zone).isoformat()}


def _calendar(cron: Any, tz: Any) -> Calendar:
    try:  # an optional extra
        from botcannon_core.collectors.timer.calendar import Calendar
    except ModuleNotFoundError as error:
        if error.name != "cronsim":
            raise
        raise lacking("a timer's `cron`", "cronsim>=2.8") from error
    return Calendar(cron, tz)
