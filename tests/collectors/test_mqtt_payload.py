import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botcannon_core.collectors.mqtt.payload import fields, level, matches, reply
from botcannon_core.message import Message, checked_fields


def test_text_is_text() -> None:
    assert fields(b" cpu now\n") == {"text": "cpu now"}
    assert fields("22.5 °C".encode()) == {"text": "22.5 °C"}


@pytest.mark.parametrize(
    "payload", [b"22.5", b"[1, 2]", b"null", b'"x"', b"{}", b"{broken", b"1" * 9000]
)
def test_json_that_is_no_object_is_text(payload: bytes) -> None:
    assert fields(payload) == {"text": payload.decode()}


def test_an_objects_members_are_fields() -> None:
    payload = b'{"text": "hi", "temp": 22.5, "ok": true, "at": {"x": [1]}, "none": null}'
    assert fields(payload) == {
        "text": "hi",
        "temp": "22.5",
        "ok": "true",
        "at": '{"x": [1]}',
        "mqtt_json": "1",
    }


def test_names_that_are_botcannons_are_left_out() -> None:
    assert fields(b'{"_from": "me", "_outcome": "done", "mqtt_correlation": "zz", "a": "b"}') == {
        "a": "b",
        "mqtt_json": "1",
    }


def test_an_object_of_too_many_members_is_text() -> None:
    assert list(fields(json.dumps({str(n): n for n in range(2000)}).encode())) == ["text"]


def test_json_nested_too_deep_is_text() -> None:
    assert list(fields(b'{"a":' + b"[" * 100_000)) == ["text"]


@given(
    st.binary()
    | st.dictionaries(st.text(), st.none() | st.text() | st.floats() | st.lists(st.text())).map(
        lambda found: json.dumps(found).encode()
    )
    | st.sampled_from([rb'{"\ud800": "\udfff"}', b"\xff\xfe"])
)
def test_whatever_is_published_can_be_stored(payload: bytes) -> None:
    assert checked_fields({**fields(payload), "room": "x"}, "mqtt")


def test_an_answer_to_text_is_text() -> None:
    assert reply(Message({"_outcome": "done"}, "7-0"), "fine") == "fine"


def test_an_answer_to_json_is_json() -> None:
    told = {"text": "fine", "thread": "t", "event_id": "e", "user": "ann", "mqtt_json": "1"}
    assert json.loads(reply(Message({**told, "_outcome": "done"}, "7-0"), "fine")) == {
        "id": "7-0",
        "outcome": "done",
        "text": "fine",
        "thread": "t",
        "event_id": "e",
    }


def test_a_failure_in_json_says_why_and_not_what_was_asked() -> None:
    told = {
        "text": "asked",
        "mqtt_json": "1",
        "_outcome": "parked",
        "_error": "no",
        "_error_id": "a1",
    }
    assert json.loads(reply(Message(told, "7-0"), "error: no (log a1)")) == {
        "id": "7-0",
        "outcome": "parked",
        "error": "no",
        "error_id": "a1",
    }


@pytest.mark.parametrize(
    ("name", "safe"),
    [("ann", "ann"), ("a/b", "a_b"), ("+", "_"), ("#", "_"), ("a b\0", "a_b_"), ("", "anonymous")],
)
def test_a_user_is_one_level_of_a_topic(name: str, safe: str) -> None:
    assert level(name) == safe


@pytest.mark.parametrize(
    ("wanted", "topic", "fits"),
    [
        ("a/b", "a/b", True),
        ("a/b", "a/b/c", False),
        ("a/+", "a/b", True),
        ("a/+", "a", False),
        ("a/+/c", "a/b/c", True),
        ("a/#", "a/b/c", True),
        ("a/#", "a", True),
        ("#", "a/b", True),
        ("#", "$SYS/x", False),
        ("+/x", "$SYS/x", False),
        ("$SYS/#", "$SYS/x", True),
        ("", "a", False),
    ],
)
def test_topics_fall_under_filters_as_the_protocol_says(
    wanted: str, topic: str, fits: bool
) -> None:
    assert matches(wanted, topic) is fits
