"""The guard of a door: off where there is no bot, told once, written down without drowning the log."""

from typing import Any

import pytest

from botcannon_core.chat.guard import EACH_AUDITED, Guard
from botcannon_core.message import Message

ANN = {"text": "hi", "user": "U1", "room": "#ops", "network": "irc"}
BAD = Message({**ANN, "_outcome": "done", "text": "unknown command", "invalid": "1"}, "1-0")


def guarded(flood: Any = None, has_shell: bool = True) -> tuple[Guard, list[str]]:
    written: list[str] = []
    return Guard(flood, has_shell, written.append), written


def test_a_bot_is_guarded_and_who_says_too_much_is_told_once() -> None:
    guard, _ = guarded()
    said = [guard(ANN) for _ in range(15)]
    assert said[:12] == [True] * 12
    assert str(said[12]).startswith("more than 12 commands in a minute")
    assert said[13:] == [False, False]


@pytest.mark.parametrize(
    ("flood", "has_shell", "is_on"),
    [
        (None, True, True),
        (None, False, False),
        (True, False, True),
        (False, True, False),
        ({"commands": 12}, False, True),
        ({}, False, True),
    ],
)
def test_it_is_on_for_a_bot_unless_the_door_is_told_otherwise(
    flood: Any, has_shell: bool, is_on: bool
) -> None:
    guard, _ = guarded(flood, has_shell)
    assert all(guard(ANN) is True for _ in range(13)) is not is_on


def test_limits_that_are_none_are_refused_at_once() -> None:
    with pytest.raises(ValueError, match="no 'command'"):
        Guard({"command": 3})


def test_the_bad_line_that_was_one_too_many_is_told_under_its_answer() -> None:
    guard, _ = guarded()
    answers = [guard.answer(BAD) for _ in range(5)]
    assert answers[:4] == ["unknown command"] * 4
    assert answers[4] == (
        "unknown command\n"
        "5 lines that are no commands in a minute: I listen to you again in 10 minutes"
    )
    assert guard(ANN) is False


def test_what_a_killed_intake_may_have_counted_is_not_counted_again() -> None:
    guard, _ = guarded()
    again = Message(dict(BAD), "1-0", redelivered=True)
    assert [guard.answer(again) for _ in range(9)] == ["unknown command"] * 9


def test_a_door_without_a_guard_only_answers() -> None:
    guard, written = guarded(False)
    assert [guard.answer(BAD) for _ in range(9)] == ["unknown command"] * 9
    assert guard(ANN) is True
    assert written == []


def test_refused_lines_are_audited_each_at_first_and_then_at_each_doubling() -> None:
    guard, written = guarded()
    for _ in range(12 + 1_000):
        guard(ANN)
    counted = [int(line.rpartition("lines=")[2]) for line in written]
    assert counted == [*range(1, EACH_AUDITED + 1), 16, 32, 64, 128, 256, 512]
    assert 'network=irc user=U1 room="#ops" text=hi outcome=flood' in written[0]
