"""Words to arguments: what fits, what is refused before anything is called, and in which words."""

import datetime
import enum
from collections.abc import Callable
from typing import Annotated, Any, Literal, NewType, Optional, Union

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botcannon_core.chat.bind import bind
from botcannon_core.chat.parse import Word, split
from botcannon_core.chat.refused import Refused

Port = NewType("Port", int)


class Mode(enum.Enum):
    FAST_LANE = 1
    SLOW = 2


def values(annotation: Any, line: str) -> Any:
    def method(value: Any) -> None: ...

    method.__annotations__["value"] = annotation
    return bind("m", method, split(line)).args[0]


@pytest.mark.parametrize(
    ("annotation", "line", "value"),
    [
        (str, "5", "5"),
        (str, "'  a '", "  a "),
        (int, "-5", -5),
        (float, "5", 5.0),
        (bool, "on", True),
        (bytes, "ab", b"ab"),
        (Any, "5", 5),
        (object, "x", "x"),
        (Port, "80", 80),
        (Annotated[int, "note"], "5", 5),
        (Optional[int], "5", 5),  # noqa: UP045 - the older spelling is written too
        (Union[int, str], "5", 5),  # noqa: UP007 - as above
        (str | int, "5", 5),
        (str | int, "x", "x"),
        (int | None, "none", None),
        (str | None, "none", "none"),
        (Literal["a", 1, True], "1", 1),
        (Mode, "fast-lane", Mode.FAST_LANE),
        (Mode, "2", Mode.SLOW),
        (list, "a,b", ["a", "b"]),
        (list[int], "1,2", [1, 2]),
        (tuple[int, ...], "1,2", (1, 2)),
        (tuple[int, str], "1,2", (1, "2")),
        (tuple[str, int, Mode], "'1, 2, slow'", ("1", 2, Mode.SLOW)),
        (tuple[int, str] | None, "1,x", (1, "x")),
        (tuple[int], "1", (1,)),
        (set[Mode], "slow", {Mode.SLOW}),
        (datetime.datetime, "2024-12-31T23:59", datetime.datetime(2024, 12, 31, 23, 59)),
        (datetime.time, "23:59", datetime.time(23, 59)),
        ({"no": "type"}, "5", 5),
        ("no type at all", "x", "x"),
        (7, "x", "x"),
    ],
)
def test_an_annotation_decides_what_a_word_becomes(
    annotation: Any, line: str, value: object
) -> None:
    found = values(annotation, line)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("annotation", "line", "said"),
    [
        (int, "1.5", "m: value must be a whole number, not '1.5'"),
        (int, "9" * 3_999 + "x", "m: value must be a whole number"),
        (float, "inf", "m: value must be a number, not 'inf'"),
        (
            tuple[int, str],
            "1",
            "m: value must be 2 items with commas (whole number, text), not '1'",
        ),
        (tuple[int, str], "1,a,b", "must be 2 items with commas (whole number, text), not '1,a,b'"),
        (tuple[int, str], "a,1", "m: value must be a whole number at place 1, not 'a,1'"),
        (tuple[int], "1,2", "m: value must be one whole number, not '1,2'"),
        (bool, "perhaps", "m: value must be yes or no, not 'perhaps'"),
        (Literal["low", "high"], "hihg", "one of low, high (did you mean 'high'?)"),
        (Mode, "fast", "one of fast-lane, slow"),
        (list[int], "1,x", "a whole number, not '1,x'"),
        (int | float, "x", "a whole number or a number, not 'x'"),
        (datetime.date, "31.12.", "a date such as 2024-12-31, not '31.12.'"),
        (dict[str, int], "x", "left out: its type cannot be typed in a chat"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_in_one_line(
    annotation: Any, line: str, said: str
) -> None:
    with pytest.raises(Refused) as refused:
        values(annotation, line)
    assert said in str(refused.value)
    assert str(refused.value).isprintable()


@given(st.integers(-(10**30), 10**30) | st.floats(allow_nan=False, allow_infinity=False))
def test_without_annotation_a_number_reads_back_as_typed(number: float) -> None:
    assert str(values(Any, f"{number}")) == str(number)


@given(st.text(max_size=30))
def test_without_annotation_anything_else_stays_text(text: str) -> None:
    def method(value): ...  # type: ignore[no-untyped-def] # that is the point

    found = bind("m", method, [Word(text, quoted=True)]).args[0]
    assert found == text


def two(a: int, b: int = 2, *rest: str, c: bool = False, **more: Any) -> Any: ...
def one(text: str) -> str: ...
def flags(target: str = "all", force=False, *, tag: list[str] = ()) -> None: ...  # type: ignore
def none() -> Any: ...


@pytest.mark.parametrize(
    ("method", "line", "args", "kwargs", "rest"),
    [
        (two, "1", (1, 2), {"c": False}, ""),
        (two, "1 3 x y", (1, 3, "x", "y"), {"c": False}, ""),
        (two, "--b=3 1", (1, 3), {"c": False}, ""),
        (two, "1 --c - rest", (1, 2), {"c": True}, "rest"),
        (two, "1 --no-c --z=5", (1, 2), {"c": False, "z": 5}, ""),
        (none, "0 name", (), {}, "0 name"),
        (none, "-1", (), {}, "-1"),
        (flags, "--force db", ("db", True), {"tag": ()}, ""),
        (flags, "--tag=a --tag b,c", ("all", False), {"tag": ["a", "b", "c"]}, ""),
        (flags, "-", ("all", False), {"tag": ()}, ""),
    ],
)
def test_words_fill_parameters_and_the_others_walk_on(
    method: Callable[..., Any], line: str, args: object, kwargs: object, rest: str
) -> None:
    call = bind("m", method, split(line))
    assert (call.args, call.kwargs) == (args, kwargs)
    assert call.rest == split(rest)


@pytest.mark.parametrize(
    ("method", "line", "said"),
    [
        (two, "", "m: a is missing (usage: m a [b] [rest...] [--c] [--NAME=...])"),
        (one, "a b", "m: 'b' is one word too many (usage: m text); quotes keep text together"),
        (one, "a --txet=b", "m: unknown option '--txet' (did you mean '--text'?)"),
        (one, "a --type=b", "m: unknown option '--type' (it takes --text)"),
        (one, "-x", "m: unknown option '-x' (it takes --text; quote it if it is text)"),
        (one, "a --text=b", "m: '--text' is given twice"),
        (one, "--text", "m: --text needs a value"),
        (one, "--text --text", "m: --text needs a value"),
        (none, "_secret", "m: '_secret' is one word too many (usage: m)"),
        (none, "- -secret", "m: '-secret' is one word too many (usage: m)"),
        (none, "--x", "m: unknown option '--x' (it takes no options)"),
        (two, "1 --_x=1", "m: unknown option '--_x'"),
    ],
)
def test_a_call_that_does_not_fit_is_refused_in_one_line(
    method: Callable[..., Any], line: str, said: str
) -> None:
    with pytest.raises(Refused) as refused:
        bind("m", method, split(line))
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)
