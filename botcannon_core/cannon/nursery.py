"""The nursery: a pool's forker, seen from the pool; it bears workers and brings word of their deaths.

A forker that dies takes its workers with it and is born again after a pause, which grows until something
works. Not here: how many workers there should be, and what they do (crew).
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from botcannon_core.cannon import forker, process
from botcannon_core.cannon.environment import worker_environment
from botcannon_core.cannon.gate import NONE
from botcannon_core.cannon.watch import Watch
from botcannon_core.compose import plan
from botcannon_core.compose.spec import ServiceSpec

FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 60.0

Cause = Mapping[str, str]


@dataclass(frozen=True)
class Birth:
    """Of what a forker is born: its service, the project's folder, how to open the ledger handle.

    And the gate of its seats, whose descriptor it inherits.
    """

    service: ServiceSpec
    project: str
    open_history: Callable[[], Any] | None = None
    gate: int = NONE

    def plan(self) -> bytes:
        """What the forker is told."""
        return plan.packed(plan.plan_of(self.service, self.project, self.open_history))


@dataclass(frozen=True)
class News:
    """Whom the nursery tells: the worker of this slot is dead; all are, with the forker."""

    died: Callable[[int, Callable[[], Cause]], None]
    gone: Callable[[str], None]


class Nursery:
    """One forker at a time."""

    def __init__(self, birth: Birth, watch: Watch, news: News) -> None:
        self._birth = birth
        self._watch = watch
        self._news = news
        self._forker: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        self._reports = bytearray()
        self._pause = FIRST_PAUSE_SECONDS
        self._next_birth = 0.0

    @property
    def is_open(self) -> bool:
        """True when workers can be asked for."""
        return self._socket is not None

    @property
    def opens_at(self) -> float:
        """When the next forker is born, in monotonic seconds, if there is none."""
        return self._next_birth

    def tend(self) -> None:
        """Have a forker, once the pause is over."""
        if self._forker is None and time.monotonic() >= self._next_birth:
            self._bear()

    def fork(self, slot: int, channel: int, output: int) -> bool:
        """Ask for a worker and give it these two descriptors; False if there is no forker."""
        order = forker.word(forker.FORK, slot)
        try:
            if self._socket is None:
                return False
            socket.send_fds(self._socket, [order], [channel, output])
        except OSError:
            self._died()
            return False
        finally:
            os.close(channel)
            os.close(output)
        return True

    def signal(self, slot: int, number: int) -> None:
        """Send a signal to a worker's whole group."""
        try:
            if self._socket is not None:
                self._socket.sendall(forker.word(forker.SIGNAL, slot, number))
        except OSError:
            self._died()

    def rest(self) -> None:
        """Something did not work: pause before the next birth, longer each time."""
        self._next_birth = time.monotonic() + self._pause
        self._pause = min(LONGEST_PAUSE_SECONDS, self._pause * 2)

    def is_resting(self) -> bool:
        """True during the pause."""
        return time.monotonic() < self._next_birth

    def thrives(self) -> None:
        """Something worked: the next pause is a short one."""
        self._pause = FIRST_PAUSE_SECONDS

    def close(self) -> None:
        """End the forker, and with it whatever is left."""
        if self._socket is not None:
            self._watch.forget(self._socket)
            self._socket.close()
            self._socket = None
        if self._forker is not None:
            self._forker.wait()

    def _bear(self) -> None:
        self._socket, theirs = socket.socketpair()
        gate = self._birth.gate
        numbers = (theirs.fileno(), os.getpid(), gate)
        allowed = self._birth.service.workers.env
        self._forker = subprocess.Popen(
            [sys.executable, *forker.COMMAND, *map(str, numbers)],
            stdin=subprocess.PIPE,
            pass_fds=[theirs.fileno()] if gate == NONE else [theirs.fileno(), gate],
            env={**worker_environment(os.environ, allowed), **forker.BOUND},
        )
        theirs.close()
        self._reports.clear()
        self._watch.on(self._socket, self._hear)
        assert self._forker.stdin is not None
        try:
            self._forker.stdin.write(self._birth.plan())
            self._forker.stdin.close()
        except BrokenPipeError:
            pass  # it died at once: its socket says so

    def _hear(self) -> None:
        data = b""
        try:
            if self._socket is not None:
                data = self._socket.recv(4096)
        except ConnectionError:
            pass  # the same as its end
        if not data:
            self._died()
            return
        self._reports += data
        for kind, slot, status, memory_kb in forker.words_in(self._reports):
            if kind == forker.DIED:
                self._news.died(slot, partial(cause_of, status, memory_kb))

    def _died(self) -> None:
        if self._socket is None or self._forker is None:
            return
        self._watch.forget(self._socket)
        self._socket.close()
        self._socket = None
        self._forker.kill()
        text = f"the forker died: {process.ended_by(self._forker.wait())}"
        self._forker = None
        self.rest()
        self._news.gone(text)


def cause_of(status: int, memory_kb: int) -> Cause:
    """What is known of a death: exit code or signal, peak memory, and both as a text."""
    code = os.waitstatus_to_exitcode(status)
    cause = {"exit": str(code)} if code >= 0 else {"signal": process.signal_name(-code)}
    cause["peak_memory"] = f"{memory_kb / 1024:.0f} MB"
    hint = " (perhaps the kernel's, out of memory)" if code == -signal.SIGKILL else ""
    cause["death"] = f"{process.ended_by(code)}{hint}, having used {cause['peak_memory']} at most"
    return cause
