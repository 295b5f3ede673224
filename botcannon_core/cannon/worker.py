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
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn

from botcannon_core.cannon import chain, process
from botcannon_core.cannon.frames import Channel
from botcannon_core.cannon.orders import Inbox
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
    from botcannon_core.cannon.progress import Progress

Handles = dict[str, Callable[[], Any]]


@dataclass(frozen=True)
class Recipes:
    """How to build a service's chain, looked up once in the forker.

    `plain` are its tasks themselves if there is nothing to build: functions that ask for nothing.
    """

    service: ServiceSpec
    handles: Handles
    shell: Recipe | None
    tasks: tuple[Recipe, ...]
    parts: Mapping[str, Recipe] = field(default_factory=dict)
    plain: list[Task] | None = None
    tells_progress: bool = False


def recipes(service: ServiceSpec, handles: Handles) -> Recipes:
    """Import all that the chain needs, and find out how each class is built."""
    shell = loading.recipe(service.shell) if service.shell is not None else None
    tasks = tuple(loading.recipe(one) for one in service.tasks)
    parts = {name: loading.recipe(one) for name, one in service.parts.items()}
    hidden = service.hidden
    given = {**loading.extras(service), **handles, "hidden": lambda: hidden}
    is_plain = all(
        one.is_function and not any(n in loading.HANDLES or n in given for n in one.asks)
        for one in tasks
    )
    everything = (*tasks, *parts.values(), *([shell] if shell else []))
    tells_progress = any("progress" in one.asks for one in everything)
    if tells_progress:
        importlib.import_module("botcannon_core.cannon.progress")
    plain = [one(given) for one in tasks] if is_plain else None
    return Recipes(service, given, shell, tasks, parts, plain, tells_progress)


def live(how: Recipes, channel: int, output: int, parent: int, close: tuple[int, ...]) -> NoReturn:
    """Be a worker, from fork to exit: its pool's `channel`, where it prints. Never returns or raises.

    What can be inherited (limits, signals, no terminal) the forker has set for all: each page that a
    worker touches is copied, and that is most of what it costs. The forker's handler for SIGCHLD
    stays too: without a wake-up descriptor it notes and does nothing.
    """
    code = 1
    try:
        os.setpgid(0, 0)
        signal.set_wakeup_fd(-1)
        process.die_with_parent(parent, signal.SIGKILL)
        os.dup2(output, 1)
        os.dup2(output, 2)
        for descriptor in (output, *close):
            os.close(descriptor)
        code = _work(how, Inbox(Channel(channel)))
    except BaseException:  # noqa: BLE001 - a mistake of ours, or a pool that is gone: say it, and end
        traceback.print_exc()
    finally:
        os._exit(code)  # no atexit, no destructors: those belong to the forker


def _work(how: Recipes, inbox: Inbox) -> int:
    rule, name, hidden = how.service.workers, how.service.name, how.service.hidden
    try:
        progress = _progress(inbox, hidden) if how.tells_progress else None
        tasks = how.plain or _constructed(how, inbox, progress)
    except BaseException as error:  # noqa: BLE001 - a constructor is user code too
        inbox.channel.send("broken", chain.as_frame(chain.failed(error, hidden)))
        return 1
    inbox.channel.send("ready", os.getpid())
    if rule.concurrency > 1:
        return _work_together(how, tasks, inbox)
    left = rule.max_messages if rule.isolation == "worker" else 1
    while left:
        try:
            _, message_id, fields = inbox.next()
        except EOFError:
            return 0  # not needed any more
        if progress is not None:
            progress.begin()
        ended = chain.as_frame(chain.run(tasks, Message(fields, message_id, name), hidden))
        if progress is not None:
            progress.end()
        process.flush_output()
        left -= 1
        if left and inbox.is_empty and process.peak_memory() > rule.max_rss:
            left = 0
        if not left:
            ended["leaves"] = True
        inbox.end(ended)
    return 0


def _work_together(how: Recipes, tasks: list[Task], inbox: Inbox) -> int:
    import asyncio  # the forker has it, for any chain that is async

    from botcannon_core.cannon.together import Together

    asyncio.run(Together(how.service, tasks, inbox).run())
    return 0


def _constructed(how: Recipes, inbox: Inbox, progress: Progress | None) -> list[Task]:
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


def _progress(inbox: Inbox, hidden: frozenset[str]) -> Progress:
    from botcannon_core.cannon.progress import Progress  # the forker has it, if anybody asks for it

    return Progress(lambda text: inbox.channel.send("note", text), hidden)
