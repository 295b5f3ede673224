"""For authors of bots: talk to a service in a test, or run tasks and collectors by themselves.

`testbot` is a pytest fixture that talks to a service of the project; `run`, `taskback` and `read` take
objects, and need neither a compose file nor pytest. The chain is the one that runs in a worker, so what
a task returns or raises ends as it would there. Not here: a store and processes (`testbot.real()`).
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from botcannon_core.cannon import chain, job
from botcannon_core.cannon.chain import Ended
from botcannon_core.compose.loading import FunctionTask
from botcannon_core.ledger.stream import Entry
from botcannon_core.message import Message, checked_fields
from botcannon_core.roles import Task
from botcannon_core.testing.bot import Reply, TestBot
from botcannon_core.testing.project import bot_of

if TYPE_CHECKING:
    from botcannon_core.testing.fixture import testbot as testbot

__all__ = ["Ended", "Link", "Reply", "TestBot", "bot_of", "read", "run", "taskback"]

Link = Task | Callable[..., Any]
"""One link of a chain: an object with `task(message, results)`, or a function of the two."""

ID = "1700000000000-0"  # of every message here, unless another is given


def run(tasks: Iterable[Link], fields: Mapping[str, str], message_id: str = ID) -> Ended:
    """How one message with these fields ends that runs through `tasks`; nothing that they raise escapes.

    `how` is `done`, `skipped`, `parked` (a task raised Park), `again` (Retry) or `failed` (anything
    else); `results` are text as in a taskback; `error` is one line and `trace` the whole traceback.
    Raises MessageError for fields that no collector could yield, TypeError for what is no task.
    """
    links = [_link(task) for task in tasks]
    return chain.run(links, Message(checked_fields(fields, "the test"), message_id, "test"))


def taskback(tasks: Iterable[Link], fields: Mapping[str, str], message_id: str = ID) -> Message:
    """What a collector's `taskback()` would be given for such a message, had it no tries left.

    The message and its results merged, with `outcome`, `error` and `error_id`. Raises as `run` does.
    """
    ended = run(tasks, fields, message_id)
    entry = Entry(message_id, dict(fields))
    return Message(job.taskback(job.Job.of(entry), ended), message_id, "test")


def read(collector: Any) -> list[dict[str, str]]:
    """All messages that one `read()` of the collector yields, sync or async; none if it has no news.

    Raises what `read()` raises, Halt too, and MessageError for what is no message.
    """
    items = asyncio.run(_all_of(collector.read()))
    source = f"{type(collector).__name__}.read"
    return [checked_fields(item, source) for item in items if item is not None]


def __getattr__(name: str) -> Any:
    """The fixture `testbot`, made when it is asked for: pytest is not needed for anything else here."""
    if name != "testbot":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from botcannon_core.testing.fixture import testbot  # pytest may not be installed

    return testbot


def _link(task: Link) -> Task:
    if isinstance(task, type):
        raise TypeError(f"{task.__name__} is a class; construct it: {task.__name__}(...)")
    if isinstance(task, Task):
        return task
    if not callable(task):
        raise TypeError(f"{task!r} is no task: it has no task() and is no function")
    return FunctionTask(task, {})


async def _all_of(given: Any) -> list[Any]:
    if inspect.isawaitable(given):
        given = await given
    if hasattr(given, "__aiter__"):
        return [item async for item in given]
    return list(given or ())
