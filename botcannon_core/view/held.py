"""The messages that pools hold: who has each, since when, and how often it was tried."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from redis.exceptions import ResponseError

from botcannon_core.ledger.keys import Keys
from botcannon_core.ledger.lanes import LANE
from botcannon_core.ledger.store import Store
from botcannon_core.ledger.stream import NOBODY, POOL
from botcannon_core.view.entries import PAGE, seconds_of

State = Literal["waiting", "running", "again", "behind", "left"]

UNHELD: dict[str, State] = {NOBODY: "left", LANE: "behind"}  # by the consumers that are no pools


@dataclass(frozen=True)
class Held:
    """One message that a pool has read and not settled, by its entry in the data stream.

    `held_by` is HOST:PID of the pool; it is *waiting* for its first run, *running*, or will run *again*
    in `due_in` seconds. Held by nobody (None) it was handed back and is *left* for the next pool, or is
    *behind* another message with the same value in the field that keeps the order.
    `age` is since it was stored, `silent` since its pool last said that it holds it, in seconds.
    """

    id: str
    state: State
    held_by: str | None
    age: float
    silent: float
    tries: int
    due_in: float | None
    fields: dict[str, str]


def held(store: Store, service: str) -> Iterator[Held]:
    """The messages pending in a service, oldest first, asked for a page at a time."""
    keys = store.keys(service)
    start = "-"
    while page := _pending(store, keys, start):
        yield from _described(store, keys, page)
        start = f"({page[-1]['message_id']}"


def _pending(store: Store, keys: Keys, start: str) -> list[dict[str, Any]]:
    with store.asking() as client:
        try:
            found: Any = client.xpending_range(keys.data, POOL, min=start, max="+", count=PAGE)
        except ResponseError as error:
            if str(error).startswith("NOGROUP"):
                return []  # no pool has ever read
            raise
    return list(found)


def _described(store: Store, keys: Keys, page: list[dict[str, Any]]) -> Iterator[Held]:
    ids = [about["message_id"] for about in page]
    names = [name for entry in ids for name in (entry, f"{entry}:due")]
    with store.asking() as client, client.pipeline(transaction=False) as asked:
        asked.hmget(keys.key("tries"), names)
        for entry in ids:
            asked.xrange(keys.data, min=entry, max=entry)
        tries, *entries = asked.execute()
    now = time.time()
    for index, about in enumerate(page):
        begun, due = int(tries[2 * index] or 0), float(tries[2 * index + 1] or 0)
        fields = entries[index][0][1] if entries[index] else {}
        yield _held(about, begun, due - now if due > now else None, fields, now)


def _held(
    about: dict[str, Any], tries: int, due_in: float | None, fields: dict[str, str], now: float
) -> Held:
    entry, consumer = about["message_id"], str(about["consumer"])
    unheld = UNHELD.get(consumer)
    return Held(
        id=entry,
        state=unheld or _state(due_in, tries),
        held_by=None if unheld else consumer.rpartition(":")[0] or consumer,
        age=now - seconds_of(entry),
        silent=about["time_since_delivered"] / 1000,
        tries=tries,
        due_in=due_in,
        fields=fields,
    )


def _state(due_in: float | None, tries: int) -> State:
    if due_in is not None:
        return "again"
    return "running" if tries else "waiting"
