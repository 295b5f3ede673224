"""A worker for one message: from its fork in a seat to its exit.

It is born with its message where one waits already. Else it constructs the tasks before one comes (that
is what *hot* means), says so, and waits. It runs them, says how the message ended, and leaves.

Such a worker pays for every page of memory that it is the first to touch since its fork, about 2 us
each, and that is most of what it costs: every function called and every object named is one or two.
So its way is one function, and what its seat can do for it the seat has done.
"""

from __future__ import annotations

import os
import sys
from time import monotonic

from botcannon_core.cannon import chain, frames, process
from botcannon_core.cannon.frames import Channel
from botcannon_core.cannon.orders import SLOW_IN_SEAT_SECONDS
from botcannon_core.cannon.recipes import Recipes, construct
from botcannon_core.cannon.seat import FORGOT, LEFT, Turn
from botcannon_core.message import Message

TYPE_CHECKING = False  # typing's own would cost each worker (docs/design.md)
if TYPE_CHECKING:
    from typing import Any, NoReturn

    from botcannon_core.roles import Task

REHEARSALS = 20  # CPython 3.11 looks closely at what ran eight times


def live(how: Recipes, pool: Channel, turn: Turn) -> NoReturn:
    """Be the worker of this turn in a seat. Never returns or raises."""
    code = 1
    try:
        code = work(how, pool, turn)
    except BaseException:  # noqa: BLE001 - a mistake of ours, or a pool that is gone: say it, and end
        sys.__excepthook__(*sys.exc_info())
    finally:
        os._exit(code)  # no atexit, no destructors: those belong to the forker


def work(how: Recipes, pool: Channel, turn: Turn) -> int:
    """Construct, run one message, and say how it ended; returns the exit code."""
    turn.begin()
    if turn.will_wait:
        rehearse(how, 1)
    began = monotonic()
    asking = None
    try:
        tasks = []
        for make in how.makers:  # a comprehension would be a call
            tasks.append(make())
        if not tasks:
            asking = _Asking(how, pool, turn)
            tasks = asking.tasks()
    except BaseException as error:  # noqa: BLE001 - a constructor is user code too
        failure = chain.failed(error, how.plan.hidden, how.plan.memory)
        pool.tell("broken", chain.as_frame(failure))
        return 1
    order = turn.order
    try:
        if order is None:
            pool.send("ready", (os.getpgrp(), turn.number))
            order = turn.awaited(pool)
            began = monotonic()
    except (ConnectionError, EOFError):
        return 0  # not needed any more: let go, or the pool stops
    if asking is not None:
        asking.begin()
    said = None
    try:
        results = chain.results_of(tasks, Message(order[2], order[1], how.plan.name))
    except BaseException as error:  # noqa: BLE001 - whatever user code raises is an outcome
        ended = chain.ended_by(error, how.plan.hidden, how.plan.memory)
        said = chain.as_frame(ended)
    if asking is not None:
        asking.end()
    process.flush_output()
    took = int((monotonic() - began) * 1_000_000)  # a fraction costs three pages
    if said is not None:
        pool.send("ended", {**said, "took": took, "turn": turn.number})
    elif results:
        pool.send("ended", {"how": "done", "results": results, "took": took, "turn": turn.number})
    else:  # packed by hand, as the encoder alone is 20 pages
        text = b'["ended",{"how":"done","results":{},"took":%d,"turn":%d}]' % (took, turn.number)
        pool.send_packed(len(text).to_bytes(frames.HEAD_BYTES, "big") + text)
    is_slow = monotonic() - max(order[0], turn.before) > SLOW_IN_SEAT_SECONDS
    has_read_others = asking is not None and asking.has_read_others
    return FORGOT if is_slow or has_read_others else LEFT


class _Asking:
    """What tasks that ask for something get, and what they ask the pool while they run."""

    def __init__(self, how: Recipes, pool: Channel, turn: Turn) -> None:
        self._how = how
        self._pool = pool
        self._number = turn.number
        self._progress = None
        # orders, in search of an answer: they are lost to our successors
        self.has_read_others = False
        if how.tells_progress:
            from botcannon_core.cannon.progress import Progress  # the forker has it

            self._progress = Progress(lambda text: pool.send("note", text), how.plan.hidden)

    def tasks(self) -> list[Task]:
        """The chain, with all that it asks for."""
        if self._progress is None:
            return construct(self._how, self.ask)
        return construct(self._how, self._progress.beside(self.ask), self._progress)

    def begin(self) -> None:
        """The message begins."""
        if self._progress is not None:
            self._progress.begin()

    def end(self) -> None:
        """It has ended: nothing more is told of it."""
        if self._progress is not None:
            self._progress.end()

    def ask(self, kind: str, body: Any) -> Any:
        """Ask the pool for something, and wait for its answer."""
        self._pool.send("ask", [kind, body])
        while True:
            kind, body = self._pool.receive_one()
            if kind == "answer" and body[0] == self._number:
                return body[1]
            self.has_read_others = self.has_read_others or kind == "orders"


class _Word:
    """A task that does nothing, and has something to say."""

    def task(self, _message: Message, _results: dict[str, Any]) -> dict[str, str]:
        return {"done": "nothing"}


class _Nothing:
    """A task that does nothing."""

    def task(self, _message: Message, _results: dict[str, Any]) -> None:
        return None


def rehearse(how: Recipes, times: int = REHEARSALS) -> None:
    """Go a worker's way with a message of nothing, born with it or not.

    In the forker: what Python finds out about its code while that runs (the kind of each attribute, the
    methods of each type) it writes down, and workers find it written. In a worker that waits: the
    pages that its message will touch are its own already when that comes.
    """
    for one in how.tasks:
        getattr(one.entry, "task", None)  # where each class has it is noted as well
    ours, theirs = map(Channel, frames.pair())
    for number in range(times):
        makers = (_Nothing,) if number % 2 else (_Word,)
        nothing = Recipes(how.plan, how.handles, None, (), {}, makers, tells_progress=False)
        turn = Turn()
        theirs.send("orders", (turn.era, 0.0, [("1-1", {"name": "text"})], True))
        if number % 4 > 1:
            turn.order = turn.awaited(ours)
        work(nothing, ours, turn)
    ours.close()
    theirs.close()
