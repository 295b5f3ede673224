"""The crew: the workers that a pool has at hand, and the forker that bears them.

It keeps enough of them constructed ahead, gives each one job, watches its time, and says how every job
ended, whatever happened to the process. Not here: messages, tries, the store.

A worker is *starting* (forked, constructing), *ready* (waiting for its job), *busy* (has it), and
*leaving* (has said how it ended, or is not needed, or is being killed); it is forgotten when the forker
has buried it. If the pool dies right here, the forker hears its socket close and kills every group.
"""

from __future__ import annotations

import os
import pickle
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from botcannon_core.cannon import chain, forker, frames, process
from botcannon_core.cannon.chain import Ended
from botcannon_core.cannon.frames import Channel
from botcannon_core.cannon.job import Job
from botcannon_core.cannon.lines import Lines
from botcannon_core.cannon.watch import Watch
from botcannon_core.compose.spec import WorkersSpec

TERM_SECONDS = 2.0  # between SIGTERM and SIGKILL for a worker over its time
FORKER_PAUSE_SECONDS = 0.1  # before a forker that died is born again; doubles up to a minute

State = Literal["starting", "ready", "busy", "leaving"]


@dataclass(eq=False)
class Worker:
    """One worker process, as its pool sees it."""

    slot: int
    channel: Channel
    output: Lines
    state: State = "starting"
    pid: int = 0
    job: Job | None = None
    since: float = field(default_factory=time.monotonic)
    term_at: float | None = None  # when SIGTERM was sent
    overdue: bool = False


@dataclass(frozen=True)
class Hooks:
    """Whom the crew tells: a job ended; a worker printed a line; it cannot go on."""

    ended: Callable[[Job, Ended], None]
    printed: Callable[[str, str], None]
    failed: Callable[[str], None]


class Crew:
    """The workers of one pool."""

    def __init__(self, birth: forker.Birth, watch: Watch, hooks: Hooks) -> None:
        self._birth = birth
        self._watch = watch
        self._hooks = hooks
        self._workers: dict[int, Worker] = {}
        self._forker: subprocess.Popen[bytes] | None = None
        self._orders: socket.socket | None = None
        self._reports = bytearray()
        self._anything_worked = False
        self._pause = FORKER_PAUSE_SECONDS
        self._next_birth = 0.0
        self.forks = 0

    @property
    def _limits(self) -> WorkersSpec:
        return self._birth.service.workers

    @property
    def ready(self) -> list[Worker]:
        """The workers that wait for a job."""
        return [worker for worker in self._workers.values() if worker.state == "ready"]

    @property
    def busy(self) -> list[Worker]:
        """The workers that run a job."""
        return [worker for worker in self._workers.values() if worker.state == "busy"]

    @property
    def is_gone(self) -> bool:
        """True when no worker is left."""
        return not self._workers

    @property
    def free(self) -> int:
        """How many jobs could be started by the workers there are and those that may be forked."""
        limit = 1 if self._limits.lazy else self._limits.max
        return max(0, limit - len(self.busy))

    # --- keeping them alive ------------------------------------------------------------------------

    def tend(self, waiting: int, is_calm: bool) -> None:
        """Fork what is wanted, let go what is not, and end what is over its time."""
        if self._forker is None and time.monotonic() >= self._next_birth:
            self._bear_forker()
        if self._orders is not None:
            self._match(self._wanted(waiting, is_calm))
        for worker in list(self._workers.values()):
            self._watch_time(worker)

    def give(self, worker: Worker, job: Job) -> None:
        """Hand a ready worker its job."""
        worker.state, worker.job, worker.since = "busy", job, time.monotonic()
        try:
            worker.channel.send("message", job.order())
        except OSError:
            pass  # it is dying: its death will be reported, with the job still its own

    def next_moment(self) -> float | None:
        """When something is due at the latest, in monotonic seconds."""
        moments = [
            worker.term_at + TERM_SECONDS if worker.term_at else worker.since + self._limits.timeout
            for worker in self._workers.values()
            if worker.state in ("busy", "starting") or worker.term_at
        ]
        if self._forker is None:
            moments.append(self._next_birth)
        return min(moments, default=None)

    def dismiss(self) -> None:
        """Let every worker go that has no job, for good."""
        for worker in self._workers.values():
            if worker.state in ("starting", "ready"):
                self._let_go(worker)

    def kill(self, job: Job | None = None) -> None:
        """End the worker of `job` at once, or every worker."""
        for worker in self._workers.values():
            if job is None or (worker.job is not None and worker.job.entry == job.entry):
                self._order(forker.Word(forker.SIGNAL, worker.slot, signal.SIGKILL))

    def close(self) -> None:
        """End the forker, and with it whatever is left."""
        if self._orders is not None:
            self._watch.forget(self._orders)
            self._orders.close()
            self._orders = None
        if self._forker is not None:
            self._forker.wait()

    def _wanted(self, waiting: int, is_calm: bool) -> int:
        """How many workers should be starting or ready, besides the busy ones."""
        limits = self._limits
        if limits.lazy:
            return 1 if not self._workers else 0
        ahead = limits.idle if is_calm else max(limits.hot, min(waiting, limits.max))
        return min(ahead, limits.max - len(self.busy))

    def _match(self, wanted: int) -> None:
        spare = [w for w in self._workers.values() if w.state in ("starting", "ready")]
        if self._limits.lazy:
            wanted, spare = wanted, spare[:0]
        for _ in range(wanted - len(spare)):
            self._fork()
        for worker in spare[wanted:] if wanted >= 0 and not self._limits.lazy else ():
            if worker.state == "ready":
                self._let_go(worker)

    def _fork(self) -> None:
        slot = next(n for n in range(1, len(self._workers) + 2) if n not in self._workers)
        mine, theirs = frames.pair()
        read_end, write_end = os.pipe()
        worker = Worker(slot, Channel(mine), Lines(read_end))
        order = forker.Word(forker.FORK, slot).packed()
        try:
            socket.send_fds(self._sockets_end(), [order], [theirs.fileno(), write_end])
        except OSError:
            return self._forker_died()
        finally:
            theirs.close()
            os.close(write_end)
        self.forks += 1
        self._workers[slot] = worker
        self._watch.on(worker.channel, lambda: self._hear(worker))
        self._watch.on(worker.output, lambda: self._print(worker))
        return None

    def _let_go(self, worker: Worker) -> None:
        worker.state = "leaving"
        self._watch.forget(worker.channel)
        worker.channel.close()  # it hears the end of its channel, and exits

    def _watch_time(self, worker: Worker) -> None:
        now = time.monotonic()
        if worker.term_at is not None:
            if now >= worker.term_at + TERM_SECONDS:
                self._order(forker.Word(forker.SIGNAL, worker.slot, signal.SIGKILL))
                worker.term_at = now
        elif worker.state in ("busy", "starting") and now >= worker.since + self._limits.timeout:
            worker.overdue, worker.term_at = True, now
            self._order(forker.Word(forker.SIGNAL, worker.slot, signal.SIGTERM))

    # --- hearing them ------------------------------------------------------------------------------

    def _hear(self, worker: Worker) -> None:
        try:
            frames_heard = worker.channel.receive()
        except EOFError:
            self._watch.forget(worker.channel)  # it is dying: the forker will say of what
            return
        for kind, body in frames_heard:
            if kind == "ready":
                self._anything_worked = True
                worker.state, self._pause = "ready", FORKER_PAUSE_SECONDS
            elif kind == "ended" and worker.job is not None:
                self._end(worker, Ended(**body))
            elif kind == "broken":
                self._broken(worker, Ended(**body))

    def _end(self, worker: Worker, ended: Ended) -> None:
        job, worker.job, worker.state = worker.job, None, "leaving"
        if job is not None:
            self._hooks.ended(job, ended)

    def _broken(self, worker: Worker, ended: Ended) -> None:
        """A constructor raised: final if nothing ever worked, else tried again after a pause."""
        worker.state = "leaving"
        text = f"a task or shell could not be constructed: {ended.error}"
        self._hooks.printed(f"worker-{worker.slot}", f"[{ended.error_id}] {text}\n{ended.trace}")
        if not self._anything_worked:
            self._hooks.failed(text)
        self._rest()

    def _print(self, worker: Worker) -> None:
        for line in worker.output.read():
            self._hooks.printed(f"worker-{worker.slot}", line)
        if worker.output.is_closed:
            self._watch.forget(worker.output)

    # --- the forker --------------------------------------------------------------------------------

    def _bear_forker(self) -> None:
        self._orders, theirs = frames.pair()
        words = [sys.executable, *forker.COMMAND, str(theirs.fileno()), str(os.getpid())]
        self._forker = subprocess.Popen(
            words,
            stdin=subprocess.PIPE,
            pass_fds=[theirs.fileno()],
            env=process.worker_environment(os.environ),
        )
        theirs.close()
        self._reports.clear()
        self._watch.on(self._orders, self._hear_forker)
        assert self._forker.stdin is not None
        try:
            self._forker.stdin.write(pickle.dumps(self._birth))
            self._forker.stdin.close()
        except BrokenPipeError:
            pass  # it died at once: its socket says so

    def _hear_forker(self) -> None:
        try:
            data = self._sockets_end().recv(4096)
        except ConnectionError:
            data = b""
        if not data:
            self._forker_died()
            return
        self._reports += data
        for report in forker.words_in(self._reports):
            worker = self._workers.get(report.slot)
            if worker is not None and report.kind == forker.FORKED:
                worker.pid = report.number
            elif worker is not None and report.kind == forker.DIED:
                self._bury(worker, _death(report.number, report.memory))

    def _bury(self, worker: Worker, cause: dict[str, str]) -> None:
        if worker.state == "busy":
            self._hear_last_words(worker)
        self._print(worker)
        self._watch.forget(worker.channel)
        self._watch.forget(worker.output)
        worker.channel.close()
        worker.output.close()
        self._workers.pop(worker.slot, None)
        if worker.job is not None:
            self._hooks.ended(worker.job, self._killed(worker, cause))
        elif worker.state == "starting":
            self._died_starting(worker, cause)

    def _hear_last_words(self, worker: Worker) -> None:
        """Frames may still be on the channel of a worker that said how it ended and died at once."""
        while worker.job is not None and self._watch.knows(worker.channel):
            self._hear(worker)

    def _died_starting(self, worker: Worker, cause: dict[str, str]) -> None:
        text = f"a worker died before it was ready: {cause['death']}"
        self._hooks.printed(f"worker-{worker.slot}", text)
        if not self._anything_worked:
            self._hooks.failed(text)
        self._rest()

    def _killed(self, worker: Worker, cause: dict[str, str]) -> Ended:
        if worker.overdue:
            text = f"took longer than {self._limits.timeout:g} s and was ended"
        else:
            text = f"its worker died: {cause['death']}"
        return Ended("failed", error=text, error_id=chain.new_error_id(), cause=cause)

    def _forker_died(self) -> None:
        """Its workers die with it (the kernel sees to that, and we make sure of their groups)."""
        if self._orders is None or self._forker is None:
            return
        self._watch.forget(self._orders)
        self._orders.close()
        self._orders = None
        self._forker.kill()
        status = self._forker.wait()
        self._forker = None
        text = f"the forker died: {_ended_by(status)}"
        self._hooks.printed("forker", text)
        for worker in list(self._workers.values()):
            if worker.pid:
                _kill_group(worker.pid)
            self._bury(worker, {"death": text})
        if not self._anything_worked:
            self._hooks.failed(f"{text}, before any worker was ready")
        self._rest()

    def _rest(self) -> None:
        """Pause before the next birth, longer each time until something works again."""
        self._next_birth = time.monotonic() + self._pause
        self._pause = min(60.0, self._pause * 2)

    def _order(self, order: forker.Word) -> None:
        try:
            self._sockets_end().sendall(order.packed())
        except OSError:
            self._forker_died()

    def _sockets_end(self) -> socket.socket:
        if self._orders is None:
            raise BrokenPipeError("there is no forker")
        return self._orders


def _death(status: int, memory_kb: int) -> dict[str, str]:
    code = os.waitstatus_to_exitcode(status)
    cause = {"exit": str(code)} if code >= 0 else {"signal": signal.Signals(-code).name}
    cause["peak_memory"] = f"{memory_kb / 1024:.0f} MB"
    hint = " (perhaps the kernel, out of memory)" if code == -signal.SIGKILL else ""
    cause["death"] = f"{_ended_by(code)}{hint}, at most {cause['peak_memory']} of memory"
    return cause


def _ended_by(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def _kill_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass  # nobody is left in it
