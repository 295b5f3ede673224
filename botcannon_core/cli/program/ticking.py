"""How a run looks while it goes on: lines that tick on a terminal, one line for each event in a pipe.

`sketch` is pure: a trace in, lines out. Not here: where the trace comes from (running, stepping).
"""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from botcannon_core.cli.tables import is_coloured
from botcannon_core.programs.program import Plans, Program

Line = Mapping[str, Any]
"""One entry of a run's trace: step, kind, began, and, once it has ended, took and how."""

MARKS = {
    "done": "✔",
    "skipped": "–",
    "failed": "✘",
    "again": "↻",
    "killed": "✘",
    "running": "▸",
    "waiting": "·",
}
COLOURS = {"done": "32", "failed": "31", "killed": "31", "again": "33", "running": "36"}
DIM = "2"


class View(Protocol):
    """Shows a run."""

    def show(self, trace: Sequence[Line], is_over: bool = False) -> None:
        """What has come to pass by now; `is_over`: nothing more will."""
        ...


@dataclass(frozen=True)
class Row:
    """One step as it is shown: how it is, its name, and what there is to say."""

    how: str
    name: str
    said: str = ""


def sketch(names: Sequence[str], trace: Sequence[Line], now: float) -> list[Row]:
    """All steps of a program in their order, what comes as well, then what is undone, in its order.

    A step that ran several times is shown once, as it is by now.
    """
    rows = [Row("waiting", name) for name in names]
    at, is_over, undone = -1, True, list[Row]()
    for line in trace:
        if line["kind"] == "undo":
            undone.append(_row(line, now, f"undo {line['step']}"))
            continue
        if is_over:
            at += 1
        is_over = line.get("how") in ("done", "skipped")
        row = _row(line, now, line["step"])
        rows[at : at + 1] = [row]
    if undone:
        rows = rows[: at + 1]
    return rows + undone


def names_of(plans: Plans, program: Program) -> list[str]:
    """The steps that a run of it goes through."""
    return [plans.steps[one.of].name for one in program.order if one.kind == "run"]


def view(names: Sequence[str]) -> View:
    """The view that suits where the output goes."""
    return Ticking(names) if sys.stdout.isatty() else Told()


class Told:
    """A line for each thing that ended, once."""

    def __init__(self) -> None:
        self._told = 0

    def show(self, trace: Sequence[Line], is_over: bool = False) -> None:
        """Tell what ended since last time."""
        del is_over  # whatever has not ended by then was never told to have begun
        for line in trace[self._told :]:
            if "how" not in line:
                return
            row = _row(line, 0.0, line["step"])
            of = f" (of {line['of']})" if line.get("of", line["step"]) != line["step"] else ""
            print(
                f"{line['kind']:<4}  {row.how:<7}  {row.name}{of}  {row.said}".rstrip(), flush=True
            )
            self._told += 1


@dataclass
class Ticking:
    """All steps on the screen, drawn over again and again."""

    names: Sequence[str]
    drawn: int = field(default=0, init=False)

    def show(self, trace: Sequence[Line], is_over: bool = False) -> None:
        """Draw over what was drawn last time."""
        size = shutil.get_terminal_size()
        rows = sketch(self.names, trace, time.time())
        if is_over:
            rows = [row for row in rows if row.how != "waiting"]
        room = size.lines - 2
        lines = [_drawn(row, size.columns - 1) for row in (rows if is_over else rows[-room:])]
        up = f"\x1b[{self.drawn}A" if self.drawn else ""
        sys.stdout.write(f"{up}\r\x1b[J" + "".join(f"{line}\n" for line in lines))
        sys.stdout.flush()
        self.drawn = 0 if is_over else len(lines)


def _row(line: Line, now: float, name: str) -> Row:
    how = line.get("how") or "running"
    took = line.get("took") if "how" in line else max(0.0, now - line["began"])
    said = [f"{took:.2f} s"] if isinstance(took, int | float) else []
    if line.get("in_doubt"):
        said.append("in doubt")
    return Row(how, name, ", ".join(said))


def _drawn(row: Row, width: int) -> str:
    text = f"{MARKS.get(row.how, '?')} {row.name}  {row.said}".rstrip()[:width]
    colour = DIM if row.how == "waiting" else COLOURS.get(row.how)
    return f"\x1b[{colour}m{text}\x1b[0m" if colour and is_coloured() else text
