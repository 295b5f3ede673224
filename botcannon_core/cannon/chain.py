"""The chain: run the tasks of one message over one dict of results, and say how it ended.

Everything that user code can do comes back as an Ended; nothing raises. Not here: processes, time
limits, the store. The same function runs in a worker and in an author's test.
"""

from __future__ import annotations

import _thread
import io
import os
import sys
from _collections_abc import Awaitable  # as `os` has such: without `collections`
from types import GeneratorType

from botcannon_core.errors import MessageError, ServiceError, UsageError
from botcannon_core.message import Message, checked_results, flat, one_line, redacted
from botcannon_core.raised import Park, Retry, Skip

TYPE_CHECKING = False  # typing's own would cost each worker (docs/design.md)
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from types import TracebackType
    from typing import Any, Literal

    from botcannon_core.roles import Task

    How = Literal["done", "skipped", "parked", "failed", "again"]

_HOUSE = __name__.split(".")[0]
_ABOVE = (_HOUSE, "asyncio")  # what calls user code
_TOLD_IN_FULL = (
    MessageError,
    ServiceError,
    UsageError,
)  # their text says where, what, and what to do

_HOWS = ("done", "skipped", "parked", "failed", "again")

_ITERABLE_COROUTINE = 0x100  # of a code object: `types.coroutine` has made its generator awaitable


class Ended:
    """How a run ended. `failed` may be tried again, `parked` may not; `again` asked for it.

    `results` are fields already; `error` is one line, `trace` the whole traceback, `cause` what is
    known of a death (exit code, signal, memory); `delay` in seconds belongs to `again`.
    """

    __slots__ = ("cause", "delay", "error", "error_id", "how", "results", "trace")

    def __init__(
        self,
        how: How,
        results: dict[str, str] | None = None,
        error: str = "",
        error_id: str = "",
        trace: str = "",
        cause: dict[str, str] | None = None,
        delay: float = 0.0,
    ) -> None:
        self.how = how
        self.results = {} if results is None else results
        self.error = error
        self.error_id = error_id
        self.trace = trace
        self.cause = {} if cause is None else cause
        self.delay = delay

    def parts(self) -> dict[str, Any]:
        """What it is made of; what is empty is left out."""
        return {name: value for name in self.__slots__ if (value := getattr(self, name))}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Ended) and self.parts() == other.parts()

    def __repr__(self) -> str:
        return f"Ended(**{self.parts()!r})"


def run(
    tasks: Iterable[Task], message: Message, hidden: Collection[str] = (), memory: int = 0
) -> Ended:
    """Run `tasks` in order; each one's dict is merged into the results.

    `hidden` texts become ***; `memory` is what this process may use, in bytes, if that is limited.
    """
    try:
        return Ended("done", results_of(tasks, message))
    except BaseException as error:  # noqa: BLE001 - whatever user code raises is an outcome
        return ended_by(error, hidden, memory)


def results_of(tasks: Iterable[Task], message: Message) -> dict[str, str]:
    """What `tasks`, run in order, give together, as fields. Raises what they raise, and MessageError."""
    results: dict[str, Any] = {}
    for task in tasks:
        given = task.task(message, results)
        if given is not None:
            if type(given) is not dict and _is_awaitable(given):
                given = _awaited(given)
            results.update(checked_results(given, task))
    return flat(checked_results(results, "the chain")) if results else results


def ended_by(error: BaseException, hidden: Collection[str] = (), memory: int = 0) -> Ended:
    """What it means that user code raised this; for the others see `run`."""
    match error:
        case Skip():
            return Ended("skipped")
        case Retry():
            delay = max(0.0, error.delay)
            return Ended("again", error=_text(error), error_id=new_error_id(), delay=delay)
        case Park():
            return _parked(error, hidden)
    return failed(error, hidden, memory)


def _parked(park: Park, hidden: Collection[str]) -> Ended:
    reason = one_line(redacted(_text(park), hidden)) or "parked by a task, without a reason"
    results = {n: value for n, value in park.results.items() if not str(n).startswith("_")}
    facts = {str(name): str(fact) for name, fact in park.facts.items()}
    return Ended("parked", flat(results), reason, new_error_id(), cause=facts)


def failed(error: BaseException, hidden: Collection[str] = (), memory: int = 0) -> Ended:
    """The ending for an exception: one line for people, the traceback for the log."""
    trace = redacted(_trace(error), hidden)
    told = _told(error)
    if memory and isinstance(error, MemoryError):
        most = f"a worker may use {memory / 1024**2:.0f} MB"
        told += f": {most}; set workers.limits.memory higher, or have it use less at once"
    return Ended("failed", {}, one_line(redacted(told, hidden)), new_error_id(), trace)


def new_error_id() -> str:
    """A short name under which a person finds this error in the log."""
    return os.urandom(3).hex()


def as_frame(ended: Ended) -> dict[str, Any]:
    """What a worker sends of it; a plain ending is sent plainly."""
    if ended.how == "done":
        return {"how": "done", "results": ended.results}
    return ended.parts()


def from_frame(body: Any) -> Ended:
    """The ending that a worker has sent; whatever else user code sent in its name is a failure."""
    try:
        ended = Ended(**body)
    except TypeError:
        ended = None
    if ended is None or None in body.values() or not _is_sound(ended):
        text = "its worker said something that is no ending"
        return Ended("failed", error=text, error_id=new_error_id())
    return ended


def _is_sound(ended: Ended) -> bool:
    if ended.how == "done" and type(ended.results) is dict and not ended.error:
        return not ended.results or set(map(type, ended.results.values())) <= {str}
    texts: list[Any] = [ended.error, ended.error_id, ended.trace]
    for part in (ended.results, ended.cause):
        if not isinstance(part, dict):
            return False
        texts += [*part, *part.values()]
    known = ended.how in _HOWS and isinstance(ended.delay, int | float)
    return known and all(isinstance(text, str) for text in texts)


def _told(error: BaseException) -> str:
    if isinstance(error, SystemExit):
        return f"the code ended its process: sys.exit({error.code!r})"
    text = _text(error)
    if isinstance(error, _TOLD_IN_FULL):
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as another:  # noqa: BLE001 - user code may write exceptions, too
        return f"(its text cannot be had: {type(another).__name__})"


def _trace(error: BaseException) -> str:
    """The traceback from where user code begins: what is above tells its author nothing.

    Fields that are no message, a package that is not there, a port that is taken: the line tells all,
    and nobody's code is to be looked at for it.
    """
    part = error.__traceback__
    while part and part.tb_frame.f_globals.get("__name__", "").split(".")[0] in _ABOVE:
        part = part.tb_next
    if part is None and isinstance(error, _TOLD_IN_FULL):
        return ""
    return _printed(error, part or error.__traceback__).rstrip()


def _printed(error: BaseException, part: TracebackType | None) -> str:
    """The traceback, as Python prints it where a program ends with this error.

    That is written in C, and goes to wherever `sys.stderr` leads, while to import `traceback` would cost
    each worker that fails 7 ms. It is imported where C does no better: since Python 3.13, which does so
    itself, and may print in colour; where another thread might print meanwhile; for a group, in which C
    leaves texts of several lines ragged; and after an endless recursion: C reads a file for each line.
    But where there is no memory to import it with, what C says is enough.
    """
    odd = isinstance(error, (RecursionError, BaseExceptionGroup))
    if sys.version_info >= (3, 13) or _thread._count() or odd:
        try:
            import traceback

            return "".join(traceback.format_exception(type(error), error, part))
        except MemoryError:
            pass
    said, whole, stderr = io.StringIO(), error.__traceback__, getattr(sys, "stderr", None)
    sys.stderr = said
    _cut(error, part)
    try:
        sys.__excepthook__(type(error), error, part)
    finally:
        sys.stderr = stderr
        _cut(error, whole)
    return said.getvalue()


def _cut(error: BaseException, part: TracebackType | None) -> None:
    BaseException.with_traceback(error, part)  # its class may refuse attributes


def _is_awaitable(given: Any) -> bool:
    """As `inspect.isawaitable` says, without `inspect`."""
    if isinstance(given, GeneratorType):
        return bool(given.gi_code.co_flags & _ITERABLE_COROUTINE)
    return isinstance(given, Awaitable)


def _awaited(awaitable: Any) -> Any:
    import asyncio  # costs 30 ms and 10 MB, and most chains are not async

    async def wait() -> Any:
        return await awaitable

    return asyncio.run(wait())
