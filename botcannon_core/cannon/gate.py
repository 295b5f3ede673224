"""The gate: in a rush, about as many seats are at work at once as there are processors.

A seat and its worker take turns, a fork for each message. Where many services are busy, all the others'
seats have theirs in between, and each finds its memory gone from the processor's caches: a message costs
half as much again. So a seat in a rush goes through a gate, works for a moment as if it were alone, and
lets the next one in.

The gate is a file in memory, made by the launcher for all seats of its services, with a byte for each
processor: who has locked one is in. A lock ends with its process, however that ends. Who has waited in
vain, since one that is in is stopped or turns out to be slow, goes past for a while, and for longer each
time. Not here: who goes through it (seat), and whose messages may wait there (crew).
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # `signal` without its enums, for a forker's sake
import os
from time import monotonic

TYPE_CHECKING = False  # typing's own would cost each worker (docs/design.md)
if TYPE_CHECKING:
    from types import FrameType

NONE = -1  # a descriptor that is no gate

TURN_SECONDS = 0.01
PATIENCE_SECONDS = 0.4  # less than what makes a message count as slow, see orders
LEAST_TIMEOUT = 10 * PATIENCE_SECONDS  # of a message, as its wait counts, too
PAST, MOST_PAST = 50, 10_000  # so many messages go past after a wait in vain; after the next, twice


def made(processors: int) -> int:
    """The descriptor of a new gate; NONE where the system has no files in memory, or refuses one."""
    try:
        descriptor = os.memfd_create("botcannon-gate")
    except (AttributeError, OSError):
        return NONE
    os.ftruncate(descriptor, processors)
    return descriptor


def give_up(descriptor: int) -> None:
    """Close a gate, if it is one; whoever has it still goes through it."""
    if descriptor != NONE:
        os.close(descriptor)


class Gate:
    """One seat's way through the gate."""

    def __init__(self, descriptor: int) -> None:
        """From here on this process has the gate to itself: a position in a file is not shared."""
        self.descriptor = _opened_anew(descriptor)
        self._size = os.fstat(self.descriptor).st_size if self.descriptor != NONE else 0
        self._until = 0.0  # our turn ends; 0 while we are not in
        self._past = PAST
        self._goes_past = 0  # so many messages more

    def enter(self) -> None:
        """Be in, for the next message: at once if there is a place, else after a wait.

        The one after a turn goes without, so that whoever waits comes in meanwhile.
        """
        if not self._size or monotonic() < self._until:
            return
        if self._until:
            self.leave()
        elif self._goes_past:
            self._goes_past -= 1
        elif any(map(self._is_free, range(self._size))) or self._waited():
            self._until = monotonic() + TURN_SECONDS
            self._past = PAST
        else:
            self._goes_past = self._past
            self._past = min(2 * self._past, MOST_PAST)

    def leave(self) -> None:
        """Let the next one in, if we are."""
        if self._until:
            self._until = 0.0
            os.lockf(self.descriptor, os.F_ULOCK, 1)

    def _is_free(self, place: int) -> bool:
        os.lseek(self.descriptor, place, os.SEEK_SET)
        try:
            os.lockf(self.descriptor, os.F_TLOCK, 1)
        except OSError:
            return False
        return True

    def _waited(self) -> bool:
        """Wait at any place; False if that took too long.

        There is no worker to be ended meanwhile: whoever wants to ends us. The alarm rings again, should
        it have come before the wait.
        """
        os.lseek(self.descriptor, int(monotonic() * 1e6) % self._size, os.SEEK_SET)
        alarm = _signal.signal(_signal.SIGALRM, _ring)
        term = _signal.signal(_signal.SIGTERM, _signal.SIG_DFL)
        try:
            _signal.setitimer(_signal.ITIMER_REAL, PATIENCE_SECONDS, PATIENCE_SECONDS)
            os.lockf(self.descriptor, os.F_LOCK, 1)
        except OSError:
            return False
        finally:
            _signal.setitimer(_signal.ITIMER_REAL, 0)
            _signal.signal(_signal.SIGTERM, term)
            _signal.signal(_signal.SIGALRM, alarm)
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


def _ring(_number: int, _frame: FrameType | None) -> None:
    """That a wait was interrupted is all."""
