"""A worker: the process that runs the chain for its message, and nothing else.

It is born by a fork of the forker, constructs the tasks before its message comes (that is what *hot*
means), runs it, says how it ended, and exits; with `isolation: worker` it takes one message after the
other until it has had enough. User code runs here and in the intake only.
"""

from __future__ import annotations

import importlib
import os
import signal
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

from botcannon_core.cannon import chain, frames, process, seat
from botcannon_core.cannon.frames import Channel
from botcannon_core.cannon.orders import Inbox
from botcannon_core.cannon.seat import LastWords
from botcannon_core.compose import loading
from botcannon_core.compose.loading import Recipe
from botcannon_core.compose.spec import ServiceSpec
from botcannon_core.ledger.cancels import Cancel
from botcannon_core.ledger.journal import Journal
from botcannon_core.ledger.memory import Memory
from botcannon_core.message import Message
from botcannon_core.roles import Task

if (
    TYPE_CHECKING
):  # at run time only those import it whose tasks ask for it: it brings threads along
    from botcannon_core.cannon.each import Each
    from botcannon_core.cannon.progress import Progress

REHEARSALS = 20  # CPython 3.11 looks closely at what ran eight times

Handles = dict[str, Callable[[], Any]]


@dataclass(frozen=True)
class Recipes:
    """How to build a service's chain, looked up once in the forker.

    `makers` make its tasks if these ask for nothing: then there is nothing else to build.
    """

    service: ServiceSpec
    handles: Handles
    shell: Recipe | None
    tasks: tuple[Recipe, ...]
    parts: Mapping[str, Recipe] = field(default_factory=dict)
    makers: tuple[Callable[[], Task], ...] = ()
    tells_progress: bool = False


def recipes(service: ServiceSpec, handles: Handles) -> Recipes:
    """Import all that the chain needs, and find out how each class is built."""
    shell = loading.recipe(service.shell) if service.shell is not None else None
    tasks = tuple(loading.recipe(one) for one in service.tasks)
    parts = {name: loading.recipe(one) for name, one in service.parts.items()}
    hidden = service.hidden
    given = {**loading.extras(service), **handles, "hidden": lambda: hidden}
    ask_nothing = not any(n in loading.HANDLES or n in given for one in tasks for n in one.asks)
    everything = (*tasks, *parts.values(), *([shell] if shell else []))
    tells_progress = any("progress" in one.asks for one in everything)
    if tells_progress:
        importlib.import_module("botcannon_core.cannon.progress")
    makers = tuple(one.maker() for one in tasks) if ask_nothing else ()
    return Recipes(service, given, shell, tasks, parts, makers, tells_progress)


def begin(how: Recipes, channel: int, output: int, parent: int, words: LastWords) -> NoReturn:
    """Be a worker, or a seat of many, from fork to exit: its pool's `channel`, where it prints.

    Never returns or raises. What can be inherited (limits, no terminal) the forker has set for all.
    """
    code = 1
    try:
        os.setpgid(0, 0)
        signal.set_wakeup_fd(-1)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.close(output)
        words.only_say()
        inbox = Inbox(Channel(channel))
        ready = frames.packed("ready", os.getpid())  # whom to signal: us, and so our group
        if how.service.workers.has_seats:
            code = seat.keep(partial(_live, how, inbox, ready), parent, words)
        else:
            words.close()
            process.die_with_parent(parent, signal.SIGKILL)
            code = _work(how, inbox, ready)
    except BaseException:  # noqa: BLE001 - a mistake of ours, or a pool that is gone: say it, and end
        traceback.print_exc()
    finally:
        os._exit(code)  # no atexit, no destructors: those belong to the forker


def _live(how: Recipes, inbox: Inbox, ready: bytes, number: int, will_wait: bool) -> NoReturn:
    """Be the worker of this number in a seat, from fork to exit."""
    code = 1
    try:
        inbox.era = number
        if will_wait:
            rehearse(how, 1)
        code = _work(how, inbox, ready)
    except BaseException:  # noqa: BLE001 - as above
        traceback.print_exc()
    finally:
        os._exit(code)


def _work(how: Recipes, inbox: Inbox, ready: bytes) -> int:
    """Construct, say so, and run what comes; returns the exit code."""
    rule = how.service.workers
    each = _each(inbox, how.service.hidden) if rule.concurrency > 1 else None
    try:
        tells = how.tells_progress and each is None  # which tells it for many
        progress = _progress(inbox, how.service.hidden) if tells else None
        tasks: list[Task] = []
        for make in how.makers:
            tasks.append(make())
        tasks = tasks or _constructed(how, inbox, each or progress)
    except BaseException as error:  # noqa: BLE001 - a constructor is user code too
        failure = chain.failed(error, how.service.hidden)
        inbox.channel.tell("broken", chain.as_frame(failure))
        return 1
    try:
        inbox.channel.send_packed(ready)
    except ConnectionError:
        return 0  # not needed any more: let go, or the pool stops, while this one came up
    if each is not None:
        return _work_together(how, tasks, inbox, each)
    left = rule.max_messages if rule.isolation == "worker" else 1
    try:
        while left:
            _, message_id, fields = inbox.next()
            if progress is not None:
                progress.begin()
            message = Message(fields, message_id, how.service.name)
            ended = chain.as_frame(chain.run(tasks, message, how.service.hidden))
            if progress is not None:
                progress.end()
            process.flush_output()
            left -= 1
            if left and inbox.is_empty and process.peak_memory() > rule.max_rss:
                left = 0
            if left:
                inbox.end(ended)
            else:
                inbox.leave(ended)
    except EOFError:
        return 0  # not needed any more
    return seat.LEFT


def _work_together(how: Recipes, tasks: list[Task], inbox: Inbox, each: Each) -> int:
    import asyncio  # the forker has it, for any chain that is async

    from botcannon_core.cannon.together import Together

    asyncio.run(Together(how.service, tasks, inbox, each).run())
    return 0


def _constructed(how: Recipes, inbox: Inbox, progress: Progress | Each | None) -> list[Task]:
    if progress is None:
        return construct(how, inbox.ask)
    return construct(how, progress.beside(inbox.ask), progress)


def unheard(*_said: object) -> None:
    """The handle `progress` where nobody listens."""


def construct(
    how: Recipes, ask: Callable[[str, Any], Any], progress: Callable[..., None] = unheard
) -> list[Task]:
    """The tasks in order, with what they ask for; one shell for all of them."""
    shells: list[Any] = []

    def shell() -> Any:
        if not shells and how.shell is not None:
            shells.append(how.shell(handles))
        return shells[0] if shells else None

    handles: Handles = {
        **how.handles,
        "memory": lambda: Memory(ask),
        "cancel": lambda: Cancel(ask),
        "progress": lambda: progress,
    }
    given = {**handles, "shell": shell}
    if how.service.chain:
        parts = {name: part(given) for name, part in how.parts.items()}
        given |= {"parts": lambda: parts, "journal": lambda: Journal(ask)}
    return [task(given) for task in how.tasks]


def _each(inbox: Inbox, hidden: frozenset[str]) -> Each:
    from botcannon_core.cannon.each import Each  # as for Together

    return Each(inbox, hidden)


def _progress(inbox: Inbox, hidden: frozenset[str]) -> Progress:
    from botcannon_core.cannon.progress import Progress  # the forker has it, if anybody asks for it

    return Progress(lambda text: inbox.channel.send("note", text), hidden)


class _Nothing:
    """A task that does nothing."""

    def task(self, _message: Message, _results: dict[str, Any]) -> dict[str, str]:
        return {"done": "nothing"}


class _NoPool(Channel):
    """Packs and unpacks frames as a channel does, and speaks to nobody."""

    def __init__(self) -> None:
        super().__init__(-1)

    def send_packed(self, data: bytes) -> None:
        pass

    def receive(self) -> list[frames.Frame]:
        return frames.whole(_ORDER)


_ORDER = frames.packed("orders", (0, 0.0, [("1-1", {"name": "text"})]))


def rehearse(how: Recipes, times: int = REHEARSALS) -> None:
    """Go a worker's way with a message of nothing.

    In the forker: what Python finds out about its code while that runs (the kind of each attribute, the
    methods of each type) it writes down, and workers find it written. In a worker that waits: the
    pages that its message will touch are its own already when that comes.
    """
    nothing = replace(how, makers=(_Nothing,), tells_progress=False)
    for _ in range(times):
        _work(nothing, Inbox(_NoPool()), b"")
