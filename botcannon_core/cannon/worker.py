"""A worker: the process that runs the chain for its message, and nothing else.

It is born by a fork of the forker, constructs the tasks before its message comes (that is what *hot*
means), runs it, says how it ended, and exits; with `isolation: worker` it takes one message after the
other until it has had enough. User code runs here and in the intake only.
"""

from __future__ import annotations

import os
import signal
import threading
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NoReturn

from botcannon_core.cannon import chain, process
from botcannon_core.cannon.frames import Channel
from botcannon_core.cannon.progress import Progress, unheard
from botcannon_core.compose import loading
from botcannon_core.compose.spec import ServiceSpec
from botcannon_core.ledger.cancels import Cancel
from botcannon_core.ledger.journal import Journal
from botcannon_core.ledger.memory import Ask, Memory
from botcannon_core.message import Message
from botcannon_core.roles import Task

Handles = dict[str, Callable[[], Any]]


@dataclass(frozen=True)
class Recipes:
    """How to build a service's chain, looked up once in the forker."""

    service: ServiceSpec
    handles: Handles
    shell: loading.Recipe | None
    tasks: tuple[loading.Recipe, ...]
    parts: Mapping[str, loading.Recipe] = field(default_factory=dict)


def recipes(service: ServiceSpec, handles: Handles) -> Recipes:
    """Import all that the chain needs, and find out how each class is built."""
    shell = loading.recipe(service.shell) if service.shell is not None else None
    tasks = tuple(loading.recipe(one) for one in service.tasks)
    parts = {name: loading.recipe(one) for name, one in service.parts.items()}
    return Recipes(service, handles, shell, tasks, parts)


@dataclass
class Orders:
    """What a worker is born with: whose chain it runs, its end of the channel, where it prints."""

    chain: Recipes
    channel: Channel
    output: int
    close: tuple[int, ...] = ()


def live(orders: Orders, parent: int) -> NoReturn:
    """Be a worker, from fork to exit. Never returns, never raises."""
    code = 1
    try:
        _settle_in(orders, parent)
        code = _work(orders.chain, orders.channel)
    except BaseException:  # noqa: BLE001 - a mistake of ours, or a pool that is gone: say it, and end
        traceback.print_exc()
    finally:
        os._exit(code)  # no atexit, no destructors: those belong to the forker


def _settle_in(orders: Orders, parent: int) -> None:
    """A group of its own, no descriptor of anybody else's; gone when the forker goes.

    What can be inherited (limits, signals, no terminal) the forker has set for all: each page that a
    worker touches is copied, and that is most of what it costs. The forker's handler for SIGCHLD
    stays too: without a wake-up descriptor it notes and does nothing.
    """
    os.setpgid(0, 0)
    signal.set_wakeup_fd(-1)
    process.die_with_parent(parent, signal.SIGKILL)
    os.dup2(orders.output, 1)
    os.dup2(orders.output, 2)
    for descriptor in (orders.output, *orders.close):
        os.close(descriptor)


def _work(how: Recipes, channel: Channel) -> int:
    hidden = how.service.hidden
    lock = threading.Lock()  # notes come from a thread of their own
    progress = Progress(partial(channel.send, "note"), hidden, lock)
    try:
        tasks = construct(how, _asker(channel, lock), progress)
    except BaseException as error:  # noqa: BLE001 - a constructor is user code too
        channel.send("broken", chain.as_frame(chain.failed(error, hidden)))
        return 1
    rule = how.service.workers
    for _ in range(rule.max_messages if rule.isolation == "worker" else 1):
        channel.send("ready")
        try:
            _, order = channel.receive_one()
        except EOFError:
            return 0  # not needed any more
        message = Message(order["fields"], order["id"], how.service.name)
        progress.begin()
        ended = chain.run(tasks, message, hidden)
        progress.end()
        process.flush_output()
        channel.send("ended", chain.as_frame(ended))
        if process.peak_memory() > rule.max_rss:
            break
    return 0


def _asker(channel: Channel, lock: threading.Lock) -> Ask:
    """Asks the pool over the channel, and waits; nothing else is sent to a worker meanwhile."""

    def ask(kind: str, body: Any) -> Any:
        with lock:
            channel.send("ask", [kind, body])
        return channel.receive_one()[1]

    return ask


def construct(how: Recipes, ask: Ask, progress: Callable[..., None] = unheard) -> list[Task]:
    """The tasks in order, with what they ask for; one shell for all of them."""
    shells: list[Any] = []

    def shell() -> Any:
        if not shells and how.shell is not None:
            shells.append(how.shell(handles))
        return shells[0] if shells else None

    hidden = how.service.hidden
    own: Handles = {
        "hidden": lambda: hidden,
        "memory": lambda: Memory(ask),
        "cancel": lambda: Cancel(ask),
        "progress": lambda: progress,
    }
    handles = {**loading.extras(how.service), **how.handles, **own}
    given = {**handles, "shell": shell}
    if how.service.chain:
        parts = {name: part(given) for name, part in how.parts.items()}
        given |= {"parts": lambda: parts, "journal": lambda: Journal(ask)}
    return [task(given) for task in how.tasks]
