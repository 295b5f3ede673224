"""What every process of a cannon does with itself: its signals, its parent, its environment.

Not here: who starts whom (child, forker) or what a process is for.
"""

from __future__ import annotations

import ctypes
import io
import os
import re
import resource
import select
import signal
import socket
import sys
from collections.abc import Mapping
from types import FrameType

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_MOST_DESCRIPTORS = 65_536

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
            self._wake.recv(4096)  # more than that many signals cannot wait
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
    if _prctl is not None:
        _prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0)
        if os.getppid() != parent:
            os.kill(os.getpid(), number)


def inherit_orphans() -> None:
    """Become the parent of every descendant whose own parent ended, so that none is left behind."""
    if _prctl is not None:
        _prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def bury_children() -> bool:
    """Bury the children that have ended; True if no other is left.

    Where none is left `os.waitpid` raises an error, which takes longer than all the rest.
    """
    while (pid := _waitpid(-1, None, os.WNOHANG)) > 0:
        pass
    return bool(pid < 0)


def ended_by(code: int) -> str:
    """How a process ended, in words; `code` is negative for a signal."""
    if code >= 0:
        return f"exit code {code}"
    return f"signal {signal_name(-code)}"


def signal_name(number: int) -> str:
    """`SIGTERM` for 15; those without a name of their own are told by their number."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"SIGRT {number}" if number >= signal.SIGRTMIN else str(number)


def kill_group(pid: int) -> None:
    """SIGKILL to a process group, if there is one."""
    try:
        if pid > 0:
            os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass  # nobody is left in it


def group_sizes() -> dict[int, int]:
    """How many processes each process group has; empty where there is no /proc."""
    sizes: dict[int, int] = {}
    for entry in os.scandir("/proc") if os.path.isdir("/proc/self") else ():
        if not entry.name.isdigit():
            continue
        try:
            with open(f"/proc/{entry.name}/stat", "rb") as stat:
                group = int(stat.read().rpartition(b")")[2].split()[2])
        except (OSError, ValueError, IndexError):
            continue  # it ended while we looked
        sizes[group] = sizes.get(group, 0) + 1
    return sizes


def peak_memory() -> int:
    """The most memory this process has used, in bytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def limit(memory: int, files: int) -> None:
    """Limit this process and its children: bytes of private memory each, open files each."""
    _lower(resource.RLIMIT_DATA, memory)
    _lower(resource.RLIMIT_NOFILE, files)
    _lower(resource.RLIMIT_CORE, 0)


def _lower(what: int, most: int) -> None:
    """Lower a limit for good; one that is lower already stays."""
    _, hard = resource.getrlimit(what)
    if hard == resource.RLIM_INFINITY or most < hard:
        resource.setrlimit(what, (most, most))


def worker_environment(source: Mapping[str, str], also: tuple[str, ...] = ()) -> dict[str, str]:
    """The part of `source` that a worker may see: the plain names, and those asked for."""
    kept = {name: value for name, value in source.items() if PLAIN_NAMES.fullmatch(name)}
    kept.update({name: source[name] for name in also if name in source})
    return kept


def read_nothing() -> None:
    """Have nothing on stdin."""
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)


def close_all_but(keep: set[int]) -> None:
    """Close what the parent had open. Its objects stay alive in its frames, so none closes twice."""
    edges = sorted(keep)
    for low, high in zip(edges, [*edges[1:], _MOST_DESCRIPTORS], strict=True):
        os.closerange(low + 1, high)


def print_at_once() -> None:
    """Print line by line, so that what was said before a death is heard."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(line_buffering=True)


def flush_output() -> None:
    """Have everything printed that was said so far."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            pass  # user code closed it, or nobody reads it any more


def forget_broken_output() -> None:
    """From now on print to nowhere, where nobody reads any more: user code should not stumble on it."""
    for descriptor in (1, 2):
        poll = select.poll()
        poll.register(descriptor, 0)
        if poll.poll(0):  # an error, as nothing else was asked for
            os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)


def drop_secrets() -> None:
    """Take botcannon's own secrets out of this process's environment, before user code runs."""
    for name in [name for name in os.environ if SECRET_NAMES.fullmatch(name)]:
        del os.environ[name]


# found once, before any fork: a lookup in every worker would cost more than the call
_libc = ctypes.CDLL(None)
_waitpid = _libc.waitpid
_prctl = _libc.prctl if sys.platform == "linux" else None
