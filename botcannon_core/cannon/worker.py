"""A worker that takes one message after the other, until it has had enough (`isolation: worker`).

It is born by a fork of the forker, constructs the tasks before its first message comes (that is what
*hot* means), runs them for what it is given, and says how each message ended. User code runs here, in
workers for one message (single), and in the intake only.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # `signal` without its enums, for a forker's sake
import os
import sys

from botcannon_core.cannon import chain, frames, process, seat, single
from botcannon_core.cannon.frames import Channel
from botcannon_core.cannon.gate import Gate, give_up
from botcannon_core.cannon.orders import Inbox
from botcannon_core.cannon.recipes import Recipes, construct
from botcannon_core.cannon.seat import LastWords
from botcannon_core.message import Message

TYPE_CHECKING = False  # typing's own would cost each worker (docs/design.md)
if TYPE_CHECKING:
    from typing import NoReturn

    from botcannon_core.cannon.each import Each
    from botcannon_core.cannon.progress import Progress
    from botcannon_core.roles import Task


def begin(
    how: Recipes,
    channel: int,
    output: int,
    parent: int,
    words: LastWords,
    gate: int,
    rush: int = 0,
) -> NoReturn:
    """Be a worker, or a seat of many, from fork to exit: its pool's `channel`, where it prints.

    Never returns or raises. What can be inherited (limits, no terminal) the forker has set for all.
    """
    code = 1
    try:
        os.setpgid(0, 0)
        _signal.set_wakeup_fd(-1)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.close(output)
        words.only_say()
        pool = Channel(channel)
        if how.plan.has_seats:
            at_work = (pool, parent, words, Gate(gate), rush)
            code = seat.keep(lambda turn: single.live(how, pool, turn), *at_work)
        else:
            words.close()
            give_up(gate)
            process.die_with_parent(parent, _signal.SIGKILL)
            code = _work(how, Inbox(pool))
    except BaseException:  # noqa: BLE001 - a mistake of ours, or a pool that is gone: say it, and end
        sys.__excepthook__(*sys.exc_info())
    finally:
        os._exit(code)  # no atexit, no destructors: those belong to the forker


def _work(how: Recipes, inbox: Inbox) -> int:
    """Construct, say so, and run what comes; returns the exit code."""
    plan = how.plan
    each = _each(inbox, plan.hidden) if plan.concurrency > 1 else None
    try:
        tells = how.tells_progress and each is None  # which tells it for many
        progress = _progress(inbox, plan.hidden) if tells else None
        tasks = _constructed(how, inbox, each or progress)
    except BaseException as error:  # noqa: BLE001 - a constructor is user code too
        failure = chain.failed(error, plan.hidden, plan.memory)
        inbox.channel.tell("broken", chain.as_frame(failure))
        return 1
    try:
        inbox.channel.send_packed(frames.packed("ready", (os.getpid(), 0)))
    except ConnectionError:
        return 0  # not needed any more: let go, or the pool stops, while this one came up
    if each is not None:
        return _work_together(how, tasks, inbox, each)
    left = plan.max_messages if plan.isolation == "worker" else 1
    try:
        while left:
            _, message_id, fields = inbox.next()
            if progress is not None:
                progress.begin()
            message = Message(fields, message_id, plan.name)
            ended = chain.as_frame(chain.run(tasks, message, plan.hidden, plan.memory))
            if progress is not None:
                progress.end()
            process.flush_output()
            left -= 1
            if left and inbox.is_empty and process.peak_memory() > plan.max_rss:
                left = 0
            if left:
                inbox.end(ended)
            else:
                inbox.leave(ended)
    except EOFError:
        pass  # not needed any more
    return 0


def _work_together(how: Recipes, tasks: list[Task], inbox: Inbox, each: Each) -> int:
    import asyncio  # the forker has it, for a chain that is seen to be async

    from botcannon_core.cannon.together import Together

    asyncio.run(Together(how.plan, tasks, inbox, each).run())
    return 0


def _constructed(how: Recipes, inbox: Inbox, progress: Progress | Each | None) -> list[Task]:
    if how.makers:
        return [make() for make in how.makers]
    if progress is None:
        return construct(how, inbox.ask)
    return construct(how, progress.beside(inbox.ask), progress)


def _each(inbox: Inbox, hidden: frozenset[str]) -> Each:
    from botcannon_core.cannon.each import Each  # as for Together

    return Each(inbox, hidden)


def _progress(inbox: Inbox, hidden: frozenset[str]) -> Progress:
    from botcannon_core.cannon.progress import Progress  # the forker has it, if anybody asks for it

    return Progress(lambda text: inbox.channel.send("note", text), hidden)
