"""Asks: what user code in a worker may ask its pool for, and who answers.

The kinds are open: one named X is answered by the function `answer` of the module `ledger/X.py`, or of
`X/answers.py` where a room of that name has one. An `answer_held` in its place is told, too, which
message the worker runs and who holds it. Not here: what any of them means.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from types import ModuleType
from typing import Any

from botcannon_core.ledger.journal import Held
from botcannon_core.ledger.keys import Keys
from botcannon_core.ledger.line import Line
from botcannon_core.ledger.refused import Refused

Answerer = Callable[[Line, Keys, Held | None, Any, Callable[[Any], None]], None]


def answer(
    line: Line, keys: Keys, asked: Any, then: Callable[[Any], None], held: Held | None = None
) -> None:
    """Answer one ask, `[kind, body]`; `then` gets None if nobody knows the kind or the store refuses.

    `held` is the message that the worker runs, if it has one.
    """

    def heard(found: Any) -> None:
        then(None if isinstance(found, Refused) else found)

    kind, body = asked if isinstance(asked, list) and len(asked) == 2 else ("", None)
    answerer = _answerer(kind) if isinstance(kind, str) and kind.isidentifier() else None
    if answerer is None:
        then(None)
        return
    try:
        answerer(line, keys, held, body, heard)
    except Exception:  # noqa: BLE001 - what user code asks must not end the pool of everybody
        then(None)


@cache
def _answerer(kind: str) -> Answerer | None:
    for name in (f"botcannon_core.ledger.{kind}", f"botcannon_core.{kind}.answers"):
        try:
            found = find_spec(name) is not None
        except ModuleNotFoundError:
            found = False  # there is no such room
        if found:
            return _of(importlib.import_module(name))
    return None


def _of(module: ModuleType) -> Answerer:
    fenced: Answerer | None = getattr(module, "answer_held", None)
    plain = getattr(module, "answer", None)

    def answerer(
        line: Line, keys: Keys, held: Held | None, body: Any, then: Callable[[Any], None]
    ) -> None:
        if fenced is not None and held is not None:
            fenced(line, keys, held, body, then)
        elif plain is not None:
            plain(line, keys, body, then)
        else:
            then(None)

    return answerer
