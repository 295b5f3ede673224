"""Cancels, as a pool carries them out: what somebody wants ended is ended, wherever it runs.

A pool looks for wishes only while something runs that is not done at once, a few times a second and for
all askers in one question; ordinary traffic asks the store nothing more. Not here: who may wish what
(there is nothing to allow: everybody ends their own), and how a worker is ended (crew).
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable

from botcannon_core.cannon.chain import Ended
from botcannon_core.cannon.crew import Crew
from botcannon_core.cannon.job import Job
from botcannon_core.cannon.member import CANCELLED
from botcannon_core.ledger import cancels
from botcannon_core.ledger.keys import Keys
from botcannon_core.ledger.line import Line

LOOK_SECONDS = 0.3  # between two looks; what ends sooner need not be cancelled
MOST_REMEMBERED = 1000  # wishes


class Cancels:
    """Ends what runs here and is not wanted any more."""

    def __init__(self, line: Line, keys: Keys, crew: Crew, said: str = "text") -> None:
        self._line = line
        self._keys = keys
        self._crew = crew
        self._said = said  # the field in which a message is a wish
        self._look_at = math.inf
        self._wishes: dict[str, str] = {}  # by asker: what they asked before this entry is to end

    def next_moment(self) -> float:
        """When to look again, in monotonic seconds."""
        return self._look_at

    def begun(self) -> None:
        """Something was begun: it is looked after unless it ends soon."""
        if self._look_at == math.inf:
            self._look_at = time.monotonic() + LOOK_SECONDS

    def tend(self) -> None:
        """Look, if it is time and anything has run for a while."""
        now = time.monotonic()
        if now < self._look_at:
            return
        busy = self._crew.busy
        self._look_at = now + LOOK_SECONDS if busy else math.inf
        old = [job for w in busy if now - w.since >= LOOK_SECONDS / 2 for job in w.given.running]
        askers = sorted({who for job in old if (who := cancels.whose(job.fields))})
        if askers:
            cancels.look(self._line, self._keys, askers, self._heard)

    def ended(self, job: Job) -> Ended | None:
        """How a message ends that is not to be begun any more, since whoever asked said so meanwhile."""
        if not self._wishes or not (wish := self._wish_about(job)):
            return None
        cancels.carried_out(self._line, self._keys, *wish)
        return CANCELLED

    def _heard(self, wishes: dict[str, str]) -> None:
        for who, entry in wishes.items():
            self._wishes.pop(who, None)
            self._wishes[who] = entry
        for who in list(self._wishes)[:-MOST_REMEMBERED]:
            del self._wishes[who]
        self._carry_out(job for worker in self._crew.busy for job in worker.given.running)

    def _carry_out(self, jobs: Iterable[Job]) -> None:
        for job in jobs:
            if (wish := self._wish_about(job)) and self._crew.cancel(job):
                cancels.carried_out(self._line, self._keys, *wish)

    def _wish_about(self, job: Job) -> tuple[str, str] | None:
        """Who wants this message ended and since which entry, if anybody does.

        A wish itself is not ended by a later one: it has to be answered.
        """
        who = cancels.whose(job.fields)
        entry = self._wishes.get(who)
        if (
            not entry
            or cancels.is_wish(job.fields, self._said)
            or not cancels.is_before(job.entry, entry)
        ):
            return None
        return who, entry
