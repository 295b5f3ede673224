"""What every process of a cannon does with itself: its signals, its parent, its output, its limits.

Not here: who starts whom (child, forker), what a process is for, and what it may see (environment).
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # `signal` without its enums, for a forker's sake
import _socket
import ctypes
import io
import os
import resource
import select
import sys

TYPE_CHECKING = False  # typing's own would cost each worker (docs/design.md)
if TYPE_CHECKING:
    from types import FrameType

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_MOST_DESCRIPTORS = 65_536


class Signals:
    """The signals a process has been sent, as flags, with a socket that wakes its loop.

    Handlers only set flags: what a signal means is decided where the loop reads it.
    """

    def __init__(self, *numbers: int) -> None:
        self._caught: list[int] = []
        self._wake, self._woken = _socket.socketpair()
        for end in (self._wake, self._woken):
            end.setblocking(False)
        _signal.set_wakeup_fd(self._woken.fileno(), warn_on_full_buffer=False)
        for number in numbers:
            _signal.signal(number, self._catch)

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
    _signal.set_wakeup_fd(-1)
    for name in ("SIGTERM", "SIGINT", "SIGHUP", "SIGCHLD", "SIGUSR1"):
        _signal.signal(getattr(_signal, name), _signal.SIG_DFL)


def die_with_parent(parent: int, number: int) -> None:
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
    import signal  # its enums have the names, and no worker tells of a death

    try:
        return signal.Signals(number).name
    except ValueError:
        return f"SIGRT {number}" if number >= signal.SIGRTMIN else str(number)


def kill_group(pid: int) -> None:
    """SIGKILL to a process group, if there is one."""
    try:
        if pid > 0:
            os.killpg(pid, _signal.SIGKILL)
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


# found once, before any fork: a lookup in every worker would cost more than the call
_libc = ctypes.CDLL(None)
_waitpid = _libc.waitpid
_prctl = _libc.prctl if sys.platform == "linux" else None
