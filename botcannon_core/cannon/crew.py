"""The crew: the workers that a pool has at hand.

It keeps enough of them constructed ahead, gives each as much as it may have (see orders), watches its
limits, and says how every job ended, whatever happened to the process. Not here: messages, tries, the
store.

A worker is *starting* (forked, constructing), *ready* (waiting for a job), *busy* (has some), and
*leaving* (has said how it ended, or is not needed); it is forgotten when the forker has buried it. If
the pool dies right here, the forker hears its socket close and kills every group.
"""

from __future__ import annotations

import math
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

from botcannon_core.cannon import chain, frames, process
from botcannon_core.cannon.chain import Ended
from botcannon_core.cannon.forker import Birth
from botcannon_core.cannon.frames import Channel
from botcannon_core.cannon.given import Given
from botcannon_core.cannon.job import Job
from botcannon_core.cannon.lines import Lines
from botcannon_core.cannon.nursery import Cause, News, Nursery
from botcannon_core.cannon.orders import SLOW_SECONDS
from botcannon_core.cannon.watch import Watch
from botcannon_core.compose.spec import WorkersSpec

TERM_SECONDS = 2.0  # between SIGTERM and SIGKILL for a worker over its time
GIVE_SECONDS = 2.0  # for a worker to take a message of any size; it is waiting for it
COUNT_SECONDS = 1.0  # between two counts of the processes of busy workers
AHEAD_SECONDS = 0.004  # of work that a worker may be given at once
MOST_AHEAD = 256  # jobs, however fast they are
CANCELLED = Ended("skipped", error="cancelled")  # how a job ends that is not wanted any more

State = Literal["starting", "ready", "busy", "leaving"]


@dataclass(eq=False)
class Worker:
    """One worker process, as its pool sees it."""

    slot: int
    channel: Channel
    output: Lines
    state: State = "starting"
    pid: int = 0
    given: Given = field(default_factory=Given)
    since: float = field(default_factory=time.monotonic)  # in this state, or running this job
    term_at: float | None = None  # when SIGTERM was sent
    fate: str = ""  # why we ended it, if we did
    is_cancelled: bool = False  # we ended it since nobody wants its job done any more

    @property
    def name(self) -> str:
        """What its lines in the log begin with."""
        return f"worker-{self.slot}"


@dataclass(frozen=True)
class Hooks:
    """Whom the crew tells: a worker asks for something; a job ended; these did not begin after all; a
    line was printed; it fails; a worker says how far its job is.
    """

    asked: Callable[[Job | None, Any, Callable[[Any], None]], None]
    ended: Callable[[Job, Ended], None]
    back: Callable[[list[Job]], None]
    printed: Callable[[str, str], None]
    failed: Callable[[str], None]
    noted: Callable[[Job, Any], None] = lambda _job, _text: None


class Crew:
    """The workers of one pool."""

    def __init__(self, birth: Birth, watch: Watch, hooks: Hooks) -> None:
        self._rule: WorkersSpec = birth.service.workers
        self._watch = watch
        self._hooks = hooks
        self._workers: dict[int, Worker] = {}
        self._nursery = Nursery(birth, watch, News(self._born, self._died, self._all_died))
        self._anything_worked = False
        self._is_dismissed = False
        self._count_at = 0.0
        self._takes_many = self._rule.isolation == "worker"
        self._run_seconds = SLOW_SECONDS  # of one job, smoothed; a new crew is careful
        self.forks = 0

    @property
    def room(self) -> list[tuple[Worker, int]]:
        """Who may be given how many jobs now. No more than `max` workers are busy at once."""
        waiting = [worker for worker in self._workers.values() if worker.state == "ready"]
        depth = max(1, min(MOST_AHEAD, int(AHEAD_SECONDS / (self._run_seconds + 1e-6))))
        depth = depth if self._takes_many else 1
        # one that died since we looked would cost its job a try
        room = [(one, depth) for one in waiting[: self.free] if not one.channel.is_closed()]
        if depth > 1:
            soon = time.monotonic() - SLOW_SECONDS / 2
            for one in self.busy:
                if len(one.given) <= depth // 2 and one.since > soon and one.term_at is None:
                    room.append((one, depth - len(one.given)))
        return room

    @property
    def is_ready(self) -> bool:
        """True while a worker waits for a job."""
        return any(worker.state == "ready" for worker in self._workers.values())

    @property
    def busy(self) -> list[Worker]:
        """The workers that run a job."""
        return [worker for worker in self._workers.values() if worker.state == "busy"]

    @property
    def free(self) -> int:
        """How many jobs could be started by the workers there are and those that may be forked."""
        most = 1 if self._rule.lazy else self._rule.max
        return max(0, most - len(self.busy))

    # --- keeping them ---------------------------------------------------------------------------

    def tend(self, waiting: int, is_calm: bool) -> None:
        """Fork what is wanted, let go what is not, and end what is over its limits."""
        if not self._is_dismissed:
            self._nursery.tend()
            if self._nursery.is_open and not self._nursery.is_resting():
                self._match(waiting, is_calm)
        for worker in list(self._workers.values()):
            self._watch_time(worker)
            self._take_back(worker)
        now = time.monotonic()
        if now >= self._count_at:
            self._count_at = now + COUNT_SECONDS
            self._watch_numbers(now)

    def give(self, worker: Worker, given: list[Job]) -> None:
        """Hand a worker that has room its jobs, in this order."""
        stamp = worker.given.add(given)
        if worker.state != "busy":
            worker.state, worker.since = "busy", stamp
        try:
            jobs = [(job.id, job.fields) for job in given]
            worker.channel.send("orders", (worker.given.era, stamp, jobs))
        except OSError:  # dying, or stopped: its death will be told, with the jobs still its own
            self._nursery.signal(worker.slot, signal.SIGKILL)

    def next_moment(self) -> float | None:
        """When something is due at the latest, in monotonic seconds."""
        moments = [self._limit_of(w) for w in self._workers.values() if w.state != "ready"]
        moments += [w.since + SLOW_SECONDS for w in self.busy if len(w.given) > 1]
        if not self._is_dismissed and (not self._nursery.is_open or self._nursery.is_resting()):
            moments.append(self._nursery.opens_at)
        return min(moments, default=None)

    def dismiss(self) -> None:
        """Let every worker go that has no job, for good; the others may finish theirs."""
        self._is_dismissed = True
        for worker in self._workers.values():
            if worker.state in ("starting", "ready"):
                self._let_go(worker)

    def kill(self, job: Job | None = None) -> None:
        """End the worker of `job` at once, or every worker."""
        for worker in list(self._workers.values()):
            if job is None or worker.given.holds(job.entry):
                self._nursery.signal(worker.slot, signal.SIGKILL)

    def cancel(self, job: Job) -> bool:
        """End the worker of `job`, which will not be tried again; True unless that had begun before.

        SIGTERM first, as for one over its time: it may still say how it ended, and that counts.
        """
        for worker in self._workers.values():
            if worker.given.running is job and not worker.is_cancelled:
                worker.is_cancelled, worker.term_at = True, time.monotonic()
                self._nursery.signal(worker.slot, signal.SIGTERM)
                return True
        return False

    def close(self) -> None:
        """End the forker, and with it whatever is left."""
        self._nursery.close()

    def _match(self, waiting: int, is_calm: bool) -> None:
        """Have as many workers starting or ready as are wanted ahead."""
        spare = [w for w in self._workers.values() if w.state in ("starting", "ready")]
        if self._rule.lazy:
            wanted = 0 if self._workers else 1
        else:
            # ahead of the busy ones, not instead of them: when one ends, the next is constructed
            wanted = self._rule.idle if is_calm else max(self._rule.hot, min(waiting, self.free))
        for _ in range(wanted - len(spare)):
            self._fork()
        surplus = len(spare) - wanted if not self._rule.lazy else 0
        for worker in [w for w in spare if w.state == "ready"][: max(0, surplus)]:
            self._let_go(worker)

    def _fork(self) -> None:
        slot = next(n for n in range(1, len(self._workers) + 2) if n not in self._workers)
        mine, theirs = frames.pair(GIVE_SECONDS)
        read_end, write_end = os.pipe()
        worker = Worker(slot, Channel(mine), Lines(read_end))
        is_asked = self._nursery.fork(slot, theirs, write_end)
        os.close(theirs)
        os.close(write_end)
        if not is_asked:
            worker.channel.close()
            worker.output.close()
            return
        self.forks += 1
        self._workers[slot] = worker
        self._watch.on(worker.channel, lambda: self._hear(worker))
        self._watch.on(worker.output, lambda: self._print(worker))

    def _let_go(self, worker: Worker) -> None:
        worker.state, worker.since = "leaving", time.monotonic()
        self._watch.forget(worker.channel)
        worker.channel.close()  # it hears the end of its channel, and exits

    # --- limits ---------------------------------------------------------------------------------

    def _limit_of(self, worker: Worker) -> float:
        if worker.term_at is not None:
            return worker.term_at + TERM_SECONDS
        return worker.since + self._rule.timeout

    def _watch_time(self, worker: Worker) -> None:
        """Over its time: SIGTERM, and SIGKILL to its group if that does not help."""
        now = time.monotonic()
        if worker.state == "ready" or now < self._limit_of(worker):
            return
        number = signal.SIGTERM if worker.term_at is None else signal.SIGKILL
        worker.fate = worker.fate or f"took longer than {self._rule.timeout:g} s and was ended"
        worker.term_at = now
        self._nursery.signal(worker.slot, number)

    def _take_back(self, worker: Worker) -> None:
        """One runs for long: those behind it go elsewhere, unless its end is on its way (see orders)."""
        if len(worker.given) > 1 and worker.state == "busy":
            now = time.monotonic()
            if worker.given.is_slow(now):
                self._take(worker, worker.channel.rest())
            if worker.given.is_slow(now):
                self._hooks.back(worker.given.waiting())

    def _watch_numbers(self, now: float) -> None:
        """Too many processes in a worker's group: it is ended whole."""
        suspects = [w for w in self.busy if w.pid and now - w.since > COUNT_SECONDS / 2]
        sizes = process.group_sizes() if suspects else {}
        most = self._rule.limits.processes
        for worker in suspects:
            if sizes.get(worker.pid, 0) > most:
                worker.fate = f"had more than {most} processes and was ended"
                self._nursery.signal(worker.slot, signal.SIGKILL)

    # --- hearing them ---------------------------------------------------------------------------

    def _hear(self, worker: Worker) -> None:
        try:
            heard = worker.channel.receive()
        except EOFError:
            self._watch.forget(worker.channel)  # it is dying: the forker will say of what
            return
        self._take(worker, heard)

    def _take(self, worker: Worker, heard: list[frames.Frame]) -> None:
        for kind, body in heard:
            if kind == "ready":
                self._anything_worked = True
                worker.state = "ready" if worker.term_at is None else "leaving"
                self._nursery.thrives()
            elif kind == "ask":
                self._hooks.asked(worker.given.running, body, partial(_answer, worker))
            elif kind == "note" and worker.given.running is not None:
                self._hooks.noted(worker.given.running, body)
            elif kind == "ended" and worker.given.running is not None:
                self._end(worker, body)
            elif kind == "forgot":
                self._hooks.back(worker.given.forgotten())
                if worker.state == "busy":
                    worker.state = "ready" if worker.term_at is None else "leaving"
            elif kind == "broken":
                self._broken(worker, chain.from_frame(body))

    def _end(self, worker: Worker, said: Any) -> None:
        """A job ended; its worker goes on with the next, waits for more, or leaves."""
        said = said if isinstance(said, dict) else {}
        leaves = said.pop("leaves", False) or not self._takes_many
        forgot = said.pop("forgot", False)
        self._learn(said.pop("took", None))
        job, worker.since = worker.given.ended(), worker.given.since
        if worker.term_at is not None:  # it has survived its SIGTERM; what that broke nobody knows
            self._nursery.signal(worker.slot, signal.SIGKILL)
        if leaves or worker.term_at is not None:
            worker.state = "leaving"
        if forgot or worker.state == "leaving":
            self._hooks.back(worker.given.forgotten())
        if worker.state == "busy" and not len(worker.given):
            worker.state = "ready"
        ended = chain.from_frame(said)
        if worker.is_cancelled and ended.how not in ("done", "skipped"):
            ended = CANCELLED
        self._hooks.ended(job, ended)

    def _learn(self, took: object) -> None:
        """A job took so long, in seconds, by its worker's clock.

        By ours it would take as long as we need to hear of it: with many services on a busy machine
        workers would be given one at a time for that, which makes the machine the busier.
        """
        if isinstance(took, float) and 0 <= took < math.inf:
            self._run_seconds += (took - self._run_seconds) * 0.05

    def _broken(self, worker: Worker, ended: Ended) -> None:
        """A constructor raised: final if nothing ever worked, else tried again after a pause."""
        worker.state = "leaving"
        text = f"a task or shell could not be constructed: {ended.error}"
        self._hooks.printed(worker.name, f"[{ended.error_id}] {text}\n{ended.trace}")
        self._did_not_work(text)

    def _print(self, worker: Worker) -> None:
        for line in worker.output.read():
            self._hooks.printed(worker.name, line)
        if worker.output.is_closed:
            self._watch.forget(worker.output)

    # --- their ends -----------------------------------------------------------------------------

    def _born(self, slot: int, pid: int) -> None:
        worker = self._workers.get(slot)
        if worker is not None:
            worker.pid = pid

    def _died(self, slot: int, cause: Cause) -> None:
        worker = self._workers.get(slot)
        if worker is not None:
            self._bury(worker, cause)

    def _all_died(self, text: str) -> None:
        """The forker died, and the kernel ended its workers; we make sure of their groups."""
        self._hooks.printed("forker", text)
        for worker in list(self._workers.values()):
            process.kill_group(worker.pid)
            self._bury(worker, {"death": text})
        if not self._anything_worked:
            self._hooks.failed(f"{text}, before any worker was ready")

    def _bury(self, worker: Worker, cause: Cause) -> None:
        self._watch.forget(worker.channel)
        self._watch.forget(worker.output)
        self._take(worker, worker.channel.rest())  # it may have said how it ended, and died at once
        for line in worker.output.last():
            self._hooks.printed(worker.name, line)
        worker.channel.close()
        worker.output.close()
        self._workers.pop(worker.slot, None)
        if worker.given.running is not None:
            self._hooks.back(worker.given.waiting())
            self._hooks.ended(worker.given.running, _killed(worker, cause))
        elif worker.state == "starting":
            self._did_not_work(f"a worker died before it was ready: {cause['death']}")

    def _did_not_work(self, text: str) -> None:
        """Final if nothing ever worked; else workers are forked again after a pause."""
        if not self._anything_worked:
            self._hooks.failed(text)
        self._nursery.rest()


def _answer(worker: Worker, found: Any) -> None:
    """An answer of the pool's; a worker that is gone meanwhile needs none."""
    try:
        worker.channel.send("answer", found)
    except OSError:
        pass  # its death will be told


def _killed(worker: Worker, cause: Cause) -> Ended:
    if worker.is_cancelled:
        return CANCELLED
    text = worker.fate or f"its worker died: {cause['death']}"
    return Ended("failed", error=text, error_id=chain.new_error_id(), cause=dict(cause))
