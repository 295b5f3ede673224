"""One service as its launcher sees it: which of its processes should run, and how they are.

    pending ─> standby ─> starting ─> running ─> ready ──────────────> stopping ─> exited
                  ^           │ crash    │                                  └────> failed
                  └─ backoff <┘<─────────┘  (restarts left: the collector only)

*standby*: another host's collector is live; ours waits for the lease. *running*: the collector reads.
*ready*: workers wait, too. A pool that dies without saying why is always born again; one that says it
cannot work fails the service. Stop is a law: rest the intake, finish the pool, finish the intake.

If the launcher dies right here, the kernel sends its children SIGTERM, and they finish by themselves.
"""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from botcannon_core.cannon.child import Child, Run
from botcannon_core.compose.spec import ServiceSpec
from botcannon_core.errors import StoreError

Part = Literal["intake", "pool"]
HEALTHY_SECONDS = 10.0  # of running, after which earlier crashes are forgotten
# A child that could not reach the store when it began. That is no failure of the service: the store was
# there when we started, and may be restarted by others at any time.
NO_STORE = f"exit code {StoreError.exit_code}"
INSIST_SECONDS = 1.0  # between SIGTERM and SIGKILL when a stop takes too long


@dataclass(frozen=True)
class Means:
    """What a service needs of its launcher: how to start a part, and a place to say things."""

    start: Callable[[Part, Run], Child]
    run_intake: Run
    run_pool: Run
    say: Callable[[str, str], None]


class Service:
    """The state machine of one service's processes in one launcher."""

    def __init__(
        self, spec: ServiceSpec, parts: frozenset[Part], means: Means, many: bool = False
    ) -> None:
        self.spec = spec
        self._many = many  # then every host's collector reads, and there is no lease
        self._parts = parts if spec.tasks else parts - {"pool"}
        self._means = means
        self.children: dict[Part, Child] = {}
        self.state = "pending"
        self.failure = ""
        self.restarts = 0
        self.has_lease = False
        self.lease_holder = ""
        self._backoff: dict[Part, float] = {}
        self._again_at: dict[Part, float] = {}
        self._started: dict[Part, float] = {}
        self._worked: set[Part] = set()
        self._deadline: float | None = None
        self._insisted = False
        self._wants_to_run = True
        self._yields = False  # our lease went to another host: our collector ends, and stands by
        self.is_held = False  # stopped by hand: the launcher stays, so that it can be started again
        self._starts_again = False

    @property
    def needs_lease(self) -> bool:
        """True while a collector of ours runs or would like to."""
        return "intake" in self._parts and self._wants_to_run and not self._many

    @property
    def is_over(self) -> bool:
        """True when it runs no more and will not again by itself."""
        return self.state in ("exited", "failed")

    @property
    def is_up(self) -> bool:
        """True when everything it has is there."""
        return all(self._is_there(part) for part in self._parts)

    # --- orders ------------------------------------------------------------------------------------

    def start(self) -> None:
        """Run (again), from a clean slate."""
        self.state, self.failure, self.restarts = "pending", "", 0
        self._wants_to_run, self._deadline, self._insisted = True, None, False
        self.is_held = self._starts_again = False
        self._backoff.clear()
        self._again_at.clear()
        self._worked.clear()

    def stop(self, failure: str = "") -> None:
        """End in order: the collector rests, workers finish, taskbacks are delivered, close."""
        self.failure = self.failure or failure
        if self.is_over or self._deadline is not None:
            return
        self._wants_to_run = False
        self.state = "stopping"
        self._deadline = time.monotonic() + self.spec.stop_grace
        self._tell("intake", "rest" if "pool" in self.children else "finish")
        self._tell("pool", "finish")

    def start_again(self) -> None:
        """Run again if it is over."""
        if self.is_over:
            self.start()

    def hold(self) -> None:
        """Stop by hand, to be started again or not."""
        self.is_held = True
        self.stop()

    def restart(self) -> None:
        """Stop, and start as soon as it is over."""
        if self.is_over:
            self.start()
        else:
            self._starts_again = True
            self.stop()

    def insist(self) -> None:
        """End now, whatever is lost of time and not of messages."""
        self.stop()
        self._insisted = True
        for child in self.children.values():
            child.signal(signal.SIGKILL)

    # --- one turn ----------------------------------------------------------------------------------

    def tend(self) -> None:
        """Start what should run and does not; hurry what should have ended."""
        now = time.monotonic()
        if self._wants_to_run:
            self._yield_if_superseded()
            self._start_if_due("pool", now)
            self._start_if_due("intake", now)
            self._see_state()
        elif not self.children:
            self.state = "failed" if self.failure else "exited"
            if self._starts_again:
                self.start()
        else:
            self._hurry(now)

    def next_moment(self) -> float | None:
        """When something is due, in monotonic seconds."""
        moments = list(self._again_at.values())
        if self._deadline is not None and self.children:
            moments.append(self._deadline)
        return min(moments, default=None)

    def ended(self, child: Child, how: str) -> None:
        """A child of ours is gone; `how` says by what, in words."""
        part: Part = "intake" if child.part == "intake" else "pool"
        self.children.pop(part, None)
        if part == "pool" and "intake" in self.children and not self._wants_to_run:
            self._tell("intake", "finish")
        elif how == NO_STORE and self._wants_to_run:
            self._pause(part, 0.1, 1.0)
            self._means.say(part, f"{child.failure}; starting again")
        elif part == "pool" and self._wants_to_run:
            self._pool_ended(child, how)
        elif part == "intake" and self._wants_to_run:
            self._intake_ended(child, how)

    def _yield_if_superseded(self) -> None:
        if self.lease_holder and not self.has_lease and "intake" in self.children:
            if not self._yields:
                self._means.say("launcher", f"{self.lease_holder} has taken over the collector")
                self._tell("intake", "finish")
            self._yields = True

    def _intake_ended(self, child: Child, how: str) -> None:
        if self._yields:
            self._yields = False
            return
        if not child.failure and how == "exit code 0":
            self._means.say("intake", "the collector has ended")
            self.stop()
            return
        reason = child.failure or f"the intake ended by {how}"
        final = "intake" not in self._worked and bool(child.failure)
        if final or self.restarts >= self.spec.restart.max:
            self._means.say("intake", f"{reason}; the service fails")
            self.stop(reason)
            return
        self.restarts += 1
        self._pause("intake", self.spec.restart.backoff, self.spec.restart.backoff_max)
        self._means.say("intake", f"{reason}; restart {self.restarts} of {self.spec.restart.max}")

    def _pool_ended(self, child: Child, how: str) -> None:
        if child.failure:
            self._means.say("pool", f"{child.failure}; the service fails")
            self.stop(child.failure)
            return
        self._pause("pool", 0.1, 60.0)
        self._means.say("pool", f"the pool ended by {how}; starting another")

    def _pause(self, part: Part, first: float, longest: float) -> None:
        """Longer each time, from the beginning after a while of health."""
        now = time.monotonic()
        healthy = part in self._worked and now - self._started.get(part, now) > HEALTHY_SECONDS
        pause = first if healthy else self._backoff.get(part, first)
        self._backoff[part] = min(longest, pause * 2)
        self._again_at[part] = now + pause * random.uniform(0.8, 1.2)  # noqa: S311 - spreads load

    # --- details -----------------------------------------------------------------------------------

    def _start_if_due(self, part: Part, now: float) -> None:
        if part not in self._parts or part in self.children or now < self._again_at.get(part, 0.0):
            return
        if part == "intake" and not (self.has_lease or self._many):
            return
        self._again_at.pop(part, None)
        run = self._means.run_intake if part == "intake" else self._means.run_pool
        self.children[part] = self._means.start(part, run)
        self._started[part] = now

    def _see_state(self) -> None:
        for part, child in self.children.items():
            if child.state != "starting":
                self._worked.add(part)
        if "intake" in self._again_at:
            self.state = "backoff"
        elif self.needs_lease and not self.has_lease:
            self.state = "standby" if self.lease_holder else "pending"
        elif self.is_up:
            self.state = "ready"
        else:
            self.state = "running" if self._is_there("intake") else "starting"

    def _is_there(self, part: Part) -> bool:
        child = self.children.get(part)
        return child is not None and child.state != "starting"

    def _hurry(self, now: float) -> None:
        if self._deadline is None or now < self._deadline:
            return
        number = signal.SIGKILL if self._insisted else signal.SIGTERM
        for child in self.children.values():
            child.signal(number)
        if not self._insisted:
            self._means.say("launcher", f"not ended within {self.spec.stop_grace:g} s: insisting")
        self._insisted, self._deadline = True, now + INSIST_SECONDS

    def _tell(self, part: Part, word: str) -> None:
        child = self.children.get(part)
        if child is not None:
            child.tell(word)
