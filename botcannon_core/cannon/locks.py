"""One `up` per folder, service and part: a second one is refused, naming the first.

Locks on files in `.botcannon/run/`, let go by the kernel however a launcher ends. Its children hold some
of their own, by which they are found when it was killed. Not here: one live collector in a store that
several hosts share (ledger.lease).
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable
from contextlib import suppress
from itertools import product
from pathlib import Path

from botcannon_core.cannon.life import is_running
from botcannon_core.errors import LockedError


def lock(folder: Path, namespace: str, services: Iterable[str], parts: Iterable[str]) -> list[int]:
    """Lock every part of every service; returns descriptors to keep open. Raises LockedError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    left_behind(folder)  # which tidies up
    parts = sorted(parts)
    held: list[int] = []
    try:
        for name, part in product(services, parts):
            held.append(_lock(folder, namespace, name, part))
    except LockedError:
        for descriptor in held:
            os.close(descriptor)
        raise
    return held


def sign(held: Iterable[int]) -> None:
    """Name this process as their owner: for a child that goes on with its parent's locks."""
    for descriptor in held:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)


def be_seen(folder: Path, part: str) -> None:
    """Let `left_behind` find this child of a launcher, for as long as it lives."""
    path = folder / f"{os.getppid()}.{part}.child"
    with suppress(OSError):  # a full disk must not end what runs
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)  # and left open
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        sign([descriptor])


def left_behind(folder: Path) -> dict[int, str]:
    """The children that go on though their launcher was killed: `SERVICE.PART` by pid."""
    found: dict[int, str] = {}
    for path in sorted(folder.glob("*.child")):
        launcher, _, part = path.stem.partition(".")
        if launcher.isdigit() and not is_running(int(launcher)) and (pid := _holder(path)):
            found[pid] = part
    return found


def _holder(path: Path) -> int:
    """Who holds the lock on a file; a file that nobody holds is removed, and 0."""
    try:
        with path.open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            path.unlink(missing_ok=True)
    except FileNotFoundError:
        pass  # another command has just tidied up
    except BlockingIOError:
        return int(path.read_text() or 0)
    return 0


def _lock(folder: Path, namespace: str, service: str, part: str) -> int:
    path = folder / f"{namespace}.{service}.{part}.lock"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        owner = os.read(descriptor, 32).decode(errors="replace").strip() or "another process"
        os.close(descriptor)
        raise LockedError(
            f"{service} runs already: the {part} belongs to process {owner}; "
            f"`botcannon restart {service}` starts it anew, `botcannon down` ends all that is up here"
        ) from None
    sign([descriptor])
    return descriptor
