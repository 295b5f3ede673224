"""The pool: hands a service's messages to workers, and sees to it that each ends in one outcome.

One process per service and host, single-threaded: hear, hand out, tend. Not here: which messages it
holds and in whose name (stock), how workers are kept alive (crew), what an ending looks like (job).
"""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

from botcannon_core.cannon import asks, chain, life
from botcannon_core.cannon import job as jobs
from botcannon_core.cannon.cancels import Cancels
from botcannon_core.cannon.chain import Ended
from botcannon_core.cannon.crew import Crew
from botcannon_core.cannon.frames import Channel
from botcannon_core.cannon.hooks import Hooks
from botcannon_core.cannon.job import Job
from botcannon_core.cannon.member import CANCELLED
from botcannon_core.cannon.notes import Notes
from botcannon_core.cannon.nursery import Birth
from botcannon_core.cannon.process import Signals
from botcannon_core.cannon.stock import Stock
from botcannon_core.cannon.watch import Watch
from botcannon_core.errors import StoreError
from botcannon_core.ledger import journal, stream
from botcannon_core.ledger.line import Cut, Line
from botcannon_core.ledger.refused import Refused
from botcannon_core.ledger.store import Store

AHEAD_SECONDS = 0.05  # what can be started within this time is read ahead
MOST_AHEAD = 2000  # messages, however fast they are
TIDY_SECONDS = 1.0  # while there is traffic
CALM_TIDY_SECONDS = 5.0
MEND_SECONDS = 0.2  # between two attempts to reach the store again
LONGEST_WAIT_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 0.2
MOST_TURNS = 1000  # of a message that keeps a journal, which itself counts what it tries


class Pool:
    """One life of a pool."""

    def __init__(self, birth: Birth, store: Store, control: Channel) -> None:
        self._service = birth.service
        self._keys = store.keys(birth.service.name)
        self._control = control
        self._watch = Watch()
        self._signals = Signals(signal.SIGTERM)
        self._line = Line(store, self._keys.data)
        self._line.patience = stream.patience(birth.service.deliver.lease)
        self._stock = Stock(store, self._line, self._keys, birth.service, self._lost)
        told = Hooks(
            self._asked, self._ended, self._stock.back, self._print, self._fail, self._noted
        )
        self._crew = Crew(birth, self._watch, told)
        self._notes = Notes(self._line, self._keys, life.own_life())
        self._cancels = Cancels(self._line, self._keys, self._crew, birth.service.said)
        # what keeps a journal is ended by nobody in the middle
        self._may_be_cancelled = not birth.service.chain
        self._pace = Pace(birth.service.workers.cooldown)
        self._finishing = False
        self._failure = ""
        self._is_ready = False
        self._mend_at: float | None = None  # set while the store is out of reach
        self._tidy_at = 0.0

    def run(self) -> str:
        """Work until told to finish; returns why it failed, or nothing."""
        self._watch_store()
        self._watch.on(self._control, self._hear_launcher)
        self._watch.on(self._signals, self._hear_signals)
        while not self._is_over():
            self._pause()
            self._hear()
            self._hand_out()
            self._tend()
        self._leave()
        return self._failure

    # --- hear -----------------------------------------------------------------------------------

    def _pause(self) -> None:
        """Where everybody has enough to do, listen when about half of that has ended, and not before.

        Each word would wake us, and take the processor from a worker. So it is settled together, too.
        """
        if supply := self._crew.supply:
            time.sleep(min(LONGEST_PAUSE_SECONDS, supply / 2 / max(1.0, self._pace.rate())))

    def _hear(self) -> None:
        try:
            self._watch.wait(self._patience())
        except Cut as cut:
            self._lost_store(cut)

    def _patience(self) -> float:
        """How long nothing can be due, in seconds."""
        if self._mend_at is not None:  # what is due in the store has to wait
            due = min(self._crew.next_moment(), self._mend_at)
        else:
            due = min(one.next_moment() for one in (self._stock, self._crew, self._cancels))
        return max(0.0, min(LONGEST_WAIT_SECONDS, due - time.monotonic()))

    def _hear_launcher(self) -> None:
        try:
            kinds = [kind for kind, _ in self._control.receive()]
        except EOFError:
            self._watch.forget(self._control)
            kinds = ["finish"]
        if "finish" in kinds:
            self._finish()

    def _hear_signals(self) -> None:
        if self._signals.taken():
            self._finish()

    # --- hand out -------------------------------------------------------------------------------

    def _hand_out(self) -> None:
        """Give the workers what they have room for."""
        self._stock.ripen()
        if self._finishing or not self._line.is_open or self._stock.leases_are_ending():
            return
        given = []
        room = self._crew.room if self._stock.waiting else []
        share = -(-self._stock.waiting // max(1, len(room)))
        for worker, most in room:
            found = list(self._next(min(most, max(1, share))))
            fitting = worker.given.fitting(found)
            jobs = found[:fitting]
            self._stock.put_back(found[fitting:])
            if jobs:
                given.append((worker, self._stock.begin(jobs)))
        if given:
            self._pace.busy()
            if self._may_be_cancelled:
                self._cancels.begun()
            self._flush()  # the tries are counted before the runs
        for worker, jobs in given:
            self._crew.give(worker, jobs)

    def _flush(self) -> None:
        try:
            self._stock.say()
            self._line.flush()
        except Cut as cut:
            self._lost_store(cut)  # what was said is said again

    def _next(self, most: int) -> Iterator[Job]:
        """Up to so many messages to run; one that has had its tries is parked instead."""
        while most > 0 and (job := self._stock.next()) is not None:
            if (cancelled := self._cancels.ended(job)) is not None:
                self._stock.settle(job, cancelled)
                continue
            if self._has_tries(job):
                most -= 1
                yield job
                continue
            text = f"its pool died or lost the store while it ran; it has had its {job.tries} tries"
            self._stock.settle(job, Ended("failed", error=text, error_id=chain.new_error_id()))

    def _asked(self, job: Job | None, asked: Any, then: Callable[[Any], None]) -> None:
        """A worker asks for something that is in the store."""
        held = self._stock.held(job) if job is not None else None
        asks.answer(self._line, self._keys, asked, then, held)

    def _noted(self, job: Job | None, text: Any) -> None:
        """A worker says how far it is: whoever asked is told."""
        if job is not None and self._stock.holds(job):
            self._notes.write(job, text)

    def _ended(self, job: Job, ended: Ended) -> None:
        """A run ended, well or not: settle it, park it, or try it again."""
        self._pace.one_more()
        self._notes.over(job)
        if not self._stock.holds(job):
            return  # somebody else has it, whose outcome counts
        if ended is CANCELLED:
            self._log("info", f"message {job.id} was cancelled by who asked")
        is_fine = ended.how in ("done", "skipped")
        if not is_fine:
            self._log("error", jobs.log_line(job, ended), ended.error_id)
        if ended.how in ("failed", "again") and self._has_tries(job, ended):
            # not with what killed it again: so one that kills its worker parks no other
            is_last = job.tries >= self._service.deliver.tries - 1
            again = job.on_its_own() if ended.cause and is_last else job
            self._stock.again(again, self._delay(job, ended))
            return
        self._stock.settle(job, ended)
        if is_fine and self._service.chain:
            self._stock.say()  # first: who dies between the two leaves a journal that nobody asks for
            journal.forget(self._line, self._keys, job.id, job.entry)

    def _has_tries(self, job: Job, ended: Ended | None = None) -> bool:
        """Whether it may be run again; what keeps a journal goes on where it was after any death."""
        goes_on = self._service.chain and (ended is None or ended.how == "again" or ended.cause)
        return job.tries < (MOST_TURNS if goes_on else self._service.deliver.tries)

    def _delay(self, job: Job, ended: Ended) -> float:
        """Seconds before the next try: none after the first death, else doubling, with jitter."""
        if ended.how == "again":
            return ended.delay
        if ended.cause and job.tries == 1:
            return 0.0
        rule = self._service.deliver
        longest: float = min(rule.backoff_max, rule.backoff * 2 ** (job.tries - 1))
        return longest * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, guards nothing

    def _lost(self, job: Job, why: str) -> None:
        """A message is ours no longer: our run of it must not go on."""
        self._log("warning", f"message {job.id} is no longer ours: {why}")
        self._crew.kill(job)

    # --- tend -----------------------------------------------------------------------------------

    def _tend(self) -> None:
        self._crew.tend(self._stock.waiting, self._pace.is_calm())
        if not self._is_ready and self._crew.is_ready:
            self._is_ready = True
            self._control.tell("state", "ready")
        if self._stock.leases_are_ending():
            self._let_go()
        try:
            if self._mended():
                self._line.check()
                self._stock.reader.line.check()
                self._stock.keep_leases()
                self._ask()
                self._cancels.tend()
                self._tidy()
                self._stock.say()
                self._line.flush()
        except Cut as cut:
            self._lost_store(cut)

    def _ask(self) -> None:
        """Ask for as many messages as can be started soon."""
        if not self._finishing:
            ahead = max(self._crew.ahead, int(self._pace.rate() * AHEAD_SECONDS))
            self._stock.ask(min(ahead, MOST_AHEAD))

    def _tidy(self) -> None:
        now = time.monotonic()
        if now >= self._tidy_at:
            self._tidy_at = now + (CALM_TIDY_SECONDS if self._pace.is_calm() else TIDY_SECONDS)
            keep = self._service.keep
            oldest = time.time() - keep.age
            stream.trim(self._line, self._keys.data, keep.messages, oldest, stream.POOL)
            stream.heal(self._line, self._keys)

    # --- the store comes and goes ---------------------------------------------------------------

    def _watch_store(self) -> None:
        self._watch.on(self._line, self._line.hear)
        self._watch.on(self._stock.reader.line, self._stock.hear)

    def _lost_store(self, cut: Cut) -> None:
        if self._mend_at is not None:
            return
        self._log("warning", f"{cut}; connecting again")
        for line in (self._line, self._stock.reader.line):
            self._watch.forget(line)
            line.close()
        self._mend_at = time.monotonic()

    def _mended(self) -> bool:
        """True while the store is in reach; else another attempt is made when it is time."""
        if self._mend_at is None:
            return True
        if time.monotonic() < self._mend_at:
            return False
        try:
            self._stock.reopen(reads=not self._finishing)
        except StoreError:
            self._line.close()
            self._mend_at = time.monotonic() + MEND_SECONDS
            return False
        self._mend_at = None
        self._line.say("HINCRBY", self._keys.key("counts"), "disruptions", 1)
        self._watch.on(self._line, self._line.hear)
        if not self._finishing:
            self._watch.on(self._stock.reader.line, self._stock.hear)
        self._log("info", "connected to the store again")
        return True

    def _let_go(self) -> None:
        """The store is out of reach and our leases end: others may run these messages soon."""
        self._log("error", "the store is out of reach: messages are let go, their workers ended")
        self._crew.kill()
        self._stock.drop_all()

    # --- the end --------------------------------------------------------------------------------

    def _finish(self) -> None:
        """Take no more; what runs may end, what waits is handed back."""
        if not self._finishing:
            self._finishing = True
            self._watch.forget(self._stock.reader.line)
            self._stock.stop_taking()
            self._crew.dismiss()

    def _is_over(self) -> bool:
        return self._finishing and not self._crew.busy and self._stock.is_empty

    def _leave(self) -> None:
        self._crew.close()
        try:
            self._stock.leave()
        except (StoreError, Refused):
            pass  # our name, and what it holds, are found by the next pool
        self._line.close()

    def _fail(self, reason: str) -> None:
        self._failure = self._failure or reason
        self._finish()

    def _print(self, part: str, text: str) -> None:
        self._control.tell("log", {"part": part, "level": "output", "text": text})

    def _log(self, level: str, text: str, error_id: str = "") -> None:
        body = {"part": "pool", "level": level, "text": text, "error_id": error_id}
        self._control.tell("log", body)


class Pace:
    """How fast messages end, and whether there is any traffic at all."""

    def __init__(self, cooldown: float) -> None:
        self._cooldown = cooldown
        self._busy_at = 0.0  # long ago: a pool begins calm
        self._since = time.monotonic()
        self._ends = 0
        self._rate = 0.0

    def busy(self) -> None:
        """There is traffic."""
        self._busy_at = time.monotonic()

    def one_more(self) -> None:
        """A message has ended, and there is traffic."""
        self._ends += 1
        self._busy_at = time.monotonic()

    def is_calm(self) -> bool:
        """True when there was no traffic for the cooldown."""
        return not self._busy_at or time.monotonic() - self._busy_at > self._cooldown

    def rate(self) -> float:
        """Messages ended per second, smoothed over about half a second."""
        seconds = time.monotonic() - self._since
        if seconds >= 0.1:
            self._rate += (self._ends / seconds - self._rate) * 0.3
            self._since, self._ends = time.monotonic(), 0
        return self._rate
