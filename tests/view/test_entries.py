"""Entries as people read them."""

import re

import pytest

from botcannon_core.ledger.store import Store
from botcannon_core.view.entries import backwards, clock, last, last_id, newest, said, span, written


def test_the_newest_are_given_oldest_first(store: Store) -> None:
    ids = [str(store.client().xadd("a", {"n": str(number)})) for number in range(5)]
    assert [entry.id for entry in newest(store, "a", 3)] == ids[2:]
    assert last_id(store, "a") == ids[-1]


def test_a_stream_that_is_not_there_is_empty(store: Store) -> None:
    assert newest(store, "a", 3) == []
    assert last_id(store, "a") == "0-0"


def test_all_pages_are_read_each_entry_once(store: Store) -> None:
    with store.client().pipeline() as together:
        for number in range(2500):
            together.xadd("a", {"n": str(number)})
        together.execute()
    assert [e.fields["n"] for e in backwards(store, "a")] == [str(n) for n in range(2499, -1, -1)]


@pytest.mark.parametrize(("count", "found"), [(0, []), (1, [3]), (2, [2, 3]), (9, [1, 2, 3])])
def test_the_last_of_some(count: int, found: list[int]) -> None:
    assert last([1, 2, 3], count) == found


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"text": "hello", "n": "1"}, "text=hello n=1"),
        ({"text": "two words"}, 'text="two words"'),
        ({"text": ""}, 'text=""'),
        ({"text": 'say "hi"'}, 'text="say \\"hi\\""'),
        ({"text": "a\nb"}, 'text="a\\nb"'),
        ({"text": "\x1b[31m\x9b2J"}, 'text="\\u001b[31m\\u009b2J"'),
        ({"text": "grüße"}, "text=grüße"),
        ({"a b": "c=d"}, '"a b"="c=d"'),
    ],
)
def test_fields_are_written_in_one_harmless_line(fields: dict[str, str], line: str) -> None:
    assert written(fields) == line


def test_what_is_said_leaves_out_botcannons_own_fields() -> None:
    assert said({"text": "a", "_from": "h:1:1"}) == "text=a"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-3, "0.0 s"),
        (0.25, "0.2 s"),
        (1, "1 s"),
        (119.9, "119 s"),
        (120, "2 m"),
        (7200, "2 h"),
        (172_800, "2 d"),
        (1e6, "11 d"),
    ],
)
def test_a_span_has_one_unit(seconds: float, text: str) -> None:
    assert span(seconds) == text


def test_a_clock_shows_milliseconds() -> None:
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:05\.250", clock(1_700_000_045.25))
