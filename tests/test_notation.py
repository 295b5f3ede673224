"""JSON by the functions at the core of `json`: what they say and read, `json` says and reads."""

import enum
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botcannon_core import notation


class Colour(enum.IntEnum):
    RED = 1


class Odd:
    def __str__(self) -> str:
        return 'an "odd" thing'


def circle() -> list[Any]:
    found: list[Any] = []
    found.append({"again": found})
    return found


def deep() -> list[Any]:
    found: list[Any] = []
    for _ in range(100_000):
        found = [found]
    return found


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers() | st.none(), inner),
    max_leaves=8,
)
ODD = [
    *(
        Odd(),
        {1, 2},
        b"raw",
        object,
        (1, (2,)),
        Colour.RED,
        {Colour.RED: 1},
        10**5000,
        float("nan"),
    ),
    *(
        {(1, 2): 3},
        {Odd(): 1},
        {b"n": 1},
        circle(),
        deep(),
        "\udc80 \x00 \u2028 ü",
        {True: {None: 1.5}},
    ),
]


def outcome(function: Any, *given: Any) -> tuple[Any, str]:
    """What a call gives, or the kind and text of its error."""
    try:
        return repr(function(*given)), ""
    except (ValueError, TypeError, RecursionError) as error:
        return type(error), str(error)


def as_readable(value: Any) -> str:
    return json.dumps(value, default=str, ensure_ascii=False)


def as_compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), check_circular=False)


@given(JSON)
def test_what_is_said_is_what_json_says(value: Any) -> None:
    assert outcome(notation.readable, value) == outcome(as_readable, value)
    assert outcome(notation.compact, value) == outcome(as_compact, value)


@pytest.mark.parametrize("value", ODD, ids=lambda value: type(value).__name__)
def test_what_json_refuses_is_refused_in_its_words(value: Any) -> None:
    assert outcome(notation.readable, value) == outcome(as_readable, value)
    assert outcome(notation.compact, value) == outcome(as_compact, value)


def test_a_circle_is_forgotten_when_it_has_been_told() -> None:
    found: list[Any] = []
    found.append(found)
    with pytest.raises(ValueError, match="Circular reference detected"):
        notation.readable(found)
    found[0] = 1
    assert notation.readable(found) == "[1]"


TEXTS = ['{"a": 1, "a": 2}', " \t\n\r[1] ", "[1] 2", "", " ", "NaN", "-Infinity", '"\udc80"']
TEXTS += ["\ufeff1", "\u00a01", "nul", '{"a": }', "[1,]", '"\x00"', "1e400", "'a'", '"\\u12"']
TEXTS += ["1" * 5000, "[" * 100_000]


@given(st.text() | JSON.map(json.dumps))
def test_what_is_read_is_what_json_reads(text: str) -> None:
    same_as_json(text)


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: ascii(text[:20]))
def test_what_is_no_json_is_no_value(text: str) -> None:
    same_as_json(text)


def read(text: str) -> Any:
    try:
        return notation.read(text)
    except json.JSONDecodeError as error:  # as the core of `json` says it, or as we do
        raise ValueError from error


def same_as_json(text: str) -> None:
    (found, _), (wanted, _) = outcome(read, text), outcome(json.loads, text)
    assert found == (ValueError if wanted is json.JSONDecodeError else wanted)
