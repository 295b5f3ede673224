"""A seat: the place in which one worker follows the other, each of them for one message.

A process between the forker and such workers, a fork of the one and the parent of the others. It keeps
what outlives a worker (the channel to the pool, the pipe for what is printed, the process group) and
forks the next as soon as the last has left. So for a message nothing is opened, told or watched anew,
and as a seat does nothing else, a fork of it finds few pages to copy. Where orders wait in the channel,
it reads the next one and forks its worker with that: what the seat has done costs the worker no page.
Not here: what a worker does (single), and the rule by which what waits may be taken back (orders).

A worker that leaves in order exits with LEFT or FORGOT. Any other end of it is the seat's end as well,
and the pool has another one forked: what such a worker has half said on the channel must not be taken
for its successor's. Nor may whatever it has left running speak or listen there: then, too, the seat is
given up, and says that what waits is void, as it has begun none of it.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # `signal` without its enums, for a forker's sake
import os
import struct
import time

from botcannon_core.cannon import pages, process

TYPE_CHECKING = False  # typing's own would cost each worker (docs/design.md)
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType
    from typing import NoReturn

    from botcannon_core.cannon.frames import Channel
    from botcannon_core.cannon.gate import Gate
    from botcannon_core.cannon.orders import OrderOfSeat

# How a worker may leave so that the next one takes its seat; `FORGOT`: what waits there is void for it.
LEFT, FORGOT = 111, 112
# How a seat ends that has seen a rush: its successors had better be forked from large pages (see pages).
RUSHED = 113

RUSH = 100  # so many workers of a seat were born with an order, without a rest
REST_SECONDS = 1.0  # a worker that waits for so long had one

BURST = 10  # so many may come at once, and none waits at the gate
PAUSE_SECONDS = 0.1  # a worker that waits for so long shows that they no longer do

LONG_SECONDS = 0.005  # of a life: it was waiting, or work beside which we weigh little

_LEFT_STATUS = LEFT << 8  # as wait tells it
_TO_BE_BURIED = os.WEXITED | os.WNOWAIT
_on_signal = _signal.signal
_TERM, _CHLD, _HUP = _signal.SIGTERM, _signal.SIGCHLD, _signal.SIGHUP
_DEFAULT, _IGNORE = _signal.SIG_DFL, _signal.SIG_IGN
_END = struct.Struct("@iiQ")


class Turn:
    """A worker's turn in its seat: the `number` of workers before it, and the era of its orders.

    `inherited` are its seat's descriptors. `order` is what it is born for, if that was there already,
    `before` a moment at which the worker before it had not ended. It `will_wait` if it is born for
    nothing and there is little to do.
    """

    __slots__ = ("before", "era", "inherited", "number", "order", "will_wait")

    def __init__(
        self,
        inherited: tuple[int, ...] = (),
        number: int = 0,
        era: int = 0,
        before: float = 0.0,
        order: OrderOfSeat | None = None,
        will_wait: bool = False,
    ) -> None:
        self.inherited = inherited
        self.number = number
        self.era = era
        self.before = before
        self.order = order
        self.will_wait = will_wait

    def begin(self) -> None:
        """Be no seat any more, first of all."""
        for descriptor in self.inherited:
            os.close(descriptor)
        _on_signal(_TERM, _DEFAULT)

    def awaited(self, pool: Channel) -> OrderOfSeat:
        """Wait for an order, and read no further: what follows is for the next. Raises EOFError."""
        while (order := _order(pool, self.era)) is None:
            pass
        return order


class LastWords:
    """How workers in seats ended, told by the seats to their forker, who can only see seats end."""

    def __init__(self) -> None:
        self._heard, self.descriptor = os.pipe()
        os.set_blocking(self._heard, False)
        self._known: dict[int, tuple[int, int]] = {}

    def say(self, status: int, memory_kb: int) -> None:
        """The last worker in this seat ended so, with this peak of memory."""
        os.write(self.descriptor, _END.pack(os.getpid(), status, memory_kb))

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
        """Say nothing, either."""
        os.close(self.descriptor)


def keep(
    live: Callable[[Turn], NoReturn],
    pool: Channel,
    parent: int,
    words: LastWords,
    gate: Gate,
    rush: int = 0,
) -> int:
    """Fork worker after worker, which `live`; returns an exit code.

    One for whom an order waits already is born with it, and where these are many and short, the seat
    goes through the gate. After `rush` of them it gives way to another one; 0 means never.
    """
    _on_signal(_CHLD, _DEFAULT)  # the forker's handler is none of ours
    _on_signal(_TERM, _IGNORE)  # it is for our worker, who may take its time
    _on_signal(_HUP, _end_group)
    process.die_with_parent(parent, _HUP)
    process.inherit_orphans()  # so that we see what a worker leaves running
    pages.keep_locks_together()
    began = time.monotonic()
    own = tuple(one.descriptor for one in (words, gate) if one.descriptor >= 0)
    number = era = rushed = at_once = 0
    while True:
        try:
            order = _here(pool, era)
        except EOFError:
            return 0  # not needed any more
        if order is not None and order[3] and at_once > BURST:
            gate.enter()
        else:
            gate.leave()
        before, began = began, time.monotonic()
        will_wait = order is None and began - before > LONG_SECONDS
        turn = Turn(own, number, era, before, order, will_wait)
        pid = os.fork()
        if pid == 0:
            live(turn)
        # what it has used is asked for only where that says why it died: it takes longer to tell
        end = os.waitid(os.P_PID, pid, _TO_BE_BURIED)
        if end is None or end.si_code != os.CLD_EXITED or end.si_status not in (LEFT, FORGOT):
            _, status, usage = os.wait4(pid, 0)
            words.say(status, usage.ru_maxrss)
            return 0
        number += 1
        if order is not None:
            rushed, at_once = rushed + 1, at_once + 1
        else:
            waited = time.monotonic() - began
            rushed = 0 if waited > REST_SECONDS else rushed
            at_once = 0 if waited > PAUSE_SECONDS else at_once
        is_free = process.bury_children()
        gives_way = rushed == rush > 0
        if end.si_status == FORGOT or gives_way or not is_free:
            pool.tell("forgot", number)
            era += 1
        if not is_free:
            words.say(_LEFT_STATUS, 0)
            return 0
        if gives_way:
            return RUSHED


def _here(pool: Channel, era: int) -> OrderOfSeat | None:
    """The next order of this era, if there is one by now. Raises EOFError."""
    while pool.has_news():
        if (order := _order(pool, era)) is not None:
            return order
    return None


def _order(pool: Channel, era: int) -> OrderOfSeat | None:
    """The next frame, if it is an order of this era: an answer came too late for one before."""
    kind, body = pool.receive_one()
    if kind != "orders" or body[0] != era:
        return None
    _, stamp, ((message_id, fields),), is_short = body
    return stamp, message_id, fields, is_short


def _end_group(_number: int, _frame: FrameType | None) -> None:
    os.killpg(0, _signal.SIGKILL)
