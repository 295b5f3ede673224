"""Orphans: processes whose parents ended, which the kernel then gives to the launcher.

They are what dead workers, pools and intakes have started. Those of other sessions are let be: the
embedded store is one, and whoever began a session of its own meant to stay.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

from botcannon_core.cannon.kernel import children
from botcannon_core.cannon.life import is_running

LAST_SECONDS = 3.0  # after SIGKILL; who is not gone then hangs in the kernel


def end_group(leader: int) -> None:
    """End whatever is left in the group of a process that has ended."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass  # nobody is, or it is somebody else's by now


def end_left_behind(ours: set[int]) -> None:
    """End orphans whose group has lost its leader, or that share our own; no live worker's helpers."""
    own = os.getpgid(0)
    for pid in _orphans(ours):
        try:
            group = os.getpgid(pid)
            if group == own or not is_running(group):
                os.kill(pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass  # gone meanwhile


def end_all(reap: Callable[[], None]) -> None:
    """End every orphan there is, and those that their ending makes; `reap` buries the dead."""
    deadline = time.monotonic() + LAST_SECONDS
    while (left := _orphans(set())) and time.monotonic() < deadline:
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                pass  # gone meanwhile
        reap()
        time.sleep(0.002)


def _orphans(ours: set[int]) -> list[int]:
    session = os.getsid(0)
    found = []
    for pid in children():
        try:
            if pid not in ours and os.getsid(pid) == session:
                found.append(pid)
        except ProcessLookupError:
            pass  # gone meanwhile
    return found
