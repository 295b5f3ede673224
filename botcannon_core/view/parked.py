"""The messages in `dead`, and the finding of one by any of its names. Not here: handling them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from botcannon_core.ledger.store import Store
from botcannon_core.ledger.stream import Entry
from botcannon_core.view.entries import backwards, seconds_of

ALL = "all"


@dataclass(frozen=True)
class Parked:
    """One entry of `dead`: a message that could not be done, or a taskback nobody could take.

    `id` is its entry in `dead`, `message_id` the message's own, `error_id` finds it in the log; `since`
    is when it was parked, in seconds since the epoch. `fields` are the message's. `left` is what a
    program that was put aside in the middle has not done or undone.
    """

    id: str
    message_id: str
    what: Literal["message", "taskback"]
    since: float
    tries: int | None
    error: str
    error_id: str | None
    host: str | None
    fields: dict[str, str]
    left: tuple[str, ...] = ()


def parked(store: Store, service: str) -> Iterator[Parked]:
    """What is in `dead`, the newest first."""
    return (_parked(entry) for entry in backwards(store, store.keys(service).dead))


def named(store: Store, service: str, name: str) -> list[Parked]:
    """What `name` means: an entry by its id, a message by its own or its error's; `all` is all of it."""
    return [
        one
        for one in parked(store, service)
        if name == ALL or name in (one.id, one.message_id, one.error_id)
    ]


def _parked(entry: Entry) -> Parked:
    given = entry.fields.get
    tries = given("_tries", "")
    return Parked(
        id=entry.id,
        message_id=given("_id") or entry.id,
        what="taskback" if given("_what") == "taskback" else "message",
        since=seconds_of(entry.id),
        tries=int(tries) if tries.isdigit() else None,
        error=given("_error", ""),
        error_id=given("_error_id") or None,
        host=given("_host"),
        fields={name: text for name, text in entry.fields.items() if not name.startswith("_")},
        left=_left(given("_left")),
    )


def _left(text: str | None) -> tuple[str, ...]:
    """The list in a field; of one that is there and empty it is known at least that it is there."""
    if text is None:
        return ()
    try:
        found = json.loads(text)
    except ValueError:
        found = text
    return tuple(map(str, found)) or ("nothing",) if isinstance(found, list) else (str(found),)
