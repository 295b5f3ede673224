"""Cancels: somebody wants what they have running ended.

The wish is marked in the store by whoever stores the message that says so, before anybody has time to
run that message, so that it is heard while all workers are busy. Pools look for marks of those whose
messages they run. `Cancel` is what user code in a worker gets (the handle `cancel`), `answer_held` what
its pool does for it. Not here: ending a worker (cannon).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from botcannon_core.digest import digest
from botcannon_core.ledger.keys import Keys

if TYPE_CHECKING:  # a worker needs no store client
    from botcannon_core.ledger.journal import Held
    from botcannon_core.ledger.line import Line

WORD = "cancel"
REMEMBER_SECONDS = 3600.0  # longer than a message waits behind others, as a rule
WHO = ("network", "room", "user")  # the fields that tell whose a message is, and where it was said

_LONGEST = 20  # characters: what is longer says something else
_GROUP = "pool"  # as stream.POOL, whose module a worker need not import


class Cancel:
    """Ends what the sender of the message that runs has running besides, in the same room."""

    def __init__(self, ask: Callable[[str, Any], Any]) -> None:
        self._ask = ask

    def __call__(self, message: Mapping[str, str]) -> bool:
        """Have it ended, all that was asked before this `message`; True if there was anything."""
        return bool(self._ask("cancels", {name: message.get(name, "") for name in WHO}))


def nothing_runs(_message: Mapping[str, str]) -> bool:
    """The handle `cancel` where there is no pool: nothing else is running."""
    return False


def is_wish(fields: Mapping[str, str], said: str = "text") -> bool:
    """Whether a message is, in its field `said`, the word by which somebody known wants theirs ended."""
    text = fields.get(said, "")
    return len(text) <= _LONGEST and _plain(text) == WORD and bool(fields.get("user"))


def whose(fields: Mapping[str, str]) -> str:
    """Who said a message and where, as a short name; nothing for nobody known."""
    if not fields.get("user"):
        return ""
    return digest(json.dumps([fields.get(name, "") for name in WHO]))


def is_before(entry: str, other: str) -> bool:
    """Whether one entry of a stream stands before another."""
    return _order(entry) < _order(other)


def wish(
    line: Line,
    keys: Keys,
    fields: Mapping[str, str],
    entry: str,
    then: Callable[[Any], None] | None = None,
) -> None:
    """Mark that whoever said `fields` wants ended what they asked before `entry`.

    `then` gets 1 if there was anything to end, else 0.
    """
    who = whose(fields)
    names = (keys.data, keys.key(f"cancel:{who}"), keys.key(f"cancelled:{who}"))
    told = [word for name in WHO for word in (name, fields.get(name, ""))]
    line.run("cancel", names, _GROUP, entry, _ms(REMEMBER_SECONDS), *told, then=then)


def look(
    line: Line, keys: Keys, askers: Sequence[str], then: Callable[[dict[str, str]], None]
) -> None:
    """What these (see `whose`) want ended; `then` gets the entry of the wish of each who has one."""

    def heard(answer: Any) -> None:
        found = answer if isinstance(answer, list) else []
        then({who: entry for who, entry in zip(askers, found, strict=False) if entry})

    line.say("MGET", *(keys.key(f"cancel:{who}") for who in askers), then=heard)


def carried_out(line: Line, keys: Keys, who: str, entry: str) -> None:
    """Note that something was ended because of the wish `entry`, before it is settled."""
    line.say("SET", keys.key(f"cancelled:{who}"), entry, "PX", _ms(REMEMBER_SECONDS))


def answer_held(
    line: Line, keys: Keys, held: Held | None, body: Any, then: Callable[[Any], None]
) -> None:
    """Do in the store what the worker of a message asked for; what makes no sense gets None."""
    is_sound = isinstance(body, dict) and all(isinstance(body.get(name), str) for name in WHO)
    if held is not None and is_sound and whose(body):
        wish(line, keys, body, held.entry, then)
    else:
        then(None)


def _plain(text: str) -> str:
    return text.strip().strip("`").strip().lower()


def _order(entry: str) -> tuple[int, int]:
    milliseconds, _, number = entry.partition("-")
    return int(milliseconds), int(number or 0)


def _ms(seconds: float) -> int:
    return int(seconds * 1000)
