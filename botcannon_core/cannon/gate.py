"""The gate: in a rush, no more seats are at work on a host than it has processors.

A seat and its worker take turns, a fork for each message. Where many services are busy, all the others'
seats have theirs in between, and each finds its memory gone from the processor's caches: a message costs
half as much again. So a seat in a rush goes through a gate, works for a moment as if it were alone, and
lets the next one in.

The gate is a file in memory, made by the launcher for all seats of its services, with a byte for each
processor: who has locked one is in. A lock ends with its process, however that ends, and who has waited
for too long goes past the gate for a while: so nobody depends on a seat that is stopped or slow. Not
here: who goes through it (seat), and what is short (given).
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # `signal` without its enums, for a forker's sake
import os
import sys
from time import monotonic

TYPE_CHECKING = False  # typing's own would cost each worker (docs/design.md)
if TYPE_CHECKING:
    from types import FrameType

NONE = -1  # a descriptor that is no gate

TURN_SECONDS = 0.01
PATIENCE_SECONDS = 0.4  # less than what makes a message count as slow, see orders
MANY = 50  # so many messages then go past the gate until it is tried again


def made(processors: int) -> int:
    """The descriptor of a new gate; NONE where the system knows no files in memory."""
    if not hasattr(os, "memfd_create"):
        return NONE
    descriptor = os.memfd_create("botcannon-gate")
    os.ftruncate(descriptor, processors)
    return descriptor


def close(descriptor: int) -> None:
    """Give a gate up, if it is one; whoever has it still goes through it."""
    if descriptor != NONE:
        os.close(descriptor)


class Gate:
    """One seat's way through the gate."""

    def __init__(self, descriptor: int) -> None:
        self._file = _opened_anew(descriptor)
        self._places: list[int] = []
        if self._file != NONE:
            size = os.fstat(self._file).st_size
            self._places = [(os.getpid() + place) % size for place in range(size)]
        self._until = 0.0  # our turn ends; 0 while we are not in
        self._goes_past = 0 if self._places else sys.maxsize  # so many messages more

    def enter(self, now: float) -> None:
        """Be in, for the next message: at once if there is a place, else after a wait.

        The one after a turn goes without, so that whoever waits comes in meanwhile.
        """
        if now < self._until:
            return
        if self._until:
            self.leave()
        elif self._goes_past:
            self._goes_past -= 1
        elif any(map(self._is_free, self._places)) or self._waited():
            self._until = monotonic() + TURN_SECONDS
        else:
            self._goes_past = MANY

    def leave(self) -> None:
        """Let the next one in, if we are."""
        if self._until:
            self._until = 0.0
            os.lockf(self._file, os.F_ULOCK, 1)

    def _is_free(self, place: int) -> bool:
        os.lseek(self._file, place, os.SEEK_SET)
        try:
            os.lockf(self._file, os.F_TLOCK, 1)
        except OSError:
            return False
        return True

    def _waited(self) -> bool:
        """Wait where we looked last; False if that took too long."""
        try:
            _lock_in_time(self._file)
        except (_Late, OSError):
            os.lockf(self._file, os.F_ULOCK, 1)  # it may have come in the same instant
            return False
        return True


def _opened_anew(descriptor: int) -> int:
    """The same file with a position of its own; NONE where that cannot be had, as without /proc."""
    if descriptor == NONE:
        return NONE
    try:
        return os.open(f"/proc/self/fd/{descriptor}", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return NONE
    finally:
        os.close(descriptor)


class _Late(Exception):
    """The wait was too long."""


def _lock_in_time(file: int) -> None:
    before = _signal.signal(_signal.SIGALRM, _ring)
    try:
        _signal.setitimer(_signal.ITIMER_REAL, PATIENCE_SECONDS)
        os.lockf(file, os.F_LOCK, 1)
        _signal.setitimer(_signal.ITIMER_REAL, 0)
    finally:
        _signal.signal(_signal.SIGALRM, before)


def _ring(_number: int, _frame: FrameType | None) -> None:
    raise _Late
