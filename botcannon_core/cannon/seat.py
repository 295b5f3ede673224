"""A seat: the place in which one worker follows the other, each of them for one message.

A process between the forker and such workers, a fork of the one and the parent of the others. It keeps
what outlives a worker (the channel to the pool, the pipe for what is printed, the process group) and
forks the next as soon as the last has left. So for a message nothing is opened, told or watched anew,
and as a seat does nothing else, a fork of it finds few pages to copy. Not here: what a worker does.

A worker that leaves in order exits with LEFT. Any other end of it is the seat's end as well, and the
pool has another one forked: what such a worker has half said on the channel must not be taken for its
successor's. Nor may whatever it has left running speak or listen there: then, too, the seat is given up.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # `signal` without its enums, see below
import os
import signal
import struct
import time
from collections.abc import Callable
from itertools import count
from types import FrameType
from typing import NoReturn

from botcannon_core.cannon import process

LEFT = 111  # the exit code of a worker whose seat may be taken by the next one

LONG_SECONDS = 0.005  # of a life: it was waiting, or work beside which we weigh little

_LEFT_STATUS = LEFT << 8  # as wait tells it
_on_signal = _signal.signal  # without the enums around it, which cost a worker 20 pages
_TERM, _DEFAULT = int(signal.SIGTERM), int(signal.SIG_DFL)
_END = struct.Struct("@iiQ")


class LastWords:
    """How workers in seats ended, told by the seats to their forker, who can only see seats end."""

    def __init__(self) -> None:
        self._heard, self._said = os.pipe()
        os.set_blocking(self._heard, False)
        self._known: dict[int, tuple[int, int]] = {}

    def say(self, status: int, memory_kb: int) -> None:
        """The last worker in this seat ended so, with this peak of memory."""
        os.write(self._said, _END.pack(os.getpid(), status, memory_kb))

    def of(self, seat: int, status: int, memory_kb: int) -> tuple[int, int]:
        """Wait status and peak memory of the worker that ended with its seat; else the seat's own."""
        try:
            while data := os.read(self._heard, _END.size):
                pid, *end = _END.unpack(data)
                self._known[pid] = (end[0], end[1])
        except BlockingIOError:
            pass
        return self._known.pop(seat, (status, memory_kb))

    def only_say(self) -> None:
        """In a seat: hear nothing here."""
        os.close(self._heard)

    def close(self) -> None:
        """In a worker: say nothing, either."""
        os.close(self._said)


def keep(live: Callable[[int, bool], NoReturn], parent: int, words: LastWords) -> int:
    """Fork worker after worker; returns an exit code.

    Each calls `live` with its number, and whether it will probably have to wait for its message.
    """
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # the forker's handler is none of ours
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it is for our worker, who may take its time
    signal.signal(signal.SIGHUP, _end_group)
    process.die_with_parent(parent, signal.SIGHUP)
    process.inherit_orphans()  # so that we see what a worker leaves running
    began = time.monotonic()
    for number in count():
        now = time.monotonic()
        was_long, began = now - began > LONG_SECONDS, now
        pid = os.fork()
        if pid == 0:
            words.close()
            _on_signal(_TERM, _DEFAULT)
            live(number, was_long)
        _, status, usage = os.wait4(pid, 0)
        if status != _LEFT_STATUS or not _is_childless():
            words.say(status, usage.ru_maxrss)
            break
    return 0


def _is_childless() -> bool:
    """True if nobody is left of what the last worker has started, but the dead."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return True
    return False


def _end_group(_number: int, _frame: FrameType | None) -> None:
    os.killpg(0, signal.SIGKILL)
