"""What the kernel tells: when a process began, whose children there are, how many run at once.

Linux is read directly, since psutil costs the start of every command 10 ms; elsewhere psutil is asked.
Not here: what follows from it (life, orphans).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

# Fields of /proc/PID/stat, counted from the one behind the program's name.
_STATE, _PARENT, _START = 0, 1, 19
_OVER = ("Z", "X")


def _start_on_linux(pid: int) -> int | None:
    fields = _stat(pid)
    if fields is None or fields[_STATE] in _OVER:
        return None
    return _boot() + int(fields[_START]) // os.sysconf("SC_CLK_TCK")


def _children_on_linux() -> list[int]:
    me = str(os.getpid())
    found = []
    for name in os.listdir("/proc"):
        fields = _stat(int(name)) if name.isdigit() else None
        if fields is not None and fields[_PARENT] == me:
            found.append(int(name))
    return found


def _stat(pid: int) -> list[str] | None:
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat:
            return stat.read().rpartition(b")")[2].decode().split()
    except (FileNotFoundError, ProcessLookupError):
        return None  # it may end between the opening and the reading


def _boot() -> int:
    with open("/proc/stat", "rb") as stat:
        return next(int(line.split()[1]) for line in stat if line.startswith(b"btime"))


def _start_elsewhere(pid: int) -> int | None:
    import psutil  # see above

    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else int(process.create_time())
    except psutil.Error:
        return None


def _children_elsewhere() -> list[int]:
    import psutil  # see above

    return [one.pid for one in psutil.Process().children()]


def processors() -> int:
    """How many of them we may run on."""
    return len(os.sched_getaffinity(0)) if _LINUX else os.cpu_count() or 1


_LINUX = sys.platform == "linux"

# When a process began, in seconds since the epoch; None if it is over, or only waits to be buried.
started_at: Callable[[int], int | None] = _start_on_linux if _LINUX else _start_elsewhere

# Our own children, and the orphans that the kernel has given to us.
children: Callable[[], list[int]] = _children_on_linux if _LINUX else _children_elsewhere
