"""Limits: when a worker has had its time, too many processes, or others wait behind it for too long.

Not here: what becomes of the jobs of one that is ended (crew).
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from botcannon_core.cannon import process
from botcannon_core.cannon.given import Depth
from botcannon_core.cannon.hooks import Hooks
from botcannon_core.cannon.member import Worker
from botcannon_core.compose.spec import WorkersSpec

COUNT_SECONDS = 1.0  # between two counts of the processes of busy workers


@dataclass(frozen=True)
class Limits:
    """The limits of a crew's workers, and what is done about each.

    `catch_up` hears what a worker has said by now, `end` sends its group a signal.
    """

    rule: WorkersSpec
    depth: Depth
    at_once: int
    catch_up: Callable[[Worker], None]
    end: Callable[[Worker, int], None]
    hooks: Hooks

    def due(self, worker: Worker) -> float:
        """When this worker's limit may be reached, or others wait for its job for too long."""
        is_ahead = len(worker.given) > self.at_once == 1
        is_young = worker.state == "busy" and self.depth.is_short and worker.has_just_begun()
        if is_ahead or is_young:
            return worker.since + worker.given.slow
        return worker.limit(self.rule)

    def watch_time(self, worker: Worker) -> None:
        """Over its time: SIGTERM, and SIGKILL to its group if that does not help."""
        if worker.is_over_time(self.rule):  # but perhaps we were frozen, and it has ended
            self.catch_up(worker)
        if not worker.is_over_time(self.rule):
            return
        number = signal.SIGTERM if worker.term_at is None else signal.SIGKILL
        worker.over_limit(f"took longer than {worker.seconds(self.rule):g} s and was ended")
        worker.term_at = time.monotonic()
        self.end(worker, number)

    def take_back(self, worker: Worker) -> None:
        """One runs for long: those behind it go elsewhere, unless its end is on its way (see orders)."""
        if len(worker.given) > 1 and worker.state == "busy":
            now = time.monotonic()
            if worker.given.is_slow(now):
                self.catch_up(worker)
            if worker.given.is_slow(now):
                self.hooks.back(worker.given.waiting())

    def watch_numbers(self, busy: Iterable[Worker], now: float) -> None:
        """Too many processes in a worker's group: it is ended whole."""
        suspects = [one for one in busy if one.pid and now - one.since > COUNT_SECONDS / 2]
        sizes = process.group_sizes() if suspects else {}
        most = self.rule.limits.processes
        for worker in suspects:
            if sizes.get(worker.pid, 0) > most + self.rule.has_seats:  # which is one of the group
                worker.over_limit(f"had more than {most} processes and was ended")
                self.end(worker, signal.SIGKILL)
