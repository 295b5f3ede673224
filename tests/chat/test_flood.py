"""The flood guard: who says too much is ignored for a while, and told once."""

from dataclasses import fields

import pytest

from botcannon_core.chat.acl import Asker
from botcannon_core.chat.flood import MOST_ASKERS, Flood, Limits
from botcannon_core.chat.guard import FloodLimits

MOST, MOST_INVALID = Limits().commands, Limits().invalid

ANN, BOB = Asker("U1", "ops", network="irc"), Asker("U2", "ops", network="irc")


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def flood(clock: Clock) -> Flood:
    return Flood(clock)


def test_twelve_a_minute_are_let_in_and_the_next_is_told_once(flood: Flood) -> None:
    assert all(flood.admit(ANN).admitted for _ in range(MOST))
    first, second = flood.admit(ANN), flood.admit(ANN)
    assert (first.admitted, first.why) == (False, "flood")
    assert first.told == "more than 12 commands in a minute: I listen to you again in 5 minutes"
    assert (first.is_news, first.lines, first.wait) == (True, 1, 300)
    assert (second.admitted, second.is_news, second.lines) == (False, False, 2)


def test_others_are_heard_meanwhile_whatever_the_room(flood: Flood) -> None:
    for _ in range(MOST + 1):
        flood.admit(ANN)
    assert flood.admit(BOB).admitted
    assert flood.admit(Asker("U1", "ops", network="slack")).admitted
    assert not flood.admit(Asker("U1", "dev", network="irc")).admitted


def test_after_five_minutes_it_begins_anew(flood: Flood, clock: Clock) -> None:
    for _ in range(MOST + 1):
        flood.admit(ANN)
    clock.now += 299.9
    assert not flood.admit(ANN).admitted
    clock.now += 0.1
    assert all(flood.admit(ANN).admitted for _ in range(MOST))
    again = flood.admit(ANN)
    assert (again.is_news, again.lines) == (True, 1)


def test_a_steady_pace_is_never_too_much(flood: Flood, clock: Clock) -> None:
    for _ in range(100):
        assert flood.admit(ANN).admitted
        clock.now += 60 / MOST


def test_five_that_make_no_sense_are_one_too_many(flood: Flood, clock: Clock) -> None:
    told = [flood.invalid(ANN) for _ in range(MOST_INVALID)]
    assert told[:-1] == [""] * (MOST_INVALID - 1)
    assert told[-1].endswith("in 10 minutes")
    verdict = flood.admit(ANN)
    assert (verdict.admitted, verdict.why, verdict.is_news) == (False, "invalid", False)
    clock.now += 600
    assert flood.admit(ANN).admitted


def test_bad_lines_that_are_far_between_do_not_count(flood: Flood, clock: Clock) -> None:
    for _ in range(50):
        assert flood.invalid(ANN) == ""
        clock.now += 16


def test_what_is_known_of_people_does_not_grow_for_ever(flood: Flood, clock: Clock) -> None:
    for _ in range(MOST + 1):
        flood.admit(ANN)
    for number in range(MOST_ASKERS // 2):
        flood.admit(Asker(f"N{number}"))
    assert not flood.admit(ANN).admitted
    clock.now += 1_000
    flood.admit(BOB)
    assert len(flood._records) == 1
    for number in range(MOST_ASKERS + 10):
        flood.admit(Asker(f"N{number}"))
    assert len(flood._records) == MOST_ASKERS


def test_limits_may_be_others(clock: Clock) -> None:
    flood = Flood(
        clock, Limits.of({"commands": 2, "silence": 90, "invalid": 1, "invalid_silence": 0.5})
    )
    assert [flood.admit(ANN).admitted for _ in range(3)] == [True, True, False]
    assert flood.admit(ANN).told.startswith("more than 2 commands")
    assert flood.admit(ANN).told.endswith("in 90 seconds")
    clock.now += 90
    assert flood.invalid(ANN).startswith("1 lines")
    clock.now += 0.5
    assert flood.admit(ANN).admitted


def test_a_compose_file_may_name_each_limit_and_no_other() -> None:
    assert set(FloodLimits.__annotations__) == {one.name for one in fields(Limits)}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"comands": 3}, "no 'comands'"),
        ({"commands": 2.5}, "commands is a whole number"),
        ({"commands": True}, "commands is a whole number"),
        ({"silence": "5m"}, "silence is seconds"),
        ({"silence": 0}, "silence is above 0"),
        ({"silence": float("nan")}, "silence is above 0"),
    ],
)
def test_limits_that_are_none_are_named(given: dict[str, float], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Limits.of(given)
