"""A command's `progress`: given by us, heard as it is said, and nobody's to type."""

from __future__ import annotations

from typing import Any

import pytest

from botcannon_core.chat.acl import Gate, rules
from botcannon_core.chat.command import Reply, run
from botcannon_core.chat.walk import complete
from tests.chat.victims import declared

showing = declared("showing")


def said(text: str, **more: Any) -> tuple[Reply, list[tuple[object, ...]]]:
    """The reply to a line, and what was heard meanwhile."""
    heard: list[tuple[object, ...]] = []
    reply = run(showing.Long(), text, progress=lambda *one: heard.append(one), **more)
    return reply, heard


def test_a_command_says_how_far_it_is() -> None:
    reply, heard = said("copy disk")
    assert reply.text == "disk is copied"
    assert heard == [("copying disk", 0.5), ("copying disk", 1.0)]


def test_a_default_of_its_own_does_not_count() -> None:
    reply, heard = said("quiet --name=y")
    assert (reply.text, heard) == ("y", [(0.5,)])


def test_nobody_needs_to_listen() -> None:
    assert run(showing.Long(), "copy disk").text == "disk is copied"


@pytest.mark.parametrize(
    "line",
    [
        "copy disk --progress=1",
        "copy disk --progress 1",
        "copy disk --no-progress",
        "quiet --progress=print",
        "any --progress=x",
        "copy disk 1 2",
    ],
)
def test_nobody_can_type_it(line: str) -> None:
    reply, heard = said(line)
    assert (reply.kind, heard) == ("refused", [])
    assert "progress" not in reply.text.partition(" (")[2]


def test_it_stands_in_no_help_and_no_completion() -> None:
    for line in ("help copy", "help quiet", "help any", "copy"):
        assert "progress" not in said(line)[0].text
    assert said("help copy")[0].text.splitlines()[0] == "copy what [times]"
    assert complete(showing.Long(), ["quiet", "--"]) == ["--name"]


def test_words_fill_the_parameters_around_it() -> None:
    reply, heard = said("copy disk 3")
    assert len(heard) == 3
    assert [one.text for one in reply.line] == ["copy", "disk", "3"]


def test_rules_do_not_see_it() -> None:
    gate = Gate(rules([{"allow": "copy disk 1", "who": "*"}]))
    assert said("copy disk 1", gate=gate)[0].kind == "done"
    assert said("copy disk 2", gate=gate)[0].kind == "forbidden"


def test_what_comes_one_by_one_is_heard_as_it_comes() -> None:
    reply, heard = said("lines")
    assert (reply.text, heard) == ("one\ntwo", [("one",), ("two",)])
    reply, heard = said("later")
    assert (reply.text, heard) == ("a\n1\n2", [("{a: 1}",), ("{a: 2}",)])
