"""The stock: the messages a pool has taken from the stream and not settled yet.

It reads no more than it is told there is room for, takes over what dead pools left, keeps the lease on
everything it holds, and writes down how each message ended. Not here: who runs them (crew), and what an
ending means (pool).

A message in stock is *entering* (its lane is being asked), *waiting* (may run), *later* (its next try is
due at a time) or *out* (a worker has it). All of them are pending in the group under our name. If we die
right here, they still are: whoever starts next on this host takes them over at once, another host after
the lease; the tries they have had are counted before each run.
"""

from __future__ import annotations

import heapq
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from botcannon_core.cannon import job as jobs
from botcannon_core.cannon import life
from botcannon_core.cannon.chain import Ended
from botcannon_core.cannon.job import Job
from botcannon_core.compose.spec import ServiceSpec
from botcannon_core.ledger import lanes, stream
from botcannon_core.ledger.journal import Held
from botcannon_core.ledger.keys import Keys
from botcannon_core.ledger.line import Line, Store
from botcannon_core.ledger.refused import Refused
from botcannon_core.ledger.stream import Entry, Reader

LOOK_SECONDS = 1.0  # how often we look for messages that others have left behind
# Of a lease: by then a pool that could not renew lets go. What is left of the shortest usual lease is
# longer than one attempt to reach the store can hold up the loop.
LEASE_SPENT = 0.6


class Stock:
    """What one life of a pool holds. Its methods only say things; `line` must be heard."""

    def __init__(
        self,
        store: Store,
        line: Line,
        keys: Keys,
        service: ServiceSpec,
        lost: Callable[[Job, str], None],
    ) -> None:
        self._line = line
        self._keys = keys
        self._rule = service.deliver
        self._lost = lost  # told of a job that somebody else has taken over
        self._me = life.own_life()
        self.reader = Reader(store, keys.data, stream.POOL, self._me)
        # what is heard later than this after it was assigned may be somebody else's by then
        self._block = min(stream.BLOCK_SECONDS, self._rule.lease / 3)
        self.reader.line.patience = self._block + stream.patience(self._rule.lease)
        self._held: dict[str, Job] = {}  # all of it, by entry
        self._coming: set[str] = set()  # taken over, and we wait to hear of their tries
        self._waiting: deque[Job] = deque()
        self._later: list[tuple[float, str]] = []  # a heap: due (monotonic seconds), entry
        self._left: deque[str] = deque()  # consumers that are over, whose messages are ours to take
        self._cursor = "0-0"
        self._is_closed = False  # takes nothing more, see `stop_taking`
        self._look_at = 0.0
        self._renew_at = self._renewed = time.monotonic()
        self._heir = self._me if self._rule.has_lanes else ""
        self._begun: dict[str, int] = {}  # entry -> number of its try, to be said this turn
        self._ended: list[tuple[Job, stream.Ending]] = []  # to be said this turn
        self._lines = 1  # connections so far: over a new one, what was not answered is said again

    @property
    def waiting(self) -> int:
        """How many messages could be run now."""
        return len(self._waiting)

    @property
    def is_empty(self) -> bool:
        """True when nothing is held."""
        return not self._held

    def holds(self, job: Job) -> bool:
        """True while a job is ours, in this very try."""
        return self._held.get(job.entry) is job

    def held(self, job: Job) -> Held:
        """The job as the store's scripts know it."""
        return Held(job.id, job.entry, self._me, job.tries)

    def next_moment(self) -> float:
        """When something is due, in monotonic seconds."""
        if self._is_closed:
            return self._renew_at  # nothing more is looked for
        moments = [self._look_at, self._renew_at]
        return min([*moments, self._later[0][0]] if self._later else moments)

    # --- taking ---------------------------------------------------------------------------------

    def ask(self, ahead: int) -> None:
        """Have up to `ahead` messages waiting: those left behind come first, then new ones.

        New ones are asked for when half of them are gone, so that a question brings many.
        """
        now = time.monotonic()
        room = ahead - len(self._waiting)
        if now >= self._look_at:
            self._look_at = now + LOOK_SECONDS
            self._look(room)
        if self._left and room > 0:
            self._adopt(self._left.popleft(), room)
        elif room > 0 and room >= ahead // 2 and not self.reader.is_asked:
            self.reader.ask(room, self._block)

    def hear(self) -> None:
        """Take what the reader has heard."""
        was_draining = self.reader.is_draining
        entries = self.reader.hear()
        if was_draining:
            self._take_over(entries)
            return
        if self._rule.has_lanes or self._is_closed:
            for entry in entries:
                self._take(Job.of(entry))
            return
        new = [Job.of(entry) for entry in entries]
        self._held.update((job.entry, job) for job in new)
        self._waiting.extend(new)

    def _take(self, job: Job) -> None:
        if self._is_closed:
            return  # it is ours in the store, and handed back with the rest
        self._held[job.entry] = job
        lane = self._lane_of(job)
        if lane is None:
            self._waiting.append(job)
            return

        def heard(may_run: bool) -> None:
            if may_run and self.holds(job) and not self._is_closed:
                self._waiting.append(job)
            else:
                self._held.pop(job.entry, None)

        lanes.enter(self._line, self._keys, stream.POOL, self._me, job.entry, lane, heard)

    def _take_over(self, entries: list[Entry]) -> None:
        """Messages that were somebody's before: how often they were tried is in the store.

        One of before a cut may be ours all the time, or come by two ways at once.
        """
        known = self._coming | self._held.keys()
        entries = [entry for entry in entries if entry.id not in known]
        if not entries or self._is_closed:
            return
        self._coming.update(entry.id for entry in entries)

        def heard(tries: list[stream.Tries]) -> None:
            for entry, earlier in zip(entries, tries, strict=True):
                self._coming.discard(entry.id)
                job = Job.of(entry, earlier.count)
                if job.tries and job.tries >= self._rule.tries - 1:
                    job = job.on_its_own()  # perhaps one that ran beside it has killed the pool
                wait = earlier.due - time.time()
                self.again(job, wait) if wait > 0 else self._take(job)

        stream.earlier_tries(self._line, self._keys, [entry.id for entry in entries], heard)

    def _look(self, room: int) -> None:
        """Find what the dead of this host hold, and messages whose lease ran out anywhere."""

        def consumers(answer: Any) -> None:
            for about in stream.described(answer):
                name = about["name"]
                left = about["pending"] if name == stream.NOBODY else life.is_over_here(name)
                if left and name not in self._left:
                    self._left.append(name)

        def claimed(answer: Any) -> None:
            if not isinstance(answer, Refused):
                self._cursor = answer[0]
                self._take_over(stream.entries(answer[1]))

        self._line.say("XINFO", "CONSUMERS", self._keys.data, stream.POOL, then=consumers)
        if room > 0:
            idle = int(self._rule.lease * 1000)
            words = ("XAUTOCLAIM", self._keys.data, stream.POOL, self._me, idle, self._cursor)
            self._line.say(*words, "COUNT", room, then=claimed)

    def _adopt(self, dead: str, room: int) -> None:
        def adopted(answer: Any) -> None:
            entries = [] if isinstance(answer, Refused) else stream.entries(answer)
            self._take_over(entries)
            if entries:
                self._left.appendleft(dead)  # there may be more, and they are the oldest

        stream.adopt(self._line, self._keys, self._me, dead, room, adopted)

    # --- giving out and taking back -------------------------------------------------------------

    def ripen(self) -> None:
        """Those whose next try is due wait with the others from now on."""
        now = time.monotonic()
        while self._later and self._later[0][0] <= now:
            job = self._held.get(heapq.heappop(self._later)[1])
            if job is not None:
                self._waiting.append(job)

    def next(self) -> Job | None:
        """The next message to run, if one waits."""
        while self._waiting:
            job = self._waiting.popleft()
            if self.holds(job):
                return job
        return None

    def begin(self, jobs: list[Job]) -> list[Job]:
        """Count a try of each; it is sent before they run, so that even our own death has counted it."""
        begun = [job.begun() for job in jobs]
        for job in begun:
            self._held[job.entry] = job
            self._begun[job.entry] = job.tries
        return begun

    def back(self, jobs: list[Job]) -> None:
        """These did not begin after all: the first to be run next, and the try does not count."""
        for job in reversed(jobs):
            if not self.holds(job):
                continue
            job = job.not_begun()
            self._begun[job.entry] = job.tries
            if self._is_closed:
                del self._held[job.entry]  # handed back with the rest
            else:
                self._held[job.entry] = job
                self._waiting.appendleft(job)

    def put_back(self, jobs: list[Job]) -> None:
        """These came from `next` and are not begun now: they will be the next again."""
        self._waiting.extendleft(reversed(jobs))

    def again(self, job: Job, delay: float) -> None:
        """Keep a message for its next try, in `delay` seconds; the store remembers when."""
        stream.postpone(self._line, self._keys, self._me, job.entry, time.time() + delay)
        if self._is_closed:
            self._held.pop(job.entry, None)
            return
        self._held[job.entry] = job
        heapq.heappush(self._later, (time.monotonic() + delay, job.entry))

    def settle(self, job: Job, ended: Ended) -> None:
        """Write down how a message ended; it is ours until the store has said so."""
        taskback = jobs.taskback(job, ended)
        dead = jobs.dead(job, ended, life.host()) if taskback["_outcome"] == "parked" else {}
        lane = self._lane_of(job) if self._heir else None
        self._ended.append((job, stream.Ending(job.entry, taskback, dead, lane)))

    def say(self) -> None:
        """Say all that began and ended in this turn, together."""
        if self._begun:
            stream.begin(self._line, self._keys, self._me, self._begun)
            self._begun = {}
        if self._ended:
            said, self._ended = self._ended, []
            endings, line = [ending for _, ending in said], self._lines

            def heard(settled: stream.Settled) -> None:
                self._settled([job for job, _ in said], settled, said_twice=line != self._lines)

            stream.settle(self._line, self._keys, self._me, self._heir, endings, heard)

    def _settled(self, jobs: list[Job], settled: stream.Settled, said_twice: bool) -> None:
        """What was said twice, around a cut, is ours no longer because it was heard the first time."""
        for job in jobs:
            self.reader.over(job.entry)
            was_held = self._held.pop(job.entry, None) is not None
            is_lost = job.entry in settled.lost and not said_twice
            if was_held and (settled.refusal or is_lost):
                why = settled.refusal or "it was taken over by another pool meanwhile"
                self._lost(job, why)
        if settled.following:
            self._take_over(settled.following)

    # --- leases ---------------------------------------------------------------------------------

    def keep_leases(self) -> None:
        """Renew every lease in time; what somebody else has taken over is told as lost."""
        now = time.monotonic()
        if now < self._renew_at:
            return
        self._renew_at = now + self._rule.lease / 3

        def renewed(answer: Any) -> None:
            self._renewed = now
            for entry in answer if isinstance(answer, list) else ():
                job = self._held.pop(entry, None)
                if job is not None:
                    self._lost(job, "it was taken over by another pool meanwhile")

        if self._held:
            stream.renew(self._line, self._keys, self._me, list(self._held), renewed)
        else:
            self._renewed = now

    def leases_are_ending(self) -> bool:
        """True when we could not renew for so long that others may soon take over."""
        return (
            bool(self._held) and time.monotonic() - self._renewed > self._rule.lease * LEASE_SPENT
        )

    def reopen(self, reads: bool) -> None:
        """After an outage: all that has ended is settled before we ask for what has not.

        Else the store would name, as ours still, what we hold no more. Others' leases may have ended
        meanwhile through no fault of theirs: they get a moment to renew them. Raises StoreError.
        """
        self._line.reopen()
        self._lines += 1
        self.say()
        self._line.ask("PING", timeout=1.0)
        if reads:
            self.reader.reopen()
        self._renew_at = 0.0
        self._look_at = time.monotonic() + LOOK_SECONDS

    def drop_all(self) -> None:
        """Hold nothing any more; in the store it is still ours, until somebody takes it over."""
        self._held.clear()
        self._waiting.clear()
        self._later.clear()

    def stop_taking(self) -> None:
        """Read no more and keep only what is out: the rest is handed back by `leave`."""
        self._is_closed = True
        self.reader.line.close()
        for job in self._waiting:
            self._held.pop(job.entry, None)
        for _, entry in self._later:
            self._held.pop(entry, None)
        self._waiting.clear()
        self._later.clear()
        self._heir = stream.NOBODY if self._rule.has_lanes else ""

    def leave(self) -> None:
        """Hand back what is still ours, and give up our name. Waits for the store."""
        self._line.ask_script("leave", (self._keys.data,), stream.POOL, self._me)

    def _lane_of(self, job: Job) -> str | None:
        return self._rule.lane_of(job.fields)
