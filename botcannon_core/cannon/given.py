"""Given: the messages that one worker was given and has not ended, as its pool sees them.

Not here: the rule by which some are taken back, which is told in orders, the worker's side of it.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Collection, Iterable
from itertools import islice
from typing import Any

from botcannon_core.cannon.job import Job
from botcannon_core.cannon.orders import SLOW_SECONDS

# Who runs something does not read: what is sent to it meanwhile must fit into its channel, or the pool
# would wait with it. In characters, each of which may be twelve bytes on the way.
AHEAD_SIZE = 12_000

# Of work that a worker may be given at once. A seat takes a hundred times as long for it, and none waits
# there for less: it has more, so that its pool hears of more at once.
AHEAD_SECONDS = 0.008
AHEAD_OF_SEAT_SECONDS = 0.03
MOST_AHEAD = 256  # jobs, however fast they are

# A job that takes less than this has not waited for another machine. Where each job costs a fork, a
# wait of less than the second weighs little beside that; its worker's construction counts there.
SHORT_SECONDS = 0.0001
SHORT_OF_SEAT_SECONDS = 0.001
FORK_SECONDS = 0.0005  # from one worker's end to the next one's first step

# A job that took so many times longer than usual counts as no longer than that: a busy machine held it
# up, and giving out less would make that the busier. Where many take so long, it adds up.
ODD_TIMES = 10
FOR_EVER = 10**15  # microseconds, as nobody has measured them


class Depth:
    """How many jobs a worker may have: as many as are done in a moment, and at least one."""

    def __init__(self, is_open: bool, has_seats: bool = False) -> None:
        """Not `is_open`: one at a time. `has_seats`: each job is a fork."""
        self._is_open = is_open
        self._ahead = AHEAD_OF_SEAT_SECONDS if has_seats else AHEAD_SECONDS
        self._short = SHORT_OF_SEAT_SECONDS if has_seats else SHORT_SECONDS
        self._beside = FORK_SECONDS if has_seats else 1e-6
        self._seconds = SLOW_SECONDS  # of one job, smoothed; a new crew is careful

    @property
    def jobs(self) -> int:
        """So many."""
        most = int(self._ahead / (self._seconds + self._beside))
        return max(1, min(MOST_AHEAD, most)) if self._is_open else 1

    @property
    def is_short(self) -> bool:
        """True if no more of them should run at once than there are processors."""
        return self._seconds < self._short

    def close(self) -> None:
        """One at a time from now on."""
        self._is_open = False

    def learn(self, took: object) -> None:
        """A job took so long, in microseconds, by its worker's clock.

        By ours it would take as long as we need to hear of it: with many services on a busy machine
        workers would be given one at a time for that, which makes the machine the busier.
        """
        if isinstance(took, int) and 0 <= took < FOR_EVER:
            usual = self._seconds  # no min and max, as this is done for every job
            seconds = (took or 1) / 1_000_000
            if seconds > ODD_TIMES * usual:
                seconds = ODD_TIMES * usual
            self._seconds = usual + (seconds - usual) * 0.05


class Given:
    """What a pool has given one worker: the first of them run, the others wait in its channel."""

    def __init__(self, at_once: int = 1, slow: float = SLOW_SECONDS) -> None:
        """`at_once`: how many of them run at the same time; `slow`: seconds, see the rule in orders."""
        self.slow = slow
        self._jobs: deque[tuple[float, Job]] = deque()  # with the stamp of each
        self._at_once = at_once
        self._since = time.monotonic()
        self.era = 0  # see orders
        self.turn = 0  # how many have ended; in a seat, the number of the worker whose word is next

    def __len__(self) -> int:
        return len(self._jobs)

    @property
    def since(self) -> float:
        """Since when the one that began first runs, or nothing does."""
        return self._jobs[0][0] if self._jobs and self._at_once > 1 else self._since

    @property
    def running(self) -> list[Job]:
        """The jobs that run, as far as we have heard, the oldest first."""
        return [job for _, job in islice(self._jobs, self._at_once)]

    @property
    def only(self) -> Job | None:
        """The job that runs, if no other one can."""
        return self._jobs[0][1] if self._jobs and self._at_once == 1 else None

    def said(self, body: Any) -> tuple[Job | None, Any]:
        """Whose word this is, and what was said: of many that run at the same time each gives its id."""
        if self._at_once == 1:
            return self.only, body
        who, what = body if isinstance(body, list) and len(body) == 2 else (None, body)
        return next((job for _, job in self._jobs if job.id == who), None), what

    @property
    def is_alone(self) -> bool:
        """True if nothing may be given behind the one that runs, see `fitting`."""
        return self.only is not None and self.only.tries > 1

    def fitting(self, jobs: list[Job]) -> int:
        """How many of these, which have not begun, may be given together now.

        What was tried before runs alone: if it kills its pool as well, that costs no other a try.
        """
        is_free = not self._jobs
        if self._at_once > 1:
            return self._fitting_together(jobs, is_free)
        left = AHEAD_SIZE - sum(job.size for _, job in self._jobs)
        for count, job in enumerate(jobs):
            left -= job.size
            if (job.tries or left < 0) and not (is_free and count == 0):
                return count
            if job.tries:
                return 1
        return len(jobs)

    def _fitting_together(self, jobs: list[Job], is_free: bool) -> int:
        """As many as there are, but a lone one with none beside it."""
        if not is_free and self._jobs[0][1].is_lone:
            return 0
        before = next((count for count, job in enumerate(jobs) if job.is_lone), len(jobs))
        return 1 if is_free and not before and jobs else before

    def add(self, jobs: Iterable[Job]) -> float:
        """These were given now; returns their stamp."""
        now = time.monotonic()
        if not self._jobs:
            self._since = now
        self._jobs.extend((now, job) for job in jobs)
        return now

    def ended(self, job_id: object = None) -> Job | None:
        """The first one ended, or of those that run at the same time the one with this id."""
        self._since = time.monotonic()
        self.turn += 1
        if self._at_once == 1:
            return self._jobs.popleft()[1] if self._jobs else None
        for place, (_, job) in enumerate(self._jobs):
            if job.id == job_id:
                del self._jobs[place]
                return job
        return None

    def is_slow(self, now: float) -> bool:
        """True if what is behind the first one may be taken back, unless its end is on its way."""
        is_behind = len(self._jobs) > self._at_once == 1
        return is_behind and now - self.since > self.slow

    def waiting(self) -> list[Job]:
        """Take back all that does not run."""
        back = [job for _, job in islice(self._jobs, self._at_once, None)]
        while len(self._jobs) > self._at_once:
            self._jobs.pop()
        return back

    def forgotten(self) -> list[Job]:
        """Take back all of it: the worker has forgotten it, and an era begins."""
        self.era += 1
        return self.all_but([])

    def all_but(self, kept: Collection[object]) -> list[Job]:
        """Take back all but those with these ids."""
        back = [job for _, job in self._jobs if job.id not in kept]
        self._jobs = deque(one for one in self._jobs if one[1].id in kept)
        return back

    def holds(self, entry: str) -> bool:
        """True if the worker has the job of this entry."""
        return any(job.entry == entry for _, job in self._jobs)
