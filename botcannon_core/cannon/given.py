"""Given: the messages that one worker was given and has not ended, as its pool sees them.

Not here: the rule by which some are taken back, which is told in orders, the worker's side of it.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable

from botcannon_core.cannon.job import Job
from botcannon_core.cannon.orders import SLOW_SECONDS


class Given:
    """What a pool has given one worker: the first runs, the others wait in its channel."""

    def __init__(self) -> None:
        self._jobs: deque[Job] = deque()
        self.since = time.monotonic()  # since when the first one runs, or nothing does
        self.era = 0  # see orders

    def __len__(self) -> int:
        return len(self._jobs)

    @property
    def running(self) -> Job | None:
        """The job that runs, as far as we have heard."""
        return self._jobs[0] if self._jobs else None

    def add(self, jobs: Iterable[Job]) -> float:
        """These were given now; returns their stamp."""
        now = time.monotonic()
        if not self._jobs:
            self.since = now
        self._jobs.extend(jobs)
        return now

    def ended(self) -> Job:
        """The first one ended; the next one runs."""
        self.since = time.monotonic()
        return self._jobs.popleft()

    def is_slow(self, now: float) -> bool:
        """True if what is behind the first one may be taken back, unless its end is on its way."""
        return len(self._jobs) > 1 and now - self.since > SLOW_SECONDS

    def waiting(self) -> list[Job]:
        """Take back all that is behind the first one."""
        back = list(self._jobs)[1:]
        while len(self._jobs) > 1:
            self._jobs.pop()
        return back

    def forgotten(self) -> list[Job]:
        """Take back all of it: the worker has forgotten it, and an era begins."""
        back = list(self._jobs)
        self._jobs.clear()
        self.era += 1
        return back

    def holds(self, entry: str) -> bool:
        """True if the worker has the job of this entry."""
        return any(job.entry == entry for job in self._jobs)
