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
import signal
import time
from collections.abc import Callable
from typing import Any, get_args

from botcannon_core.cannon import chain, frames, gate, kernel, member, process
from botcannon_core.cannon.chain import Ended
from botcannon_core.cannon.given import Depth
from botcannon_core.cannon.hooks import Hooks
from botcannon_core.cannon.job import Job
from botcannon_core.cannon.limits import COUNT_SECONDS, Limits
from botcannon_core.cannon.member import CANCELLED, State, Worker
from botcannon_core.cannon.nursery import Birth, Cause, News, Nursery
from botcannon_core.cannon.orders import SLOW_IN_SEAT_SECONDS, SLOW_SECONDS
from botcannon_core.cannon.room import Room
from botcannon_core.cannon.watch import Watch
from botcannon_core.compose.spec import WorkersSpec


class Crew:
    """The workers of one pool.

    A turn with nothing to do must cost the same for two workers and for a hundred: they are kept by
    state, and their limits looked at when the first of them may be reached.
    """

    def __init__(self, birth: Birth, watch: Watch, hooks: Hooks) -> None:
        self._rule: WorkersSpec = birth.service.workers
        self._watch = watch
        self._hooks = hooks
        self._workers: dict[int, Worker] = {}
        self._in: dict[State, dict[int, Worker]] = {state: {} for state in get_args(State)}
        self._look_at = math.inf  # when a limit may be reached, in monotonic seconds
        self._nursery = Nursery(birth, watch, News(self._died, self._all_died))
        self._anything_worked = self._is_dismissed = False
        self._count_at = 0.0
        self._takes_many = self._rule.isolation == "worker"
        self._has_seats = self._rule.has_seats
        self._at_once = self._rule.concurrency if self._takes_many else 1
        # A pool's death counts a try of all that were given, and a late SIGTERM may hit the next one.
        slow = SLOW_IN_SEAT_SECONDS if self._has_seats else SLOW_SECONDS
        is_safe = birth.service.deliver.tries > 1 and self._rule.timeout > slow
        may_wait = is_safe and (self._takes_many or self._has_seats)
        self._depth = Depth(may_wait, self._has_seats)
        self._limits = Limits(
            self._rule, self._depth, self._at_once, self._catch_up, self._end_by, hooks
        )
        self._room = Room(self._depth, self._at_once, kernel.processors())
        self.forks = 0

    @property
    def room(self) -> list[tuple[Worker, int]]:
        """Who may be given how many jobs now. No more than `max` workers are busy at once."""
        return self._room.among(self._in["ready"], self._in["busy"], self.free)

    @property
    def is_ready(self) -> bool:
        """True while a worker waits for a job."""
        return bool(self._in["ready"])

    @property
    def busy(self) -> list[Worker]:
        """The workers that run a job."""
        return list(self._in["busy"].values())

    @property
    def free(self) -> int:
        """How many workers more may be busy: of those there are, and those that may be forked."""
        most = 1 if self._rule.lazy else self._rule.max
        return max(0, most - len(self._in["busy"]))

    @property
    def supply(self) -> int:
        """How many jobs its seats have, if each has enough to do: there is no hurry. Else 0."""
        return self._room.supply(self._in["busy"], self.free) if self._has_seats else 0

    @property
    def ahead(self) -> int:
        """How many jobs should be at hand, to be given out soon."""
        return self._room.ahead(self._in["busy"], self.free)

    # --- keeping them ---------------------------------------------------------------------------

    def tend(self, waiting: int, is_calm: bool) -> None:
        """Fork what is wanted, let go what is not, and end what is over its limits."""
        if not self._is_dismissed:
            self._nursery.tend()
            if self._nursery.is_open and not self._nursery.is_resting():
                self._match(waiting, is_calm)
        now = time.monotonic()
        if now >= self._look_at:
            limited = [one for one in self._workers.values() if one.state != "ready"]
            for worker in limited:
                self._limits.watch_time(worker)
                self._limits.take_back(worker)
            self._look_at = min(map(self._limits.due, limited), default=math.inf)
        if now >= self._count_at:
            self._count_at = now + COUNT_SECONDS
            self._limits.watch_numbers(self.busy, now)

    def give(self, worker: Worker, given: list[Job]) -> None:
        """Hand a worker that has room its jobs, in this order."""
        if self._workers.get(worker.slot) is not worker:  # buried since: the forker died
            self._hooks.back(given)
            return
        stamp = worker.given.add(given)
        if worker.state != "busy":
            self._become(worker, "busy")
        self._look_at = min(self._look_at, self._limits.due(worker))
        try:
            by_gate = self._depth.is_short and self._rule.timeout > gate.LEAST_TIMEOUT
            worker.give(given, stamp, by_gate)
        except OSError:  # dying, or stopped: its death will be told, with the jobs still its own
            self._nursery.signal(worker.slot, signal.SIGKILL)

    def next_moment(self) -> float:
        """When something is due at the latest, in monotonic seconds."""
        moments = [self._look_at]
        if not self._is_dismissed and (not self._nursery.is_open or self._nursery.is_resting()):
            moments.append(self._nursery.opens_at)
        return min(moments)

    def dismiss(self) -> None:
        """Let every worker go that has no job, for good; the others may finish theirs."""
        self._is_dismissed = True
        for state in ("starting", "ready"):
            self._let_go(*self._in[state].values())

    def kill(self, job: Job | None = None) -> None:
        """End the worker of `job` at once, or every worker."""
        for worker in list(self._workers.values()):
            if job is None or worker.given.holds(job.entry):
                if job is not None:
                    worker.lost(job)
                self._nursery.signal(worker.slot, signal.SIGKILL)

    def cancel(self, job: Job) -> bool:
        """End the worker of `job`, which will not be tried again; True unless that had begun before.

        SIGTERM first, as for one over its time: it may still say how it ended, and that counts.
        """
        for worker in list(self._workers.values()):
            if job in worker.given.running:  # or it has ended: a signal would hit the next one
                self._catch_up(worker)
            if job in worker.given.running and job.id not in worker.cancelled:
                worker.cancelled.add(job.id)
                if self._at_once > 1:  # it runs others, too
                    worker.tell("cancel", job.id)
                else:
                    worker.term_at = time.monotonic()
                    self._look_at = min(self._look_at, self._limits.due(worker))
                    self._nursery.signal(worker.slot, signal.SIGTERM)
                return True
        return False

    def close(self) -> None:
        """End the forker, and with it whatever is left."""
        self._nursery.close()

    def _match(self, waiting: int, is_calm: bool) -> None:
        """Have as many workers starting or ready as are wanted ahead."""
        spare = len(self._in["starting"]) + len(self._in["ready"])
        wanted = self._wanted(waiting, is_calm)
        for _ in range(wanted - spare):
            self._fork()
        if spare > wanted and not self._rule.lazy:
            ready = self._in["ready"].values()
            unused = [worker for worker in ready if is_calm or worker.is_unused(self._rule)]
            self._let_go(*unused[: spare - wanted])

    def _wanted(self, waiting: int, is_calm: bool) -> int:
        """How many should be starting or ready: ahead of the busy ones, not instead of them."""
        if self._rule.lazy:
            return 0 if self._workers else 1
        if is_calm:
            return self._rule.idle
        useful = self._room.useful(self._in["busy"], self.free)
        wanted = max(self._rule.hot, min(-(-waiting // self._at_once), useful))
        # one for a single message is needed when another ends; one for many will be free again
        return min(wanted, self.free) if self._takes_many else wanted

    def _fork(self) -> None:
        slot = next(n for n in range(1, len(self._workers) + 2) if n not in self._workers)
        worker, theirs = member.expected(slot, self._at_once, self._has_seats)
        if not self._nursery.fork(slot, *theirs):
            worker.close()
            return
        self.forks += 1
        self._workers[slot] = worker
        self._become(worker, "starting")
        self._watch.on(worker.channel, lambda: self._hear(worker))
        self._watch.on(worker.output, lambda: self._hear_output(worker))

    def _let_go(self, *workers: Worker) -> None:
        for worker in workers:
            self._become(worker, "leaving")
            self._watch.forget(worker.channel)
            worker.channel.close()  # it hears the end of its channel, and exits

    def _become(self, worker: Worker, state: State) -> None:
        self._in[worker.state].pop(worker.slot, None)
        self._in[state][worker.slot] = worker
        worker.state, worker.since = state, time.monotonic()
        self._look_at = min(self._look_at, self._limits.due(worker))

    # --- hearing them ---------------------------------------------------------------------------

    def _hear(self, worker: Worker) -> None:
        try:
            heard = worker.channel.receive()
        except EOFError:
            self._watch.forget(worker.channel)  # it is dying: the forker will say of what
            self._nursery.signal(worker.slot, signal.SIGKILL)  # or it says what nobody understands
            return
        self._take(worker, heard)

    def _catch_up(self, worker: Worker) -> None:
        self._take(worker, worker.channel.rest())

    def _end_by(self, worker: Worker, number: int) -> None:
        self._nursery.signal(worker.slot, number)

    def _take(self, worker: Worker, heard: list[frames.Frame]) -> None:
        for kind, body in heard:
            if kind == "ready":
                self._ready(worker, body)
            elif kind == "ask":
                self._asked(worker, body)
            elif kind == "note":
                self._hooks.noted(*worker.given.said(body))
            elif kind == "ended":
                self._end(worker, body if isinstance(body, dict) else {})
            elif kind == "leaves":
                self._closes(worker, body if isinstance(body, list) else [])
            elif kind == "forgot":
                self._forgot(worker, body)
            elif kind == "broken":
                self._broken(worker, chain.from_frame(body))

    def _ready(self, worker: Worker, body: Any) -> None:
        pid, number = body if isinstance(body, list) and len(body) == 2 else (0, None)
        if self._is_out_of_turn(worker, number):
            return
        self._anything_worked = True
        self._nursery.thrives()
        worker.pid = pid if isinstance(pid, int) else 0
        if not len(worker.given):  # else it was given some meanwhile
            self._become(worker, "ready" if worker.term_at is None else "leaving")

    def _is_out_of_turn(self, worker: Worker, number: object) -> bool:
        """True if one before it in this seat has not said how it ended: that is the end of the seat."""
        if number == worker.given.turn or not self._has_seats:
            return False
        worker.fate = worker.fate or "left without a word of how it ended"
        self._nursery.signal(worker.slot, signal.SIGKILL)
        return True

    def _asked(self, worker: Worker, body: Any) -> None:
        """A worker asks for something, and may have gone before the answer comes."""
        if self._has_seats:
            self._depth.close()  # it would read what waits for its successors in search of the answer
        who = worker.asker

        def answer(answer: Any) -> None:
            if who == worker.asker:
                worker.tell("answer", (who, answer))

        self._hooks.asked(*worker.given.said(body), answer)

    def _forgot(self, worker: Worker, turn: object) -> None:
        """All that it was given behind what has ended is void, and comes back."""
        if not self._is_out_of_turn(worker, turn):
            self._hooks.back(worker.given.forgotten())
            self._rest(worker)

    def _end(self, worker: Worker, said: dict[str, Any]) -> None:
        """A job ended; its worker goes on with the next, waits for more, or leaves."""
        if self._has_seats and self._is_out_of_turn(worker, said.pop("turn", None)):
            return
        leaves, forgot = said.pop("leaves", None), said.pop("forgot", False)
        self._depth.learn(said.pop("took", None))
        job = worker.given.ended(said.pop("id", None))
        if job is None:
            return  # user code said it in its worker's name
        worker.since = worker.given.since
        if self._has_seats:
            self._make_way(worker)
        elif leaves is not None or forgot or worker.term_at is not None or not len(worker.given):
            self._go_on(worker, leaves, forgot)
        ended = chain.from_frame(said)
        if job.id in worker.cancelled and ended.how not in ("done", "skipped"):
            ended = CANCELLED
        self._hooks.ended(job, ended)

    def _make_way(self, worker: Worker) -> None:
        """One of a seat leaves: the seat forks the next, with what it was given ahead."""
        self._print(worker, worker.output.so_far())
        if worker.term_at is not None:  # a SIGTERM that comes late, for the one before, may hit it
            self._hooks.back(worker.given.forgotten())
            self._let_go(worker)
            self._nursery.signal(worker.slot, signal.SIGKILL)
        else:
            self._rest(worker)

    def _go_on(self, worker: Worker, leaves: object, forgot: object) -> None:
        """One that may take many messages goes on with what it has, unless it leaves."""
        if not self._takes_many or leaves is not None:
            self._closes(worker, [])
        elif worker.term_at is not None and self._at_once == 1:
            self._closes(worker, [])  # it has survived its SIGTERM: what that broke nobody knows
            self._nursery.signal(worker.slot, signal.SIGKILL)
        else:
            self._hooks.back(worker.given.forgotten() if forgot else [])
            self._rest(worker)

    def _closes(self, worker: Worker, kept: list[object]) -> None:
        """It ends those that it has begun, and takes no more."""
        worker.is_closing = True
        self._hooks.back(worker.given.all_but(kept))
        self._rest(worker)

    def _rest(self, worker: Worker) -> None:
        if worker.state != "busy" or len(worker.given):
            return
        if self._has_seats and self._is_dismissed:
            self._let_go(worker)
        elif self._has_seats:
            self._become(worker, "starting")  # the next of the seat
        else:
            self._become(worker, "leaving" if worker.is_closing else "ready")

    def _broken(self, worker: Worker, ended: Ended) -> None:
        """A constructor raised: final if nothing ever worked, else tried again after a pause."""
        self._become(worker, "leaving")
        self._hooks.back(worker.given.forgotten())
        text = f"a task or shell could not be constructed: {ended.error}"
        self._hooks.printed(worker.name, f"[{ended.error_id}] {text}\n{ended.trace}")
        self._did_not_work(text)

    def _hear_output(self, worker: Worker) -> None:
        self._print(worker, worker.output.read())
        if worker.output.is_closed:
            self._watch.forget(worker.output)

    def _print(self, worker: Worker, lines: list[str]) -> None:
        for line in lines:
            self._hooks.printed(worker.name, line)

    # --- their ends -----------------------------------------------------------------------------

    def _died(self, slot: int, cause: Callable[[], Cause]) -> None:
        worker = self._workers.get(slot)
        if worker is not None:
            self._bury(worker, cause)

    def _all_died(self, text: str) -> None:
        """The forker died, and the kernel ended its workers; we make sure of their groups."""
        self._hooks.printed("forker", text)
        for worker in list(self._workers.values()):
            process.kill_group(worker.pid)
            self._bury(worker, lambda: {"death": text})
        if not self._anything_worked:
            self._hooks.failed(f"{text}, before any worker was ready")

    def _bury(self, worker: Worker, cause: Callable[[], Cause]) -> None:
        self._watch.forget(worker.channel)
        self._watch.forget(worker.output)
        self._catch_up(worker)  # it may have said how it ended, and died at once
        self._print(worker, worker.output.last())
        worker.close()
        self._workers.pop(worker.slot, None)
        self._in[worker.state].pop(worker.slot, None)
        self._hooks.back(worker.given.waiting())
        ended = [(job, worker.killed(job, cause())) for job in worker.given.running]
        worker.given.forgotten()
        for job, how in ended:
            self._hooks.ended(job, how)
        # if one in its seat was ready, the first of another one will show whether the next would be
        if worker.state == "starting" and not worker.given.turn:
            self._did_not_work(f"a worker died before it was ready: {worker.death(cause())}")

    def _did_not_work(self, text: str) -> None:
        """Final if nothing ever worked; else workers are forked again after a pause."""
        if not self._anything_worked:
            self._hooks.failed(text)
        self._nursery.rest()
