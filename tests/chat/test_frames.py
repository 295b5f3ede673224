"""Frames as tables: with stand-ins, and with the real ones where they are installed."""

from __future__ import annotations

import datetime
import sys
from types import ModuleType
from typing import Any

import pytest

from botcannon_core.chat.frames import number, rows
from botcannon_core.chat.render import Style, render


def polars_like(**members: Any) -> Any:
    """An object that is called as a frame of polars, with these methods."""
    kind = type("DataFrame", (), {"__module__": "polars.dataframe.frame", **members})
    return kind()


def test_a_frame_is_told_by_the_name_of_its_type() -> None:
    found = [{"city": "Oslo", "people": 700}, {"city": "Rome", "people": None}]
    frame = polars_like(
        head=lambda self, n: self, to_dicts=lambda self: found[:1], __len__=lambda self: 2
    )
    assert render(frame) == "city  people\nOslo     700\n… 1 more"


def test_what_only_has_the_name_of_a_frame_is_shown_as_foreign() -> None:
    assert rows(polars_like(), 10) is None
    assert render(polars_like()) == "<DataFrame>"
    assert render([polars_like()]) == "<DataFrame>"


def test_nothing_is_imported_for_this_question() -> None:
    before = {"pandas", "polars", "numpy"} & sys.modules.keys()
    render(polars_like(head=lambda self, n: self, to_dicts=lambda self: [], __len__=lambda self: 0))
    assert {"pandas", "polars", "numpy"} & sys.modules.keys() == before


def test_other_values_are_not_frames() -> None:
    for value in (1, "x", {"a": 1}, [1], object(), None):
        assert rows(value, 10) is None
        assert number(value) is value


@pytest.fixture
def pandas() -> ModuleType:
    return pytest.importorskip("pandas", reason="pandas is not installed")  # type: ignore[no-any-return]


@pytest.fixture
def polars() -> ModuleType:
    return pytest.importorskip("polars", reason="polars is not installed")  # type: ignore[no-any-return]


def test_a_frame_of_pandas_is_a_table(pandas: Any) -> None:
    frame = pandas.DataFrame(
        {
            "city": ["Oslo", "Rome"],
            "people": [700, 2800],
            "area": [1.5, float("nan")],
            "day": [pandas.Timestamp("2024-01-02"), pandas.NaT],
        }
    )
    lines = render(frame).splitlines()
    assert lines[0].split() == ["city", "people", "area", "day"]
    assert lines[1].split() == ["Oslo", "700", "1.5", "2024-01-02", "00:00:00"]
    assert lines[2].split() == ["Rome", "2800"]
    assert lines[1].index("700") + 3 == lines[2].index("2800") + 4  # numbers end at one place


def test_an_index_that_says_something_is_a_column(pandas: Any) -> None:
    frame = pandas.DataFrame({"n": [1, 2]}, index=pandas.Index(["a", "b"], name="key"))
    assert render(frame) == "key  n\na    1\nb    2"
    assert render(frame["n"]) == "key  n\na    1\nb    2"
    frame = pandas.DataFrame({"key": [1]}, index=pandas.Index(["a"], name="key"))
    assert render(frame) == "key\n  1"


def test_a_long_frame_says_how_much_is_left(pandas: Any) -> None:
    text = render(pandas.DataFrame({"n": range(1000)}), Style(max_items=3))
    assert text == "n\n0\n1\n2\n… 997 more"


def test_grouped_and_empty_frames_are_shown(pandas: Any) -> None:
    frame = pandas.DataFrame({"k": ["a", "a", "b"], "n": [1, 2, 3]}).groupby("k").sum()
    assert render(frame) == "k  n\na  3\nb  3"
    assert render(pandas.DataFrame()) == "(empty)"
    assert render(pandas.Series([1.5, 2.5])).split() == ["value", "1.5", "2.5"]


def test_numbers_and_arrays_of_numpy_are_plain(pandas: Any) -> None:
    numpy: Any = sys.modules["numpy"]
    assert render(numpy.int64(5)) == "5"
    assert render({"a": numpy.int64(5), "b": numpy.float64(0.5)}) == "a  5\nb  0.5"
    assert render(numpy.bool_(True)) == "true"
    assert render(numpy.arange(3)) == "0\n1\n2"
    assert render(numpy.arange(9), Style(max_items=2)) == "0\n1\n… 7 more"


def test_a_frame_of_polars_is_a_table(polars: Any) -> None:
    day = datetime.date(2024, 1, 2)
    frame = polars.DataFrame({"city": ["Oslo", "Rome"], "people": [700, None], "day": [day, day]})
    lines = render(frame).splitlines()
    assert lines[0].split() == ["city", "people", "day"]
    assert lines[1].split() == ["Oslo", "700", "2024-01-02"]
    assert lines[2].split() == ["Rome", "2024-01-02"]
    assert render(frame["people"]).split() == ["people", "700"]
    assert render(frame.lazy().select("city"), Style(max_items=1)) == "city\nOslo\n… and more"
