"""Classes that know better how they look, and files: what becomes of them in a reply."""

from __future__ import annotations

from pathlib import Path

import pytest

from botcannon_core.chat.acl import Gate, rules
from botcannon_core.chat.command import run
from botcannon_core.chat.render import render
from botcannon_core.chat.views import has_view
from botcannon_core.file import File
from tests.chat.victims import declared

showing = declared("showing")


def test_a_view_takes_the_place_of_the_value_it_is_of() -> None:
    assert run(showing.Long(), "gauge").text == "[####### ]".replace(" ", "   ")
    assert run(showing.Long(), "gauges").text == "[####### ]\n[####### ]"
    assert run(showing.Long(), "gauge level").text == "7"


def test_a_view_may_be_a_file() -> None:
    reply = run(showing.Long(), "plot")
    assert reply.file == File("plot.png", b"\x89PNG")
    assert reply.text == ""


def test_a_view_that_fails_is_its_authors_error() -> None:
    with pytest.raises(RuntimeError, match="no display"):
        run(showing.Long(), "sick")


def test_nothing_is_shown_of_what_the_rules_forbid() -> None:
    gate = Gate(rules([{"allow": "copy *", "who": "*"}]))
    assert run(showing.Long(), "gauge", gate=gate).kind == "forbidden"


def test_only_a_method_of_the_class_is_a_view() -> None:
    class Answers:
        def __getattr__(self, name: str) -> object:
            raise AssertionError("it was asked")

    class Holds:
        _repr_chat_ = "a text"

    class Hides(showing.Gauge):  # type: ignore[misc,name-defined]  # known at run time only
        _repr_chat_ = None

    mine = Holds()
    mine.__dict__["_repr_chat_"] = lambda: "of the object"
    assert not any(map(has_view, (Answers(), mine, Hides(), showing.Gauge, 5, None)))
    assert render(Answers()) == "<Answers>"


def test_a_file_among_others_is_told_by_its_name() -> None:
    reply = run(showing.Long(), "files")
    assert reply.text == "a.txt (1 characters)\nb.bin (2 bytes)"
    assert reply.file is None
    assert render({"chart": File("c.png", Path("c.png"))}) == "chart  c.png"


def test_a_path_is_a_file_only_as_what_a_command_gives() -> None:
    assert run(showing.Long(), "made").file == Path("made.txt")
    assert run(showing.Long(), "made").text == "made.txt"
    assert run(showing.Long(), "plan").file is None
    assert run(showing.Long(), "plan").text == "plan.txt"
