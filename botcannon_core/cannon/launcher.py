"""The launcher: starts the services' processes, watches them, restarts them, and stops them in order.

One process, single-threaded, that imports no user code: hear, bury, steer. It also writes the log and
says who is there; what it cannot tell the store is only told late. Not here: what a service is made of
(service) and everything that must be right before anything starts (prepare).
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from botcannon_core.cannon import child as children
from botcannon_core.cannon import gate, kernel, life, locks, orphans, process
from botcannon_core.cannon.child import Child, Run
from botcannon_core.cannon.control import Ear, Words
from botcannon_core.cannon.frames import Channel
from botcannon_core.cannon.intake import process as intake
from botcannon_core.cannon.log import Log
from botcannon_core.cannon.nursery import Birth
from botcannon_core.cannon.pool import Pool
from botcannon_core.cannon.prepare import Ready
from botcannon_core.cannon.service import Means, Part, Service
from botcannon_core.cannon.watch import Watch
from botcannon_core.errors import StoreError
from botcannon_core.ledger import lease, presence
from botcannon_core.ledger.line import Cut
from botcannon_core.ledger.presence import Presence
from botcannon_core.ledger.refused import Refused
from botcannon_core.message import redacted

if TYPE_CHECKING:
    from botcannon_core.cannon.frames import Frame

TICK_SECONDS = 1.0
ORDERS: Mapping[str, Callable[[Service], None]] = {
    "stop": Service.hold,
    "start": Service.start_again,
    "restart": Service.restart,
}


class Launcher:
    """One `up`, from the first fork to the last burial."""

    def __init__(
        self,
        ready: Ready,
        log: Log,
        on_up: Callable[[dict[str, str]], None] | None = None,
    ) -> None:
        self._ready = ready
        self._on_up = on_up  # told once, all states: everything is up, or something failed
        self._log = log
        self._me = life.own_life()
        self._watch = Watch()
        self._signals = process.Signals(
            signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD
        )
        self._ear = Ear(ready.run_folder, self._answer)
        self._gate = gate.made(kernel.processors())
        self._services = {
            name: Service(spec, ready.parts, self._means(name), ready.facts[name].many)
            for name, spec in ready.services.items()
        }
        self._owner = ready.terminal_owner
        self._lines = {name: Tie(ready, name, self._watch) for name in self._services}
        self._is_down = False  # `down` was asked for
        self._ended_by = 0  # the signal that asked us to end
        self._tick_at = 0.0
        self._told: dict[str, str] = {}

    def run(self) -> int:
        """Run until every service is over; returns the exit code."""
        process.inherit_orphans()
        self._watch.on(self._signals, self._hear_signals)
        self._watch.on(self._ear, self._ear.hear)
        self._steer()  # before the first wait: everything is due already, and nothing would wake us
        while not self._is_over():
            self._hear()
            self._bury()
            self._steer()
        self._leave()
        if self._ended_by:
            return 128 + self._ended_by
        return 1 if self.failures else 0

    @property
    def failures(self) -> dict[str, str]:
        """Why each service that failed did so, by name."""
        failed = {name: one for name, one in self._services.items() if one.failure}
        return {name: redacted(one.failure, one.spec.hidden) for name, one in failed.items()}

    # --- hear --------------------------------------------------------------------------------------

    def _hear(self) -> None:
        now = time.monotonic()
        moments = [service.next_moment() for service in self._services.values()]
        due = min((m for m in moments if m is not None), default=now + TICK_SECONDS)
        self._watch.wait(max(0.0, min(TICK_SECONDS, due - now)))

    def _hear_signals(self) -> None:
        for number in self._signals.taken():
            if number == signal.SIGCHLD:
                continue  # the burial looks anyway
            if self._ended_by:
                self._each(Service.insist)
            else:
                self._ended_by = number
                self._each(Service.stop)

    def _hear_child(self, name: str, child: Child) -> None:
        try:
            frames = child.channel.receive()
        except EOFError:
            self._watch.forget(child.channel)
            return
        self._take(name, child, frames)

    def _take(self, name: str, child: Child, frames: list[Frame]) -> None:
        for kind, body in frames:
            if kind == "log":
                self._write(name, body)
            elif kind == "state":
                child.state = str(body)
            elif kind == "failed":
                child.failure = str(body)

    def _hear_output(self, name: str, child: Child) -> None:
        for text in child.output.read():
            self._write(name, {"part": child.part, "level": "output", "text": text})
        if child.output.is_closed:
            self._watch.forget(child.output)

    def _write(self, name: str, said: dict[str, str]) -> None:
        spec, tie = self._services[name].spec, self._lines[name]
        said.setdefault("pid", str(os.getpid()))
        self._log.write(tie.keys, tie.line, said, spec.hidden)

    # --- bury --------------------------------------------------------------------------------------

    def _bury(self) -> None:
        """Take leave of children that ended, and of orphans that became ours."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            self._take_leave(pid, status)
            orphans.end_group(pid)

    def _take_leave(self, pid: int, status: int) -> None:
        for name, service in self._services.items():
            for child in list(service.children.values()):
                if child.pid == pid:
                    self._hear_last_words(name, child)
                    service.ended(child, process.ended_by(os.waitstatus_to_exitcode(status)))
                    orphans.end_left_behind(self._pids())

    def _hear_last_words(self, name: str, child: Child) -> None:
        self._watch.forget(child.channel)
        self._take(name, child, child.channel.rest())
        self._watch.forget(child.output)
        for text in child.output.last():
            self._write(name, {"part": child.part, "level": "output", "text": text})
        child.close()

    def _pids(self) -> set[int]:
        return {c.pid for s in self._services.values() for c in s.children.values()}

    # --- steer -------------------------------------------------------------------------------------

    def _steer(self) -> None:
        """Let every service do what is due, and say how things are."""
        for name, service in self._services.items():
            if name != self._owner or self._others_are_up():
                service.tend()
        owner = self._services.get(self._owner or "")
        if owner is not None and owner.is_over and not owner.is_held:
            self._each(Service.stop)
        self._announce()
        self._tell_once()

    def _tell_once(self) -> None:
        services = self._services
        if self._on_up and all(
            s.is_up or s.is_over or s.state == "standby" for s in services.values()
        ):
            self._on_up({n: "failed" if s.failure else s.state for n, s in services.items()})
            self._on_up = None

    def _announce(self) -> None:
        now = time.monotonic()
        states = {name: service.state for name, service in self._services.items()}
        if now < self._tick_at and states == self._told:
            for tie in self._lines.values():
                tie.flush()  # what was logged meanwhile
            return
        waits = any(one.needs_lease and not one.has_lease for one in self._services.values())
        self._tick_at = now + (TICK_SECONDS if waits else presence.RENEW_SECONDS)
        self._told = states
        for name, service in self._services.items():
            tie = self._lines[name]
            tie.tell(service, self._me)
            self._log.catch_up(tie.keys, tie.line)

    def _others_are_up(self) -> bool:
        """The terminal's owner starts last, so that its first question finds everybody there."""
        others = [service for name, service in self._services.items() if name != self._owner]
        return all(one.is_up or one.is_over or one.state == "standby" for one in others)

    def _each(self, do: Callable[[Service], None]) -> None:
        for service in self._services.values():
            do(service)

    def _is_over(self) -> bool:
        over = all(service.is_over for service in self._services.values())
        held = any(service.is_held for service in self._services.values())
        return over and (not held or bool(self._ended_by) or self._is_down)

    def _leave(self) -> None:
        self._ear.close()
        for tie in self._lines.values():
            tie.leave(self._me)
        orphans.end_all(self._bury)
        self._watch.close()
        gate.give_up(self._gate)

    # --- starting children -------------------------------------------------------------------------

    def _means(self, name: str) -> Means:
        ready, spec = self._ready, self._ready.services[name]
        birth = Birth(spec, str(ready.project), ready.history_for(name), self._gate)

        def run_pool(control: Channel) -> str:
            locks.be_seen(ready.run_folder, f"{name}.pool")
            ready.store.after_fork()
            return Pool(birth, ready.store, control).run()

        def run_intake(control: Channel) -> str:
            locks.be_seen(ready.run_folder, f"{name}.intake")
            ready.store.after_fork()
            handles = {"ledger": ready.open_history}
            return intake.run(spec, ready.store, control, handles, "pool" in ready.parts)

        def say(part: str, text: str) -> None:
            self._write(name, {"part": part, "level": "info", "text": text})

        return Means(partial(self._start, name), run_intake, run_pool, say)

    def _start(self, name: str, part: Part, run: Run) -> Child:
        owns = part == "intake" and name == self._owner
        keep = {*self._ready.store.inherited, *([self._gate] if part == "pool" else [])}
        child = children.start(part, run, keep - {gate.NONE}, owns)
        self._watch.on(child.channel, lambda: self._hear_child(name, child))
        self._watch.on(child.output, lambda: self._hear_output(name, child))
        return child

    # --- being told --------------------------------------------------------------------------------

    def _answer(self, words: Words) -> Words:
        """What another command of this folder asks of us."""
        named = words.get("services") or list(self._services)
        ours = [self._services[name] for name in named if name in self._services]
        for service in ours if words["verb"] in ORDERS else []:
            ORDERS[words["verb"]](service)
        if words["verb"] == "down":
            self._is_down = True
            self._each(Service.stop)
        states = {name: service.state for name, service in self._services.items()}
        return {"pid": os.getpid(), "services": states}


class Tie:
    """A launcher's line to the store for one service; what cannot be said now is not said."""

    def __init__(self, ready: Ready, name: str, watch: Watch) -> None:
        self.keys = ready.store.keys(name)
        self._store = ready.store
        self._watch = watch
        self.line = ready.line(name)
        self._watch.on(self.line, self._hear)

    def tell(self, service: Service, me: str) -> None:
        """Renew the lease, and say how every process is."""
        try:
            if not self.line.is_open:
                self.line.reopen(again=False)
                self._watch.on(self.line, self._hear)
            self._renew(service, me)
            self._announce(service, me)
            self.line.flush()
        except StoreError:
            self._close()  # the store is away; the next tick tries again

    def flush(self) -> None:
        """Send what was said so far."""
        try:
            self.line.flush()
        except StoreError:
            self._close()

    def leave(self, me: str) -> None:
        """Give up what we held."""
        try:
            lease.release(self.line, self.keys, me)
            for part in ("intake", "pool", "service"):
                presence.withdraw(self.line, self.keys, me, part)
            self.line.ask("PING", timeout=1.0)
        except (StoreError, Refused):
            pass  # then it runs out by itself
        self._close()

    def _renew(self, service: Service, me: str) -> None:
        def holder(who: str) -> None:
            service.has_lease = who == me
            service.lease_holder = "" if who == me else who
            if who != me and life.is_over_here(who):
                lease.take(self.line, self.keys, me, holder, dead=who)
                self.line.flush()

        if service.needs_lease:
            lease.take(self.line, self.keys, me, holder)
        elif service.has_lease and "intake" not in service.children:
            service.has_lease = False
            lease.release(self.line, self.keys, me)

    def _announce(self, service: Service, me: str) -> None:
        name, since = self.keys.service, time.time()
        whole = Presence(
            me,
            name,
            "service",
            service.state,
            os.getpid(),
            since,
            service.restarts,
            service.failure,
        )
        presence.announce(self.line, self.keys, whole)
        for part in ("intake", "pool"):
            child = service.children.get(part)
            if child is None:
                presence.withdraw(self.line, self.keys, me, part)
            else:
                one = Presence(me, name, part, child.state, child.pid, child.since)
                presence.announce(self.line, self.keys, one)

    def _hear(self) -> None:
        try:
            self.line.hear()
        except Cut:
            self._close()

    def _close(self) -> None:
        self._watch.forget(self.line)
        self.line.close()
