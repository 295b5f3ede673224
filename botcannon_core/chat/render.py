"""What a command gave, as text that reads well in a chat: tables, lists, one line for a leaf.

Not here: waiting for results (settle), and making the text safe and short (clean). Nothing foreign
is asked to show itself: only plain data, the usual leaves, frames, the user's own `__str__` and what was
made for a chat (`_repr_chat_`) speak; the rest is a placeholder such as `<Popen>`.
"""

from __future__ import annotations

import json
import math
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import islice
from types import FunctionType, MethodType, ModuleType
from typing import Any

from botcannon_core.chat import frames
from botcannon_core.chat.acl import OPEN, Gate
from botcannon_core.chat.clean import redacted
from botcannon_core.chat.leaves import ROWS, TABLES, field_names, is_leaf
from botcannon_core.chat.settle import Items
from botcannon_core.chat.views import has_view, view
from botcannon_core.chat.walk import Own, data_fields, defines, in_app, is_own, read_field
from botcannon_core.file import File

DONE = "done"  # what a command that gave nothing is answered with
EMPTY = "(empty)"
_CELL = 60  # characters of a table's cell
_DEPTH = 5  # how far a nested value is shown
_DIGITS_BITS = 3_300  # about a thousand digits; a longer number says only how long it is


@dataclass(frozen=True)
class Style:
    """What rendering needs to know beside the value: the limits, what to keep to itself, from whom."""

    own: Own = in_app
    hidden: Collection[str] = ()
    max_items: int = 100
    gate: Gate = OPEN


def render(value: Any, style: Style = Style()) -> str:
    """`value` as the text of a reply; runs nothing but an own class's `__str__` and `_repr_chat_`."""
    if value is None:
        return DONE
    if type(value) is not Items:
        value = frames.rows(value, style.max_items) or value
    if type(value) is Items:
        return _listing(value.items, style, value.more)
    if (pairs := as_pairs(value, style)) is not None:
        return _pairs(pairs, style) or EMPTY
    if type(value) in ROWS:
        rows = list(islice(value, style.max_items))
        return _listing(rows, style, len(value) - len(rows))
    return leaf(value, style) or EMPTY


def as_pairs(value: Any, style: Style) -> dict[str, Any] | None:
    """A dict, named tuple or dataclass as names and values, without private ones; else None."""
    if speaks(value, style):
        return None
    if type(value) in TABLES:
        # dict.items, since a subclass's own might do anything
        return {_key(k): v for k, v in dict.items(value) if not _private(k)}
    if names := field_names(type(value)):
        return {n: tuple.__getitem__(value, at) for at, n in enumerate(names) if n[:1] != "_"}
    found = {}
    for name in data_fields(value):
        try:
            found[name] = read_field(value, name)
        except AttributeError:
            continue  # a field that was never set
    return found or None


def leaf(value: Any, style: Style = Style()) -> str:
    """A value without parts as text; a foreign object as a placeholder, without asking it."""
    if has_view(value) and type(shown := view(value)) is str:
        return redacted(shown, style.hidden)
    value = frames.number(value)
    kind = type(value)
    if kind is File or (is_own(value, style.own) and defines(kind, "__str__", style.own)):
        return redacted(str(value), style.hidden)
    if value is None or kind is bool:
        return json.dumps(value)
    if issubclass(kind, Enum):
        return leaf(value.name, style)
    if issubclass(kind, int):
        return _whole(int(value))
    if issubclass(kind, str):
        return redacted(str.__str__(value), style.hidden)
    if issubclass(kind, (bytes, bytearray)):
        return _bytes(bytes(value), style)
    return redacted(_said(value), style.hidden) if is_leaf(value) else placeholder(value)


def speaks(value: Any, style: Style) -> bool:
    """Whether the value has words of its own."""
    return type(value) is File or has_view(value) or defines(type(value), "__str__", style.own)


def placeholder(value: Any) -> str:
    """What stands in the place of something a chat cannot enter: its kind, never its content."""
    if issubclass(type(value), type):
        return f"<class {value.__name__}>"
    if type(value) in (FunctionType, MethodType):
        return "<function>"
    return "<module>" if type(value) is ModuleType else f"<{type(value).__name__}>"


def compact(value: Any, style: Style = Style(), depth: int = _DEPTH) -> str:
    """A nested value on one line, cut to a cell: `{a: 1, b: [x, y]}`."""
    pairs = as_pairs(value, style)
    if pairs is None and type(value) not in ROWS:
        return _one_line(leaf(value, style))
    if depth == 0:
        return "…"
    if pairs is not None:
        inner = (f"{name}: {compact(part, style, depth - 1)}" for name, part in pairs.items())
        return "{" + _joined(inner) + "}"
    return "[" + _joined(compact(part, style, depth - 1) for part in value) + "]"


def table(rows: Sequence[Sequence[str]], numeric: Collection[int] = ()) -> str:
    """Rows of cells as aligned columns; those in `numeric` are aligned right."""
    widths = [max(map(width, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [
            " " * (size - width(cell)) + cell
            if at in numeric
            else cell + " " * (size - width(cell))
            for at, (cell, size) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def width(text: str) -> int:
    """How many columns of a terminal the text takes."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


def _listing(items: list[Any], style: Style, more: int | None) -> str:
    """Items one a line, or as a table if all have named parts; `more` None: some, but unknown."""
    rows = [as_pairs(item, style) for item in items]
    if items and all(row for row in rows):
        text = _columns([row for row in rows if row], style)
    else:
        text = "\n".join(item_line(item, style) for item in items)
    if more is None:
        return f"{text}\n… and more".lstrip("\n")
    return (f"{text}\n… {more:,} more" if more else text) or EMPTY


def item_line(item: object, style: Style) -> str:
    """One of several, on a line of its own; a text as it is."""
    return leaf(item, style) if type(item) is str else compact(item, style)


def _columns(rows: list[dict[str, Any]], style: Style) -> str:
    names = list(dict.fromkeys(name for row in rows for name in row))[:20]
    cells = [[compact(row[n], style) if n in row else "" for n in names] for row in rows]
    numeric = {at for at, n in enumerate(names) if all(_is_number(row.get(n, 0)) for row in rows)}
    return table([names, *cells], numeric)


def _pairs(pairs: dict[str, Any], style: Style) -> str:
    rows = [
        (_one_line(n), compact(part, style)) for n, part in islice(pairs.items(), style.max_items)
    ]
    text = table(rows) if rows else ""
    return text + (f"\n… {len(pairs) - len(rows):,} more" if len(pairs) > len(rows) else "")


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) or value == ""  # a cell without one


def _joined(parts: Iterable[str]) -> str:
    """Parts with commas, taken no further than a cell has room for."""
    taken: list[str] = []
    room = _CELL
    for part in parts:
        if room < 0:
            taken.append("…")
            break
        taken.append(part)
        room -= len(part) + 2
    return ", ".join(taken)


def _one_line(text: str) -> str:
    line = " ".join(text[: 4 * _CELL].split())
    return line if len(line) <= _CELL else line[: _CELL - 1] + "…"


def _key(key: object) -> str:
    return leaf(key) if is_leaf(key) else compact(key)


def _private(key: object) -> bool:
    return type(key) is str and key.startswith("_")


def _whole(value: int) -> str:
    if value.bit_length() <= _DIGITS_BITS:
        return str(value)
    digits = int(value.bit_length() * math.log10(2)) + 1
    return f"a whole number of about {digits:,} digits"


def _bytes(value: bytes, style: Style) -> str:
    try:
        return redacted(value.decode(), style.hidden)
    except UnicodeDecodeError:
        return f"<{len(value):,} bytes: {value[:16].hex(' ')}{' …' if len(value) > 16 else ''}>"


def _said(value: Any) -> str:
    try:
        return str(value)
    except ValueError:  # a Fraction of huge numbers, for one
        return placeholder(value)
