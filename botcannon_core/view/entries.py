"""Entries of a stream as people read them: the newest ones, and their fields in one line.

Not here: streams that go on while one looks (follow), and how lines are printed (cli).
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from botcannon_core.ledger.store import Store
from botcannon_core.ledger.stream import Entry

PAGE = 1000  # entries asked for at once, so that no answer grows without bound
Found = TypeVar("Found")
_PLAIN = re.compile(r"[^\s\"'=\\]+")


def newest(store: Store, key: str, count: int) -> list[Entry]:
    """The last `count` entries of a stream, oldest first."""
    found: list[Entry] = []
    for entry in backwards(store, key):
        if len(found) >= count:
            break
        found.append(entry)
    return found[::-1]


def backwards(store: Store, key: str) -> Iterator[Entry]:
    """All entries of a stream, the newest first, asked for a page at a time."""
    before = "+"
    while True:
        with store.asking() as client:
            page: Any = client.xrevrange(key, max=before, count=PAGE)
        for entry, fields in page:
            yield Entry(entry, fields)
        if len(page) < PAGE:
            return
        before = f"({page[-1][0]}"


def last_id(store: Store, key: str) -> str:
    """The id after which whatever comes next will stand."""
    found = newest(store, key, 1)
    return found[0].id if found else "0-0"


def last(found: list[Found], count: int) -> list[Found]:
    """The last `count` of what was found; none at all for 0."""
    return found[-count:] if count > 0 else []


def seconds_of(entry: str) -> float:
    """When an entry came into its stream, in seconds since the epoch."""
    milliseconds = entry.partition("-")[0]
    return int(milliseconds) / 1000 if milliseconds.isdigit() else 0.0


def written(fields: Mapping[str, str]) -> str:
    """All fields in one line: `text=hello user="Ada L."`, quoted where it needs to be."""
    return " ".join(f"{_quoted(name)}={_quoted(value)}" for name, value in fields.items())


def said(fields: Mapping[str, str]) -> str:
    """The fields of a message without botcannon's own, in one line."""
    return written({name: text for name, text in fields.items() if not name.startswith("_")})


def clock(seconds: float) -> str:
    """A moment as local time, `2026-05-01 12:03:04.250`."""
    whole = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
    return f"{whole}.{int(seconds * 1000) % 1000:03d}"


def span(seconds: float) -> str:
    """A length of time in one unit: `0.2 s`, `5 s`, `3 m`, `2 h`, `4 d`."""
    seconds = max(0.0, seconds)
    if seconds < 1:
        return f"{seconds:.1f} s"
    for unit, length, below in (("s", 1, 120), ("m", 60, 7200), ("h", 3600, 172_800)):
        if seconds < below:
            return f"{int(seconds / length)} {unit}"
    return f"{int(seconds / 86_400)} d"


def _quoted(text: str) -> str:
    plain = _PLAIN.fullmatch(text) and text.isprintable()
    return text if plain else json.dumps(text, ensure_ascii=not text.isprintable())
