"""Frames: tables and columns of pandas and polars, and numbers of numpy, as plain data.

They are told by the names of their types, and nothing of theirs is imported: whoever gives one has it.
Of foreign objects these alone are asked for their content. Not here: how a table looks (render).
"""

from __future__ import annotations

from typing import Any

from botcannon_core.chat.settle import Items


def rows(value: Any, most: int) -> Items | None:
    """The first `most` rows of a frame, or values of a column or array; None for anything else."""
    reader = _READERS.get(_name(value))
    try:
        return reader(value, most) if reader is not None else None
    except Exception:  # noqa: BLE001 - another version of it, or nothing of the sort: it is shown as foreign
        return None


def number(value: Any) -> Any:
    """A number of numpy as Python's own; anything else as it is."""
    if _root(value) != "numpy" or not hasattr(type(value), "item") or _name(value) in _READERS:
        return value
    try:
        return value.item()
    except Exception:  # noqa: BLE001 - none of its numbers after all: it is shown as foreign
        return value


def _pandas_frame(frame: Any, most: int) -> Items:
    head = frame.head(most)
    says_more = type(frame.index).__name__ != "RangeIndex"  # than where a row stands
    if says_more and not set(frame.index.names) & set(frame.columns):
        head = head.reset_index()
    names = [str(name) for name in head.columns]
    found = [dict(zip(names, row, strict=True)) for row in head.itertuples(index=False, name=None)]
    return Items([_plain(row) for row in found], len(frame) - len(found))


def _pandas_series(series: Any, most: int) -> Items:
    return _pandas_frame(series.to_frame(series.name if series.name is not None else "value"), most)


def _polars_frame(frame: Any, most: int) -> Items:
    found = frame.head(most).to_dicts()
    return Items([_plain(row) for row in found], len(frame) - len(found))


def _polars_lazy(frame: Any, most: int) -> Items:
    found = frame.head(most + 1).collect().to_dicts()
    return Items([_plain(row) for row in found[:most]], None if len(found) > most else 0)


def _polars_series(series: Any, most: int) -> Items:
    return _polars_frame(series.to_frame(series.name or "value"), most)


def _array(array: Any, most: int) -> Items | None:
    if not array.shape:
        return None
    return Items(array[:most].tolist(), max(0, len(array) - most))


_READERS = {
    "pandas.DataFrame": _pandas_frame,
    "pandas.Series": _pandas_series,
    "polars.DataFrame": _polars_frame,
    "polars.LazyFrame": _polars_lazy,
    "polars.Series": _polars_series,
    "numpy.ndarray": _array,
}


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """A row with what is missing left empty, and numbers as Python's own."""
    return {name: "" if _is_missing(value) else number(value) for name, value in row.items()}


def _is_missing(value: Any) -> bool:
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, float) and value != value


def _name(value: Any) -> str:
    return f"{_root(value)}.{type(value).__name__}"


def _root(value: Any) -> str:
    return str(type(value).__module__).partition(".")[0]
