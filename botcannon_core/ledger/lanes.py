"""Lanes: messages with the same value in one field run in order, one at a time, on any host.

A lane is a list of entries in the order in which they were stored. Its first may run; the others wait
with a consumer of their own, hold no lease, and are taken along by whoever settles the one before.
"""

from __future__ import annotations

from collections.abc import Callable

from botcannon_core.digest import digest
from botcannon_core.ledger.keys import Keys
from botcannon_core.ledger.line import Line

LONGEST = 200  # characters of a value that stands in a key as it is
LANE = "lane"  # the consumer that holds what waits


def key_of(keys: Keys, value: str) -> str:
    """The list of the entries with this value."""
    if len(value) > LONGEST:
        value = digest(value)
    return keys.key(f"lane:{value}")


def enter(
    line: Line,
    keys: Keys,
    group: str,
    consumer: str,
    entry: str,
    value: str,
    then: Callable[[bool], None],
) -> None:
    """Ask whether an entry may run now; if not it is put down to wait. `then` gets the answer."""
    names = (keys.data, key_of(keys, value))
    line.run("enter", names, group, consumer, entry, then=lambda answer: then(answer == 1))
