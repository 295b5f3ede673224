"""Calling the code of a step: whatever it does comes back as a value, and nothing raises.

Not here: what is done about it (running).
"""

from __future__ import annotations

import inspect
import sys
import traceback
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any, Literal

from botcannon_core.errors import MessageError
from botcannon_core.message import Message, checked_results, one_line, redacted
from botcannon_core.raised import Retry, Skip


@dataclass(frozen=True)
class Called:
    """How a call ended. `unusable`: it did its work, and what it gave cannot be used.

    `given` is to be merged into the pool, `error` one line, `delay` in seconds how long to wait `again`.
    """

    how: Literal["done", "skipped", "again", "failed", "unusable"]
    given: dict[str, Any] = field(default_factory=dict)
    error: str = ""
    delay: float = 0.0


Call = Callable[[str, Callable[..., Any], Message, dict[str, Any], Collection[str]], Called]


def call(
    name: str,
    code: Callable[..., Any],
    message: Message,
    results: dict[str, Any],
    hidden: Collection[str] = (),
) -> Called:
    """Run `code(message, results)`, sync or async; `hidden` texts become *** in what is told of it."""
    try:
        given = code(message, results)
        if type(given) is not dict and inspect.isawaitable(given):
            given = _awaited(given)
    except Skip:
        return Called("skipped")
    except Retry as retry:
        return Called("again", error=_told(retry, hidden), delay=max(0.0, retry.delay))
    except BaseException as error:  # noqa: BLE001 - whatever a step raises is its failure
        _show(error, hidden)
        return Called("failed", error=_told(error, hidden))
    try:
        return Called("done", checked_results(given, name))
    except MessageError as error:
        return Called("unusable", error=str(error))


def _awaited(awaitable: Any) -> Any:
    import asyncio  # costs 30 ms and 10 MB, and most steps are not async

    async def wait() -> Any:
        return await awaitable

    return asyncio.run(wait())


def _told(error: BaseException, hidden: Collection[str]) -> str:
    try:
        text = str(error)
    except Exception as another:  # noqa: BLE001 - user code may write exceptions, too
        text = f"(its text cannot be had: {type(another).__name__})"
    if isinstance(error, Retry):
        return one_line(redacted(text, hidden))
    kind = type(error).__name__
    return one_line(redacted(f"{kind}: {text}" if text else kind, hidden))


def _show(error: BaseException, hidden: Collection[str]) -> None:
    """The whole traceback for the service's log; whoever asked is told one line."""
    part = error.__traceback__
    lines = traceback.format_exception(type(error), error, part.tb_next if part else None)
    sys.stderr.write(redacted("".join(lines), hidden))
