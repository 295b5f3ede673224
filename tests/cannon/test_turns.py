"""Turns: in a crowd everybody is heard in turn; without one, or with no end in sight, nobody waits."""

import pytest

from botcannon_core.cannon.intake.turns import LEAST_AHEAD, MOST_WAITING, Turns, has_turn
from botcannon_core.compose.spec import ClassSpec, ServiceSpec, WorkersSpec

AHEAD = 4


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def turns(clock: Clock) -> Turns:
    return Turns(AHEAD, clock)


def said(user: str, *texts: object) -> list[dict[str, str]]:
    return [{"user": user, "network": "x", "text": f"{user} {text}"} for text in texts]


def put(turns: Turns, user: str, *texts: object) -> None:
    for fields in said(user, *texts):
        turns.put(fields)


def passed(turns: Turns, at_once: bool = False) -> list[str]:
    """Those that may pass now."""
    found = []
    while (fields := turns.next(at_once)) is not None:
        found.append(fields["text"])
    return found


def test_a_few_pass_at_once_and_in_order(turns: Turns) -> None:
    put(turns, "ann", 1, 2, 3)
    assert passed(turns) == ["ann 1", "ann 2", "ann 3"]


def test_of_many_as_many_pass_as_have_ended(turns: Turns) -> None:
    put(turns, "ann", *range(10))
    assert len(passed(turns)) == AHEAD
    assert passed(turns) == []
    turns.ended()
    turns.ended()
    assert passed(turns) == ["ann 4", "ann 5"]
    assert turns.count == 4


def test_who_comes_after_a_crowd_is_next(turns: Turns) -> None:
    put(turns, "ann", *range(10))
    put(turns, "bob", *range(10))
    passed(turns)
    put(turns, "eve", 0)
    for _ in range(AHEAD):
        turns.ended()
    assert passed(turns)[0] == "eve 0"


def test_a_crowd_has_its_turns_one_by_one(turns: Turns) -> None:
    put(turns, "ann", *range(4))
    put(turns, "bob", *range(4))
    order = passed(turns)
    while turns.count:
        turns.ended()
        order += passed(turns)
    assert order == [f"{user} {n}" for n in range(4) for user in ("ann", "bob")]


def test_users_of_two_networks_are_two_users(turns: Turns) -> None:
    turns.put({"user": "ann", "network": "x", "text": "x 0"})
    turns.put({"user": "ann", "network": "x", "text": "x 1"})
    turns.put({"user": "ann", "network": "y", "text": "y 0"})
    assert passed(turns) == ["x 0", "y 0", "x 1"]


def test_without_an_end_in_sight_all_pass_until_there_is_one(turns: Turns, clock: Clock) -> None:
    put(turns, "ann", *range(10))
    passed(turns)
    clock.now += 0.9
    assert passed(turns) == []
    clock.now += 0.2
    assert len(passed(turns)) == 6
    put(turns, "bob", *range(10))
    assert len(passed(turns)) == 10
    turns.ended()
    put(turns, "eve", *range(10))
    assert passed(turns) == []


def test_a_long_rest_before_a_crowd_opens_nothing(turns: Turns, clock: Clock) -> None:
    clock.now += 1_000
    put(turns, "ann", *range(10))
    assert len(passed(turns)) == AHEAD


def test_who_hurries_waits_for_nobody_and_comes_after_their_own(turns: Turns) -> None:
    put(turns, "ann", *range(AHEAD))
    passed(turns)
    put(turns, "bob", 0, 1)
    put(turns, "eve", 0, 1)
    turns.put({"user": "eve", "network": "x", "room": "#b", "text": "elsewhere"})
    turns.hurry({"user": "eve", "network": "x", "text": "cancel"})
    assert passed(turns) == ["eve 0", "eve 1", "cancel"]
    assert turns.count == 3
    turns.hurry({"user": "ian", "network": "x", "text": "cancel"})
    assert passed(turns) == ["cancel"]
    for _ in range(AHEAD + 4):
        turns.ended()
    assert passed(turns) == ["bob 0", "elsewhere", "bob 1"]
    assert turns.count == 0


def test_of_who_hurried_nothing_is_left_behind(turns: Turns) -> None:
    put(turns, "ann", *range(AHEAD))
    passed(turns)
    put(turns, "eve", 0)
    turns.hurry({"user": "eve", "network": "x", "text": "cancel"})
    put(turns, "eve", 1)
    turns.ended()
    assert passed(turns) == ["eve 0", "cancel"]
    for _ in range(AHEAD):
        turns.ended()
    assert passed(turns) == ["eve 1"]


def test_at_the_end_all_pass(turns: Turns) -> None:
    put(turns, "ann", *range(10))
    assert len(passed(turns, at_once=True)) == 10


def test_no_more_wait_than_fit(turns: Turns) -> None:
    put(turns, "ann", *range(MOST_WAITING))
    assert turns.is_full
    passed(turns)
    assert not turns.is_full


def test_only_a_bot_has_turns_and_only_what_somebody_said_waits() -> None:
    one = ClassSpec("collector", "bot", "Bot")
    assert Turns.of(ServiceSpec("s", one, tasks=(one,))) is None
    assert Turns.of(ServiceSpec("s", one, shell=one)) is None
    bot = Turns.of(ServiceSpec("s", one, shell=one, tasks=(one,), workers=WorkersSpec(max=20)))
    assert bot is not None
    put(bot, "ann", *range(200))
    assert len(passed(bot)) == 40 > LEAST_AHEAD
    assert has_turn({"user": "ann"})
    assert has_turn({"room": "#a"})
    assert not has_turn({"text": "tick"})
