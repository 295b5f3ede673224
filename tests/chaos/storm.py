"""The storm: runs a plan over the hosts until every `up` has ended, striking whom the plan says.

It writes down each blow with its time, restarts what a supervisor would, and shows how far it is. Not
here: whether all went well (verdict).
"""

import math
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import redis

from tests.chaos.hosts import KEYS, Field, Host, wait_until
from tests.chaos.plan import HOSTS, LEASE_SECONDS, TIMEOUT_SECONDS, Plan, Strike
from tests.chaos.records import Blow, Records

TURN_SECONDS = 0.005
# Frozen or cut off for so long, a host has lost every lease; a worker, its time.
PAST_LEASE_SECONDS = LEASE_SECONDS + 1.0
PAST_TIMEOUT_SECONDS = TIMEOUT_SECONDS + 0.5
STALL_SECONDS = 40.0  # without a new answer: something is deaf
SHOW_SECONDS = 5.0


@dataclass
class Aftermath:
    """What is left to judge when the storm is over."""

    plan: Plan
    records: Records
    blows: list[Blow] = field(default_factory=list)
    missed: int = 0  # strikes that found nobody
    exits: list[int] = field(default_factory=list)  # of launchers that were started again
    left: list[str] = field(default_factory=list)  # processes that outlived their `up`
    early_bytes: int = 0  # of the store, after a fifth of the messages
    late_bytes: int = 0
    seconds: float = 0.0
    complaint: str = ""  # why the storm had to be broken off
    state: dict[str, Any] = field(default_factory=dict)  # of the store, see `state_of`


class Storm:
    """One storm."""

    def __init__(self, plan: Plan, folder: Path) -> None:
        self._field = Field(folder, plan, HOSTS)
        self._records = Records(self._field.shared)
        self.after = Aftermath(plan, self._records)
        self._strikes = plan.strikes()
        self._dice = random.Random(f"blows {plan.seed}")
        self._later: list[tuple[float, Callable[[], None]]] = []
        self._count = plan.count
        self._killed: set[int] = set()
        self._stalled_at = self._shown_at = 0.0
        self._began = time.monotonic()

    def run(self) -> Aftermath:
        """Let it rage; what the store and the hosts hold is looked at before they are taken down."""
        try:
            for host in self._field.hosts:
                host.up()
            while not all(host.is_over for host in self._field.hosts) and not self.after.complaint:
                self._turn()
                time.sleep(TURN_SECONDS)
            self._let_go_on(due_by=math.inf)
            self._records.look()
            self._look_around()
        finally:
            self.after.seconds = time.monotonic() - self._began
            self._field.close()
            self._records.close()
        return self.after

    @property
    def store(self) -> "redis.Redis":
        return self._field.store.client

    # --- one turn ----------------------------------------------------------------------------------

    def _turn(self) -> None:
        before = len(self._records.answered)
        self._records.look()
        answered = len(self._records.answered)
        now = time.monotonic()
        if answered > before or not self._stalled_at:
            self._stalled_at = now + STALL_SECONDS
        elif now > self._stalled_at:
            self.after.complaint = f"no answer for {STALL_SECONDS:g} s, at {answered}"
        if not self.after.early_bytes and answered >= self._count // 5:
            self.after.early_bytes = self._bytes()
        due = [strike for strike in self._strikes if strike.at <= answered]
        # one that finds nobody, just now, waits until there is somebody
        waiting = [strike for strike in due if not self._strike(strike)]
        self._strikes = waiting + self._strikes[len(due) :]
        self._let_go_on(due_by=now)
        for host in self._field.hosts:
            host.tend()
        self._show(now, answered)

    def _let_go_on(self, due_by: float) -> None:
        """Thaw and join again whom we have frozen or silenced for until then.

        In the end everybody: one whose launcher was killed meanwhile could not even die before.
        """
        for one in [one for one in self._later if one[0] <= due_by]:
            self._later.remove(one)
            one[1]()

    def _show(self, now: float, answered: int) -> None:
        if now >= self._shown_at:
            self._shown_at = now + SHOW_SECONDS
            past = now - self._began
            text = f"{answered}/{self._count} answered, {len(self.after.blows)} blows, {past:.0f} s"
            print(f"chaos {self.after.plan.seed}: {text}", file=sys.stderr, flush=True)

    def _bytes(self) -> int:
        """What the store holds, without what grows as it should: parked messages, and the log."""
        with suppress(redis.RedisError):
            used = int(self.store.info("memory")["used_memory_dataset"])
            kept = [self.store.memory_usage(key, samples=0) for key in (KEYS.dead, KEYS.log)]
            return used - sum(size or 0 for size in kept)
        return 0

    # --- striking ----------------------------------------------------------------------------------

    def _strike(self, strike: Strike) -> bool:
        """Carry out a strike; False if it finds nobody."""
        host = self._field.hosts[strike.host]
        begin = time.time()
        if strike.whom == "store":
            pid, seconds = 0, self._strike_store(strike.what)
        elif strike.what == "silence":
            pid, seconds = 0, self._silence(host)
        elif strike.whom == "host":
            pid, seconds = 0, self._freeze(host.processes(), PAST_LEASE_SECONDS)
        else:
            # whoever is not there on this host is looked for on another
            order = [host, *(other for other in self._field.hosts if other is not host)]
            found = [(pid, one) for one in order if (pid := self._find(strike.whom, one))]
            if not found:
                return False
            pid, host = found[0]
            seconds = self._strike_one(strike, pid)
        name = "" if strike.whom == "store" else host.name
        end = begin + seconds
        self.after.blows.append(Blow(strike.what, strike.whom, name, pid, begin, end))
        return True

    def _find(self, whom: str, host: Host) -> int:
        """The pid of somebody alive who plays this role, or 0."""
        last = self._records.pools.get(host.name)
        if whom == "launcher":
            pid = host.launcher.pid if host.launcher else 0
        elif whom == "intake":
            pid = self._records.intakes.get(host.name, 0)
        elif whom == "worker":
            busy = [run for run in self._records.open.values() if run.host == host.name]
            alive = [run.worker for run in busy[-20:] if self._is_target(run.worker, host)]
            pid = self._dice.choice(alive) if alive else 0
        else:
            pid = getattr(last, whom) if last else 0
        return pid if pid and self._is_target(pid, host) else 0

    def _is_target(self, pid: int, host: Host) -> bool:
        """True if it lives, and was not killed a moment ago."""
        return pid not in self._killed and _is_alive(pid, host)

    def _strike_one(self, strike: Strike, pid: int) -> float:
        """Kill or stop a process; for how many seconds it is struck."""
        if strike.what == "kill":
            self._killed.add(pid)
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            return 0.0
        seconds = PAST_TIMEOUT_SECONDS if strike.whom == "worker" else PAST_LEASE_SECONDS
        with suppress(psutil.Error):
            return self._freeze([psutil.Process(pid)], seconds)
        return 0.0

    def _freeze(self, processes: list[psutil.Process], seconds: float) -> float:
        def thaw() -> None:
            for process in processes:
                with suppress(psutil.Error):
                    process.resume()

        for process in processes:
            with suppress(psutil.Error):
                process.suspend()
        self._later.append((time.monotonic() + seconds, thaw))
        return seconds

    def _silence(self, host: Host) -> float:
        host.wire.silence(True)
        due = time.monotonic() + PAST_LEASE_SECONDS
        self._later.append((due, lambda: host.wire.silence(False)))
        return PAST_LEASE_SECONDS

    def _strike_store(self, what: str) -> float:
        began = time.monotonic()
        if what == "cut":
            with suppress(redis.RedisError):
                clients = [one["id"] for one in self.store.client_list()]
                self.store.client_kill_filter(_id=self._dice.choice(clients), skipme=True)
        else:
            self._field.store.end(signal.SIGKILL if what == "kill" else signal.SIGTERM)
            self._field.store.start()
        return time.monotonic() - began

    # --- afterwards --------------------------------------------------------------------------------

    def _look_around(self) -> None:
        after, hosts = self.after, self._field.hosts
        after.missed = len(self._strikes)
        after.exits = [code for host in hosts for code in host.exits]
        if after.complaint:
            return
        with suppress(AssertionError):
            wait_until(lambda: not any(host.processes() for host in hosts), "all are gone", 5.0)
        after.left = [str(one) for host in hosts for one in host.processes()]
        after.late_bytes = self._bytes()
        after.state = state_of(self.store)


def state_of(client: Any) -> dict[str, Any]:
    """What the store says of the service when all is over."""
    groups = {}
    for stream in (KEYS.data, KEYS.taskback):
        for about in client.xinfo_groups(stream):
            groups[about["name"]] = int(about["pending"])
    return {
        "pending": groups,
        "tries": client.hgetall(KEYS.key("tries")),
        "counts": {n: int(c) for n, c in client.hgetall(KEYS.key("counts")).items()},
        "dead": [fields for _, fields in client.xrange(KEYS.dead)],
        "kept": {stream: client.xlen(stream) for stream in (KEYS.data, KEYS.taskback)},
    }


def _is_alive(pid: int, host: Host) -> bool:
    try:
        process = psutil.Process(pid)
        alive = process.status() != psutil.STATUS_ZOMBIE
        return alive and process.environ().get("BOTCANNON_HOST") == host.name
    except psutil.Error:
        return False
