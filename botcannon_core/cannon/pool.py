"""The pool: reads a service's messages, hands them to workers, and settles how they ended.

One process per service and host, single-threaded: hear, hand out, tend. It holds a lease on every
message it has read and renews it while the message waits or runs; what it cannot settle any more it
lets go. Not here: how workers are kept alive (crew), what an ending looks like (job).

A message is *pending* in the group from the moment it is read until settle or park, which happen in
one step with the answer. If we die right here, it is still pending, and whoever starts next on this
host, or any host after the lease, takes it over; the tries it has had are counted before each run.
"""

from __future__ import annotations

import heapq
import random
import signal
import time
from collections import deque
from typing import Any

from botcannon_core.cannon import chain, life
from botcannon_core.cannon import job as jobs
from botcannon_core.cannon.chain import Ended
from botcannon_core.cannon.crew import Crew, Hooks
from botcannon_core.cannon.forker import Birth
from botcannon_core.cannon.frames import Channel
from botcannon_core.cannon.job import Job
from botcannon_core.cannon.process import Signals
from botcannon_core.cannon.watch import Watch
from botcannon_core.compose.spec import ServiceSpec
from botcannon_core.errors import StoreError
from botcannon_core.ledger import stream
from botcannon_core.ledger.line import Cut, Line, Refused
from botcannon_core.ledger.store import Store
from botcannon_core.ledger.stream import Entry, Reader

AHEAD_SECONDS = 0.05  # no more is read than can be started within this time
LOOK_SECONDS = 1.0  # how often we look for messages that others have left behind
TRIM_SECONDS = 5.0
MEND_SECONDS = 0.2  # between two attempts to reach the store again


class Pool:
    """One life of a pool."""

    def __init__(self, birth: Birth, store: Store, control: Channel) -> None:
        self._service: ServiceSpec = birth.service
        self._keys = store.keys(self._service.name)
        self._store = store
        self._control = control
        self._me = life.own_life()
        self._watch = Watch()
        self._signals = Signals(signal.SIGTERM)
        self._crew = Crew(birth, self._watch, Hooks(self._ended, self._print, self._fail))
        self._line = Line(store, self._keys.data)
        self._reader = Reader(store, self._keys.data, stream.POOL, self._me)
        self._waiting: deque[Job] = deque()
        self._later: list[tuple[float, str, Job]] = []  # a heap: due (monotonic), entry, job
        self._left: deque[str] = deque()  # dead consumers whose messages we take over
        self._held: dict[str, Job] = {}  # everything read and not settled, by entry
        self._cursor = "0-0"
        self._finishing = False
        self._failure = ""
        self._is_ready = False
        self._mend_at: float | None = None
        now = time.monotonic()
        self._renewed = self._busy_at = self._rate_at = now
        self._look_at = self._trim_at = self._renew_at = now
        self._ends = 0
        self._rate = 0.0
        self._is_calm = True

    def run(self) -> str:
        """Work until told to finish; returns why it failed, or nothing."""
        self._watch_store()
        self._watch.on(self._control, self._hear_launcher)
        self._watch.on(self._signals, self._hear_signals)
        while not self._is_over():
            self._hear()
            self._hand_out()
            self._tend()
        self._leave()
        return self._failure

    # --- hear --------------------------------------------------------------------------------------

    def _hear(self) -> None:
        try:
            self._watch.wait(self._patience())
        except Cut as cut:
            self._lost_store(cut)

    def _patience(self) -> float:
        """How long nothing can be due, in seconds."""
        moments = [self._look_at, self._renew_at, self._crew.next_moment(), self._mend_at]
        if self._later:
            moments.append(self._later[0][0])
        due = min(moment for moment in moments if moment is not None)
        return max(0.0, min(LOOK_SECONDS, due - time.monotonic()))

    def _hear_line(self) -> None:
        self._line.hear()

    def _hear_reader(self) -> None:
        was_draining = self._reader.is_draining
        entries = self._reader.hear()
        if was_draining:  # of before a cut: what we still hold is not new to us
            self._take_over([entry for entry in entries if entry.id not in self._held])
        else:
            for entry in entries:
                self._take(Job.of(entry))

    def _hear_launcher(self) -> None:
        try:
            frames = self._control.receive()
        except EOFError:
            self._watch.forget(self._control)
            frames = [("finish", None)]
        for kind, _ in frames:
            if kind == "finish":
                self._finish()

    def _hear_signals(self) -> None:
        if self._signals.taken():
            self._finish()

    def _take(self, job: Job) -> None:
        self._held[job.entry] = job
        self._waiting.append(job)
        self._busy_at = time.monotonic()

    def _take_over(self, entries: list[Entry]) -> None:
        """Messages that were somebody's before: how often they were tried is in the store."""
        if not entries:
            return

        def with_tries(tries: list[stream.Tries]) -> None:
            for entry, earlier in zip(entries, tries, strict=True):
                job = Job.of(entry, earlier.count)
                wait = earlier.due - time.time()
                self._again(job, wait) if wait > 0 else self._take(job)

        stream.earlier_tries(self._line, self._keys, [entry.id for entry in entries], with_tries)

    # --- hand out ----------------------------------------------------------------------------------

    def _hand_out(self) -> None:
        now = time.monotonic()
        while self._later and self._later[0][0] <= now:
            self._take(heapq.heappop(self._later)[2])
        if self._finishing or not self._line.is_open:
            return
        for worker in self._crew.ready:
            if not self._waiting:
                break
            job = self._waiting.popleft()
            if job.tries >= self._service.deliver.tries:
                self._used_up(job)
                continue
            stream.begin(self._line, self._keys, job.entry)
            self._line.flush()  # before the run, so that even our own death has counted it
            job = self._held[job.entry] = job.begun()
            self._crew.give(worker, job)

    def _ended(self, job: Job, ended: Ended) -> None:
        """A run ended, well or not: settle it, park it, or try it again."""
        self._ends += 1
        self._busy_at = time.monotonic()
        if job.entry not in self._held:
            return  # taken over by somebody else, whose outcome counts
        if ended.trace or ended.how not in ("done", "skipped"):
            self._log("error", jobs.log_line(job, ended), error_id=ended.error_id)
        if ended.how in ("failed", "again") and job.tries < self._service.deliver.tries:
            self._again(job, self._delay(job, ended))
        else:
            self._write(job, ended)

    def _delay(self, job: Job, ended: Ended) -> float:
        """Seconds before the next try: none after the first death, else doubling, with jitter."""
        if ended.how == "again":
            return ended.delay
        if ended.cause and job.tries == 1:
            return 0.0
        rule = self._service.deliver
        longest: float = min(rule.backoff_max, rule.backoff * 2 ** (job.tries - 1))
        return longest * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, guards nothing

    def _again(self, job: Job, delay: float) -> None:
        stream.postpone(self._line, self._keys, job.entry, time.time() + delay)
        self._held[job.entry] = job
        heapq.heappush(self._later, (time.monotonic() + delay, job.entry, job))

    def _used_up(self, job: Job) -> None:
        text = f"its pool died while it ran, and it has had its {job.tries} of {job.tries} tries"
        self._write(job, Ended("failed", error=text, error_id=chain.new_error_id()))

    def _write(self, job: Job, ended: Ended) -> None:
        """Write down how the message ended; it is ours until the store has said so."""
        answer = jobs.taskback(job, ended)

        def settled(reply: Any) -> None:
            self._held.pop(job.entry, None)
            if isinstance(reply, Refused):
                self._log("error", f"message {job.id} could not be settled: {reply}")
            elif not reply:
                self._log("warning", f"message {job.id} was taken over by another pool meanwhile")

        if answer["_outcome"] == "parked":
            dead = jobs.dead(job, ended, life.host())
            stream.park(self._line, self._keys, self._me, job.entry, dead, answer, settled)
        else:
            stream.settle(self._line, self._keys, self._me, job.entry, answer, settled)

    # --- tend --------------------------------------------------------------------------------------

    def _tend(self) -> None:
        now = time.monotonic()
        self._measure(now)
        if not self._finishing:
            self._crew.tend(len(self._waiting), self._is_calm)
        if not self._is_ready and self._crew.ready:
            self._is_ready = True
            self._control.send("state", "ready")
        try:
            self._mend(now)
            self._keep_leases(now)
            self._ask(now)
            self._line.flush()
        except Cut as cut:
            self._lost_store(cut)

    def _measure(self, now: float) -> None:
        """How fast messages end, and whether there is any traffic at all."""
        if now - self._rate_at >= 0.1:
            seconds, self._rate_at = now - self._rate_at, now
            self._rate += (self._ends / seconds - self._rate) * 0.3
            self._ends = 0
        self._is_calm = now - self._busy_at > self._service.workers.cooldown or not self._busy_at

    def _keep_leases(self, now: float) -> None:
        lease = self._service.deliver.lease
        if now - self._renewed > lease * 0.8 and self._held and not self._line.is_open:
            self._let_go_of_all()
        if now < self._renew_at or not self._line.is_open:
            return
        self._renew_at = now + lease / 3

        def renewed(lost: Any) -> None:
            self._renewed = now
            for entry in lost if isinstance(lost, list) else ():
                job = self._held.pop(entry, None)
                if job is not None:
                    self._crew.kill(job)

        if self._held:
            stream.renew(self._line, self._keys, self._me, list(self._held), renewed)
        else:
            self._renewed = now

    def _let_go_of_all(self) -> None:
        """The store is out of reach and our leases end: others may run these messages now."""
        self._log("error", "the store is out of reach: its messages are let go, workers ended")
        self._crew.kill()
        self._held.clear()
        self._waiting.clear()
        self._later.clear()

    def _ask(self, now: float) -> None:
        """Ask for as many messages as can be started soon: those left behind first, then new ones."""
        if self._finishing or not self._line.is_open:
            return
        room = self._room()
        if now >= self._look_at:
            self._look_at = now + LOOK_SECONDS
            self._look(room)
        if self._left and room > 0:
            self._adopt(self._left[0], room)
        elif room > 0 and not self._reader.is_asked:
            self._reader.ask(room)
        if now >= self._trim_at:
            self._trim_at = now + TRIM_SECONDS
            keep = self._service.keep
            stream.trim(self._line, self._keys.data, keep.messages, time.time() - keep.age)

    def _room(self) -> int:
        ahead = max(self._crew.free, int(self._rate * AHEAD_SECONDS))
        return min(ahead - len(self._waiting), 1000)

    def _look(self, room: int) -> None:
        """Find the dead lives of this host, and messages whose lease has run out anywhere."""

        def consumers(answer: Any) -> None:
            for about in stream.described(answer):
                name = about["name"]
                left = about["pending"] if name == stream.NOBODY else life.is_over_here(name)
                if left and name not in self._left:
                    self._left.append(name)

        def claimed(answer: Any) -> None:
            if isinstance(answer, Refused):
                return
            self._cursor = answer[0]
            self._take_over(stream.entries(answer[1]))

        self._line.say("XINFO", "CONSUMERS", self._keys.data, stream.POOL, then=consumers)
        if room > 0:
            idle = int(self._service.deliver.lease * 1000)
            words = ("XAUTOCLAIM", self._keys.data, stream.POOL, self._me, idle, self._cursor)
            self._line.say(*words, "COUNT", room, then=claimed)

    def _adopt(self, dead: str, room: int) -> None:
        self._left.popleft()

        def adopted(answer: Any) -> None:
            entries = [] if isinstance(answer, Refused) else stream.entries(answer)
            self._take_over(entries)
            if entries:
                self._left.append(dead)  # there may be more

        stream.adopt(self._line, self._keys, self._me, dead, room, adopted)

    # --- the store comes and goes ------------------------------------------------------------------

    def _watch_store(self) -> None:
        self._watch.on(self._line, self._hear_line)
        self._watch.on(self._reader.line, self._hear_reader)

    def _lost_store(self, cut: Cut) -> None:
        if self._mend_at is not None:
            return
        self._log("warning", f"{cut}; connecting again")
        for line in (self._line, self._reader.line):
            self._watch.forget(line)
            line.close()
        self._mend_at = time.monotonic()

    def _mend(self, now: float) -> None:
        if self._mend_at is None or now < self._mend_at:
            return
        try:
            self._line.reopen()
            self._line.ask("PING")  # all that was settled is, before we ask for what is not
            self._reader.reopen()
        except StoreError:
            self._line.close()
            self._mend_at = time.monotonic() + MEND_SECONDS
            return
        self._mend_at = None
        self._renew_at = now
        self._line.say("HINCRBY", self._keys.key("counts"), "disruptions", 1)
        self._watch_store()
        self._log("info", "connected to the store again")

    # --- the end -----------------------------------------------------------------------------------

    def _finish(self) -> None:
        """Read no more; what runs may end, what waits is left to others."""
        if not self._finishing:
            self._finishing = True
            self._watch.forget(self._reader.line)
            self._reader.line.close()
            for job in self._waiting:
                self._held.pop(job.entry, None)
            for _, entry, _ in self._later:
                self._held.pop(entry, None)
            self._waiting.clear()
            self._later.clear()
            self._crew.dismiss()

    def _is_over(self) -> bool:
        return self._finishing and not self._crew.busy and not self._held

    def _leave(self) -> None:
        self._crew.close()
        try:
            names = (self._keys.data,)
            self._line.ask_script("leave", names, stream.POOL, self._me)
        except (StoreError, Refused):
            pass  # our name and what it holds are found by the next pool
        self._line.close()

    def _fail(self, reason: str) -> None:
        self._failure = self._failure or reason
        self._finish()

    def _print(self, part: str, text: str) -> None:
        self._control.send("log", {"part": part, "level": "output", "text": text})

    def _log(self, level: str, text: str, **more: str) -> None:
        self._control.send("log", {"part": "pool", "level": level, "text": text, **more})
