"""The log read again: what services said, merged by time, as lines for people.

Not here: how lines are coloured and printed (cli).
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from botcannon_core.ledger.store import Store
from botcannon_core.ledger.stream import Entry
from botcannon_core.view.entries import backwards, last, seconds_of

_COLOUR = re.compile(r"\x1b\[[0-9;:]*m")
_ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[ -/]*[0-~]?"
)
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f]")


@dataclass(frozen=True)
class Said:
    """One thing a process said, in one or more lines; `part` is `worker-2`, say."""

    service: str
    part: str
    level: str
    text: str
    time: float
    error_id: str | None

    @property
    def name(self) -> str:
        """Who said it: `chat.worker-2`."""
        return f"{self.service}.{self.part}" if self.part else self.service

    def lines(self, with_colours: bool) -> Iterator[str]:
        """Its lines, harmless to a terminal; colours stay if `with_colours`."""
        for line in self.text.split("\n"):
            yield _kept_colours(line) if with_colours else _CONTROLS.sub("", _ESCAPES.sub("", line))


def merged(recent: Mapping[str, Sequence[Entry]], count: int) -> list[Said]:
    """The last `count` things said, of the entries of several services' logs, oldest first."""
    each = ([said(name, entry) for entry in entries] for name, entries in recent.items())
    return last(list(heapq.merge(*each, key=lambda one: one.time)), count)


def with_error(store: Store, services: Iterable[str], error_id: str) -> list[Said]:
    """All that was said under an error's id."""
    return [
        said(name, entry)
        for name in services
        for entry in backwards(store, store.keys(name).log)
        if entry.fields.get("error_id") == error_id
    ][::-1]


def said(service: str, entry: Entry) -> Said:
    """What an entry of a service's log means."""
    given = entry.fields.get
    return Said(
        service=service,
        part=given("part", ""),
        level=given("level", ""),
        text=given("text", ""),
        time=seconds_of(entry.id),
        error_id=given("error_id") or None,
    )


def _kept_colours(line: str) -> str:
    colours = _COLOUR.findall(line)
    if not colours:
        return _CONTROLS.sub("", _ESCAPES.sub("", line))
    parts = [_CONTROLS.sub("", _ESCAPES.sub("", part)) for part in _COLOUR.split(line)]
    mixed = [parts[0]] + [colour + part for colour, part in zip(colours, parts[1:], strict=True)]
    return "".join(mixed) + "\x1b[0m"
