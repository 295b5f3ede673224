"""The timer: a collector that yields a message every so often.

Not a calendar: it knows intervals, no dates and no times of day.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable

from botcannon_core.roles import Halt


class Timer:
    """Yields `{"text": text, "n": "1"}`, then `"2"` and so on, one every `every` seconds.

    The first comes after one interval. Ticks stand at fixed times after the start, so a late one
    never shifts those that follow. A late tick comes as soon as it can; one that is late by a whole
    interval or more is left out. After `count` ticks the timer halts; without it, it goes on for ever.
    `now` and `sleep` are the clock, for tests.
    """

    def __init__(
        self,
        every: float = 1.0,
        text: str = "tick",
        count: int | None = None,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        if not isinstance(every, int | float) or not every > 0:
            raise ValueError(f"a timer's `every` is a number of seconds above 0, not {every!r}")
        self._every = float(every)
        self._text = text
        self._count = count
        self._now = now
        self._sleep = sleep
        self._start = now()
        self._interval = 0  # which interval after the start the last tick stood at
        self._ticks = 0

    async def read(self) -> AsyncIterator[dict[str, str]]:
        """The next tick, once it is due."""
        if self._count is not None and self._ticks >= self._count:
            raise Halt
        await self._until_due()
        self._ticks += 1
        yield {"text": self._text, "n": str(self._ticks)}

    async def _until_due(self) -> None:
        passed = (self._now() - self._start) / self._every
        self._interval = max(self._interval + 1, int(passed))
        due = self._start + self._interval * self._every
        # a sleep may end a little early, so look again rather than trust it
        while (wait := due - self._now()) > 0:
            await self._sleep(wait)
