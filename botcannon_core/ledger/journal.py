"""The journal of a message: what its run has come to, for whoever goes on when a worker or a host dies.

Two ends of one conversation: `Journal` is what a worker has, `answer_held` what its pool does for it in
the store. Every word of it is fenced: only the try that holds the message writes. Not here: what the
records mean (programs).

If we die between the last record and the settling, the next try finds all records and has nothing left
to do. If we die between the settling and `forget`, which are sent together, a journal stays that nobody
asks for. That of a parked message stays until the message is retried and done, or dropped.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botcannon_core.ledger.keys import Keys

if TYPE_CHECKING:  # a worker needs no store client
    from botcannon_core.ledger.line import Line

GROUP = "pool"  # as stream.POOL, whose module a worker need not import


class Lost(Exception):
    """The message is somebody else's by now: whoever hears this must do nothing more."""


@dataclass(frozen=True, slots=True)
class Held:
    """A message in the hands of a pool: its own id, its entry, the consumer that has it, the try."""

    id: str
    entry: str
    consumer: str
    tries: int


class Journal:
    """The records of one message, which a later try finds again."""

    def __init__(self, ask: Callable[[str, Any], Any]) -> None:
        self._ask = ask
        self._number = 0

    def load(self) -> list[str]:
        """The records of the tries before; from now on this try alone may write. Raises Lost."""
        found = self._ask("journal", [])
        if not isinstance(found, list):
            raise Lost
        self._number = len(found)
        return [str(record) for record in found]

    def write(self, *records: str) -> None:
        """Put these down; returns when they are safe. Raises Lost."""
        numbered: list[str] = []
        for number, record in enumerate(records, self._number + 1):
            numbered += [str(number), record]
        if not self._ask("journal", numbered):
            raise Lost
        self._number += len(records)


def key_of(keys: Keys, message_id: str) -> str:
    """Where the journal of a message is kept."""
    return keys.key(f"journal:{message_id}")


def in_order(found: dict[str, str]) -> list[str]:
    """The records of a journal, of which HGETALL gave `found`, as they were written."""
    return [found[number] for number in sorted(found.keys() - {"try"}, key=int)]


def answer_held(line: Line, keys: Keys, held: Held, body: Any, then: Callable[[Any], None]) -> None:
    """Load or write what a worker asked for its message; `then` gets None if that may not be."""
    if not isinstance(body, list) or not all(isinstance(one, str) for one in body) or len(body) % 2:
        then(None)
        return
    names = (keys.data, key_of(keys, held.id))
    line.run("journal", names, GROUP, held.consumer, held.entry, held.tries, *body, then=then)


def forget(line: Line, keys: Keys, message_id: str, entry: str) -> None:
    """Delete the journal of a message that is settled; said right behind the settling."""
    line.run("forget", (keys.data, key_of(keys, message_id)), GROUP, entry)
