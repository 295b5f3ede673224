"""Notes: how far a message is, told to whoever asked before it has ended.

A note lies among the taskbacks, with the message's own fields and `_note`; there is one of a message at
a time, and none once it has ended. Not here: how often they are made (the worker), shown (the intake).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from botcannon_core.ledger.keys import Keys
from botcannon_core.ledger.line import Line
from botcannon_core.ledger.refused import Refused
from botcannon_core.ledger.stream import POOL, pairs


def write(
    line: Line,
    keys: Keys,
    consumer: str,
    entry: str,
    earlier: str,
    fields: Mapping[str, str],
    then: Callable[[str], None],
) -> None:
    """Write a note about `entry` in the place of its `earlier` one, if `consumer` still holds it.

    `then` gets the note's own entry; nothing if it was not written.
    """

    def heard(answer: Any) -> None:
        then("" if isinstance(answer, Refused) else str(answer))

    args = (POOL, consumer, entry, earlier, *pairs(fields))
    line.run("note", (keys.data, keys.taskback), *args, then=heard)


def forget(line: Line, keys: Keys, note: str) -> None:
    """Take a note away; whoever has not read it needs it no more."""
    line.say("XDEL", keys.taskback, note)
