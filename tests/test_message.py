"""The message, and what may become one."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botcannon_core.errors import MessageError
from botcannon_core.message import (
    MOST_FIELDS,
    Message,
    checked_batch,
    checked_fields,
    checked_results,
    flat,
    one_line,
)

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
NAME = TEXT.filter(lambda name: not name.startswith("_"))


def test_what_is_returned_is_none_or_several() -> None:
    assert list(checked_batch(None, "It")) == []
    assert list(checked_batch([{"n": "1"}, None], "It")) == [{"n": "1"}, None]
    for one in ({"n": "1"}, "text", b"raw", 5):
        with pytest.raises(MessageError, match="yield messages, or return a list of them"):
            checked_batch(one, "It")


def test_a_message_is_a_mapping_that_cannot_be_changed() -> None:
    message = Message({"text": "hi"}, "1700000000123-0", "chat")
    assert dict(message) == {"text": "hi"}
    assert (message.id, message.service, message.time) == (
        "1700000000123-0",
        "chat",
        1700000000.123,
    )
    assert not hasattr(message, "__setitem__")
    assert "hi" in repr(message)


def test_only_an_answer_has_an_outcome() -> None:
    message = Message({})
    assert (message.outcome, message.error, message.error_id, message.time) == (
        None,
        None,
        None,
        0.0,
    )
    answer = Message({"_outcome": "parked", "_error": "why", "_error_id": "abc"})
    assert (answer.outcome, answer.error, answer.error_id) == ("parked", "why", "abc")
    assert Message({"_outcome": "nonsense"}).outcome is None


@given(st.dictionaries(NAME, TEXT, min_size=1))
def test_every_flat_mapping_of_text_is_a_message(fields: dict[str, str]) -> None:
    checked = checked_fields(fields, "It")
    assert checked == fields
    assert checked is not fields


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        (None, "It gave nothing (None), not a mapping of strings to strings"),
        (5, "It gave a value of type int, not a mapping of strings to strings"),
        ("text", "It gave a value of type str, not a mapping of strings to strings"),
        ([("a", "b")], "It gave a value of type list, not a mapping of strings to strings"),
        ({}, "It gave an empty message; yield None when there is no news"),
        ({5: "a"}, "It gave the field name 5: a value of type int, not a string"),
        ({"n": 5}, "It gave a value of type int in field 'n', not a string"),
        ({"n": None}, "It gave nothing (None) in field 'n', not a string"),
        ({"n": b"x"}, "It gave a value of type bytes in field 'n', not a string"),
        ({"_from": "me"}, "It set the field '_from': names with _ first are botcannon's"),
        ({"n": "\udc80"}, "It gave a lone surrogate in field 'n', not valid text"),
        ({"\udc80": "n"}, "It gave a lone surrogate in field '\\udc80', not valid text"),
        ({str(n): "" for n in range(MOST_FIELDS + 1)}, "It gave 1001 fields; a message has 1000"),
    ],
    ids=lambda value: str(value)[:30] if not isinstance(value, str) else "",
)
def test_what_is_no_message_is_refused_by_name_and_type(fields: Any, told: str) -> None:
    with pytest.raises(MessageError) as refused:
        checked_fields(fields, "It")
    assert str(refused.value).startswith(told)


def test_nothing_is_an_empty_result() -> None:
    assert checked_results(None, "It") == {}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
    max_leaves=5,
)


@given(st.dictionaries(NAME, JSON))
def test_results_become_text_that_can_be_read_again(results: dict[str, Any]) -> None:
    texts = flat(checked_results(results, "It"))
    assert texts.keys() == results.keys()
    for name, text in texts.items():
        again = text if isinstance(results[name], str) else json.loads(text)
        assert again == results[name]


@given(st.text())
def test_one_line_is_one_printable_line(text: str) -> None:
    line = one_line(text, 50)
    assert len(line) <= 50
    assert line.isprintable()
    assert line == line.strip()


def test_a_step_of_a_program_is_told_its_key_and_its_doubt() -> None:
    plain = Message({}, "1-0")
    assert (plain.key, plain.in_doubt) == ("1-0", False)
    step = Message({}, "1-0", key="charge#2", in_doubt=True)
    assert (step.key, step.in_doubt) == ("1-0/charge#2", True)


@pytest.mark.parametrize(
    ("text", "metadata"),
    [('{"who": "me"}', {"who": "me"}), ("[1]", {}), ("{", {}), ("[" * 100_000, {}), ("", {})],
)
def test_metadata_is_an_object_or_nothing(text: str, metadata: dict[str, str]) -> None:
    assert Message({"metadata": text}).metadata == metadata
    assert Message({}).metadata == {}
