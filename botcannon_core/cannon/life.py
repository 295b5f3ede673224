"""A life: the name of one run of one process among all hosts that share a store.

Not here: what a life holds (leases, pending entries); only whether it is certainly over.
"""

from __future__ import annotations

import os
import socket

from botcannon_core.cannon.kernel import started_at

# Start times are told by a clock that may be set; two processes with one pid start further apart.
_SAME_START_SECONDS = 2


def host() -> str:
    """The name of this host: BOTCANNON_HOST, else the machine's own."""
    return (os.environ.get("BOTCANNON_HOST") or socket.gethostname()).replace(":", "_")


def own_life() -> str:
    """`HOST:PID:START`: a name that no other process has, had or will have."""
    return f"{host()}:{os.getpid()}:{started_at(os.getpid())}"


def is_over_here(life: str) -> bool:
    """True if `life` was of this host and has ended. Of other hosts nothing is known: False."""
    where, pid, start = [*life.rsplit(":", 2), "", ""][:3]
    if where != host() or not pid.isdigit() or not start.isdigit():
        return False
    now = started_at(int(pid))
    return now is None or abs(now - int(start)) > _SAME_START_SECONDS


def is_running(pid: int) -> bool:
    """True if there is a process with this pid; one that only waits to be buried is over."""
    return started_at(pid) is not None
