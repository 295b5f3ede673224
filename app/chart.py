"""A small chart for a terminal, drawn with block characters. Pure: values in, text out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from statistics import fmean, median

Point = tuple[float, float]
"""When, and how much."""

BLOCKS = " ▁▂▃▄▅▆▇█"  # by eighths
GAP = 3  # times the usual distance of two points: then something is missing between them


def chart(
    points: Sequence[Point],
    top: float,
    label: Callable[[float], str] = "{:g}".format,
    ends: tuple[str, str] = ("", ""),
    width: int = 60,
    height: int = 6,
) -> str:
    """`points`, at least one and in order of time, as an area above 0 of `width` by `height` cells.

    A column shows the mean of what happened in its time; where nothing was measured it stays empty.
    `top` is the value at the upper edge, `label` writes values at the axis, `ends` stand below it.
    """
    columns = resampled(points, width)
    levels = [_eighths(value, top, height) for value in columns]
    labels = [label(top), *[""] * (height - 2), label(0)]
    margin = max(map(len, labels))
    rows = [
        f"{text:>{margin}} {'┤' if text else '│'}{_row(levels, height - 1 - n)}".rstrip()
        for n, text in enumerate(labels)
    ]
    left, right = ends
    axis = f"{'':{margin}} └{'─' * width}"
    return "\n".join([*rows, axis, f"{'':{margin}}  {left}{right:>{width - len(left)}}"])


def resampled(points: Sequence[Point], columns: int) -> Iterator[float | None]:
    """The mean in each of `columns` equal times between the first point and the last, or None.

    A column without a point has the value of the one before it, unless two points are so far apart
    that something is missing between them.
    """
    start, end = points[0][0], points[-1][0]
    width = max((end - start) / columns, 1e-6)  # of a column, in seconds
    found: list[list[float]] = [[] for _ in range(columns)]
    for when, value in points:
        found[min(int((when - start) / width), columns - 1)].append(value)
    reach = _reach(points) / width
    held, held_at = points[0][1], 0
    for place, values in enumerate(found):
        if values:
            held, held_at = values[-1], place
            yield fmean(values)
        else:
            yield held if place - held_at <= reach else None


def _reach(points: Sequence[Point]) -> float:
    """For how long after a point its value is taken to hold, in seconds."""
    steps = [later[0] - earlier[0] for earlier, later in pairwise(points)]
    return GAP * median(steps) if steps else 0.0


def _eighths(value: float | None, top: float, height: int) -> int:
    """How many eighths of a cell a value fills; one at least, so that it is not taken for a gap."""
    if value is None:
        return 0
    full = height * 8
    return min(full, max(1, round(value / top * full))) if top > 0 else 1


def _row(levels: Sequence[int], row: int) -> str:
    """One row of the area, counted from the bottom."""
    return "".join(BLOCKS[min(max(level - row * 8, 0), 8)] for level in levels)
