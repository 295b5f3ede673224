"""What every process of a cannon does with itself: its signals, its parent, its environment.

Not here: who starts whom (child, forker) or what a process is for.
"""

from __future__ import annotations

import ctypes
import os
import re
import signal
import socket
import sys
from collections.abc import Mapping
from types import FrameType

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36

# What a worker's environment keeps: enough to run, nothing that could be a secret.
PLAIN_NAMES = re.compile(r"(PATH|HOME|LANG|LC_\w+|TZ|TMPDIR|BOTCANNON_HOST)")
SECRET_NAMES = re.compile(r"(BOTCANNON_SECRET_\w+|BOTCANNON_KEY|BOTCANNON_STORE)")


class Signals:
    """The signals a process has been sent, as flags, with a socket that wakes its loop.

    Handlers only set flags: what a signal means is decided where the loop reads it.
    """

    def __init__(self, *numbers: signal.Signals) -> None:
        self._caught: list[int] = []
        self._wake, self._woken = socket.socketpair()
        for end in (self._wake, self._woken):
            end.setblocking(False)
        signal.set_wakeup_fd(self._woken.fileno(), warn_on_full_buffer=False)
        for number in numbers:
            signal.signal(number, self._catch)

    def fileno(self) -> int:
        """What to wait on."""
        return self._wake.fileno()

    def taken(self) -> list[int]:
        """The signals since the last time, in order."""
        try:
            while self._wake.recv(4096):
                pass
        except BlockingIOError:
            pass
        caught, self._caught = self._caught, []
        return caught

    def detach(self) -> tuple[int, int]:
        """Give up both descriptors, for a child that must close what it does not use."""
        return self._wake.detach(), self._woken.detach()

    def _catch(self, number: int, _frame: FrameType | None) -> None:
        self._caught.append(number)


def forget_signals() -> None:
    """In a new child: no handler and no wake-up socket of the parent's."""
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD, signal.SIGUSR1):
        signal.signal(number, signal.SIG_DFL)


def die_with_parent(parent: int, number: signal.Signals) -> None:
    """Ask the kernel for `number` when the parent ends; elsewhere than on Linux, do nothing.

    `parent` is the pid the caller believes in: if it is gone already, nobody would send the signal.
    """
    _prctl(_PR_SET_PDEATHSIG, number)
    if sys.platform == "linux" and os.getppid() != parent:
        os.kill(os.getpid(), number)


def inherit_orphans() -> None:
    """Become the parent of every descendant whose own parent ended, so that none is left behind."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def worker_environment(source: Mapping[str, str], also: tuple[str, ...] = ()) -> dict[str, str]:
    """The part of `source` that a worker may see: the plain names, and those asked for."""
    kept = {name: value for name, value in source.items() if PLAIN_NAMES.fullmatch(name)}
    kept.update({name: source[name] for name in also if name in source})
    return kept


def drop_secrets() -> None:
    """Take botcannon's own secrets out of this process's environment, before user code runs."""
    for name in [name for name in os.environ if SECRET_NAMES.fullmatch(name)]:
        del os.environ[name]


# found once, before any fork: a lookup in every worker would cost more than the call
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def _prctl(option: int, value: int) -> None:
    if _libc is not None:
        _libc.prctl(option, value, 0, 0, 0)
