"""A member of the crew: one worker process, as its pool sees it.

Not here: when it is forked, given jobs, or ended (crew).
"""

from __future__ import annotations

import math
import os
import time
from dataclasses import dataclass, field
from typing import Any, Literal

from botcannon_core.cannon import chain, frames
from botcannon_core.cannon.chain import Ended
from botcannon_core.cannon.frames import Channel
from botcannon_core.cannon.given import Given
from botcannon_core.cannon.job import Job
from botcannon_core.cannon.lines import Lines
from botcannon_core.cannon.nursery import Cause
from botcannon_core.cannon.orders import SLOW_IN_SEAT_SECONDS, SLOW_SECONDS
from botcannon_core.compose.spec import WorkersSpec

TERM_SECONDS = 2.0  # between SIGTERM and SIGKILL for a worker over its time
GIVE_SECONDS = 2.0  # for a worker to take a message of any size; it is waiting for it
START_SECONDS = 60.0  # at least, for a worker to be ready: the forker may have to import first
CANCELLED = Ended("skipped", error="cancelled")  # how a job ends that is not wanted any more

State = Literal["starting", "ready", "busy", "leaving"]


@dataclass(eq=False)
class Worker:
    """One worker process, as its pool sees it."""

    slot: int
    channel: Channel
    output: Lines
    given: Given
    is_seat: bool = False  # in which one worker for one message follows the other
    state: State = "starting"
    pid: int = 0
    since: float = field(default_factory=time.monotonic)  # in this state, or running this job
    term_at: float | None = None  # when SIGTERM was sent
    fate: str = ""  # why we ended it, if we did
    cancelled: set[str] = field(default_factory=set)  # ids of jobs that nobody wants done any more
    is_closing: bool = False  # it ends what it has, and takes no more

    @property
    def name(self) -> str:
        """What its lines in the log begin with."""
        return f"worker-{self.slot}"

    @property
    def asker(self) -> int:
        """By what an answer finds who asked: the worker's turn in its seat, else the era."""
        return self.given.turn if self.is_seat else self.given.era

    def seconds(self, rule: WorkersSpec) -> float:
        """For how long it may be in its state, if nobody has ended it yet."""
        return max(START_SECONDS, rule.timeout) if self.state == "starting" else rule.timeout

    def limit(self, rule: WorkersSpec) -> float:
        """When it is to be ended, in monotonic seconds; for one that waits, never."""
        if self.state == "ready":
            return math.inf
        if self.term_at is not None:
            return self.term_at + TERM_SECONDS
        # those that run at the same time have a deadline in their worker, which is asked first
        grace = TERM_SECONDS if rule.concurrency > 1 else 0.0
        return self.since + self.seconds(rule) + grace

    def is_over_time(self, rule: WorkersSpec) -> bool:
        """True when it should have ended by now."""
        return time.monotonic() >= self.limit(rule)

    def has_just_begun(self) -> bool:
        """True while its job may still turn out to be a short one."""
        return self.since > time.monotonic() - self.given.slow / 2

    def is_quick(self) -> bool:
        """True while more may be given to it behind what it runs."""
        is_fresh = self.since > time.monotonic() - self.given.slow / 2
        return is_fresh and self.term_at is None and not self.given.is_alone

    def is_unused(self, rule: WorkersSpec) -> bool:
        """True if it has waited for longer than a moment without messages explains."""
        return time.monotonic() - self.since > rule.cooldown

    def give(self, jobs: list[Job], stamp: float, by_gate: bool) -> None:
        """Send it its orders. Raises OSError if it is gone, or does not read."""
        orders = [(job.id, job.fields) for job in jobs]
        era = self.given.era
        if self.is_seat:  # each is read by another worker
            bodies = [frames.packed("orders", (era, stamp, [one], by_gate)) for one in orders]
            self.channel.send_packed(b"".join(bodies))
        else:
            self.channel.send("orders", (era, stamp, orders))

    def tell(self, kind: str, body: Any) -> None:
        """A word to it; one that is gone meanwhile needs none."""
        try:
            self.channel.send(kind, body)
        except OSError:
            pass  # its death will be told

    def close(self) -> None:
        """Close our ends."""
        self.channel.close()
        self.output.close()

    def over_limit(self, text: str) -> None:
        """Note for what it is ended; of many that run in it any may be to blame, and none is named."""
        count = len(self.given.running)
        if count > 1:
            text = f"its worker was ended: one of the {count} messages that ran in it {text}"
        self.fate = self.fate or text

    def lost(self, job: Job) -> None:
        """Note that it is ended for this job, which is ours no longer."""
        where = "beside" if job in self.given.running else "behind"
        self.fate = f"was ended: {job.id}, {where} it, is another pool's now"

    def death(self, cause: Cause) -> str:
        """Of what it died, as far as is known."""
        return f"it {self.fate}" if self.fate else cause["death"]

    def killed(self, job: Job, cause: Cause) -> Ended:
        """How a job ended that ran when it died."""
        if job.id in self.cancelled:
            return CANCELLED
        text = self.fate or f"its worker died: {cause['death']}"
        return Ended("failed", error=text, error_id=chain.new_error_id(), cause=dict(cause))


def expected(slot: int, at_once: int, is_seat: bool) -> tuple[Worker, tuple[int, int]]:
    """A worker to be, and its ends of what connects it with us: its channel, and where it prints."""
    mine, theirs = frames.pair(GIVE_SECONDS)
    read_end, write_end = os.pipe()
    slow = SLOW_IN_SEAT_SECONDS if is_seat else SLOW_SECONDS
    worker = Worker(slot, Channel(mine), Lines(read_end), Given(at_once, slow), is_seat)
    return worker, (theirs, write_end)
