"""How rows are printed: as a table for people, or as JSON for scripts.

A table has stable columns; on a terminal its last one is cut to the width, in a pipe nothing is. Not
here: what the rows say (view).
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from typing import Any, Literal

Format = Literal["text", "json"]
Column = tuple[str, Callable[[Any], object]]
"""A heading, and what stands under it for a row; None is shown as a dash."""

NARROWEST = 20  # columns that are left for the last one, however narrow the terminal is


def show(rows: Sequence[Any], columns: Sequence[Column], empty: str, format: Format) -> None:  # noqa: A002 - as the option is called
    """Print all rows; `empty` is said when there are none."""
    if format == "json":
        print(json.dumps([asdict(row) for row in rows], ensure_ascii=False, indent=2))
    elif rows:
        print("\n".join(table(rows, columns, _width())))
    else:
        print(empty)


def show_line(row: Any) -> None:
    """Print one row as one line of JSON, at once."""
    print(json.dumps(asdict(row), ensure_ascii=False), flush=True)


def table(rows: Iterable[Any], columns: Sequence[Column], width: int | None) -> list[str]:
    """The lines of a table, its heading first; `width` is where the last column ends."""
    cells = [[heading for heading, _ in columns]]
    cells += [[_cell(value(row)) for _, value in columns] for row in rows]
    widths = [max(map(_cells, column)) for column in zip(*cells, strict=True)]
    if width is not None:
        before = sum(widths[:-1]) + 2 * (len(widths) - 1)
        widths[-1] = min(widths[-1], max(width - before, NARROWEST))
    return [_line(line, widths) for line in cells]


def is_coloured() -> bool:
    """True if colours may be printed: on a terminal, without NO_COLOR."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = [
        cell + " " * (width - _cells(cell)) for cell, width in zip(cells, widths, strict=True)
    ]
    padded[-1] = _cut(cells[-1], widths[-1])
    return "  ".join(padded).rstrip()


def _cell(value: object) -> str:
    text = "-" if value is None or value == "" else str(value)
    return "".join(c if c.isprintable() else " " for c in text)


def _cells(text: str) -> int:
    """How many cells of a terminal a text takes."""
    return len(text) if text.isascii() else sum(map(_cells_of, text))


def _cells_of(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _cut(text: str, width: int) -> str:
    if _cells(text) <= width:
        return text
    while _cells(text) >= width:
        text = text[: min(len(text) - 1, width - 1)]
    return text + "…"


def _width() -> int | None:
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None
