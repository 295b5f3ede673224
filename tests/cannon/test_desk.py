"""What a collector's `admit` turns away is not stored, is counted, and is answered from here at most."""

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from botcannon_core.cannon import chain
from botcannon_core.cannon.intake.desk import Desk
from botcannon_core.cannon.intake.returns import Returns
from botcannon_core.cannon.intake.turns import LEAST_AHEAD
from botcannon_core.compose.spec import BacklogSpec, ClassSpec, ServiceSpec, UniqueSpec
from botcannon_core.errors import MessageError
from botcannon_core.ledger.keys import Keys
from botcannon_core.ledger.line import Line
from botcannon_core.ledger.store import Store
from tests.ledger.grounds import cut

KEYS = Keys("T", "work")
SERVICE = ServiceSpec("work", ClassSpec("collector", "bot", "Picky"))


class Picky:
    """Lets in what says so; tells the others why not, or nothing."""

    def admit(self, fields: dict[str, str]) -> object:
        return {"yes": True, "no": False, "told": "too much"}[fields["may"]]


@pytest.fixture
def line(store: Store) -> Iterator[Line]:
    line = Line(store, KEYS.data)
    yield line
    line.close()


def test_only_what_is_let_in_is_stored_and_the_others_are_counted(line: Line, store: Store) -> None:
    desk = Desk(line, KEYS, "h:1:1", SERVICE, Picky())
    for may in ("yes", "no", "told", "no", "yes"):
        desk.put({"may": may})
    desk.say()
    line.ask("PING")
    stored: Any = store.client().xrange(KEYS.data)
    assert [fields["may"] for _, fields in stored] == ["yes", "yes"]
    assert desk.turned_away == 3


@pytest.mark.parametrize("odd", [1, 0, None, b"yes", ["why"], {}, object()])
def test_an_answer_that_is_neither_yes_nor_no_is_refused(line: Line, odd: object) -> None:
    class Odd:
        def admit(self, fields: dict[str, str]) -> object:
            return odd

    desk = Desk(line, KEYS, "h:1:1", SERVICE, Odd())
    with pytest.raises(MessageError, match=r"^Picky.admit returned .*: return True, False, or a"):
        desk.put({"may": "x"})
    assert desk.under_way == desk.turned_away == 0


def test_who_is_told_gets_an_answer_that_belongs_to_no_entry(line: Line) -> None:
    desk = Desk(line, KEYS, "h:1:1", SERVICE, Picky())
    desk.put({"may": "no"})
    desk.put({"may": "told", "room": "#a"})
    (told,) = desk.refusals
    assert (told.id, told.outcome, told.error, told["room"]) == ("", "parked", "too much", "#a")


def test_such_an_answer_is_on_its_way_until_it_was_taken(line: Line, store: Store) -> None:
    desk = Desk(line, KEYS, "h:1:1", SERVICE, Picky())
    desk.put({"may": "told"})
    returns = Returns(store, KEYS, line, "h:1:1", Picky())
    returns.tell(desk.refusals.popleft())
    one = returns.waiting.popleft()
    assert not returns.are_home()
    returns.done(one)
    assert returns.are_home()


def test_one_that_could_not_be_taken_is_not_put_aside(line: Line, store: Store) -> None:
    desk = Desk(line, KEYS, "h:1:1", SERVICE, Picky())
    desk.put({"may": "told"})
    returns = Returns(store, KEYS, line, "h:1:1", Picky())
    returns.tell(desk.refusals.popleft())
    returns.put_aside(returns.waiting.popleft(), chain.failed(ValueError("no"), frozenset()), "h")
    assert returns.are_home()
    assert store.client().exists(KEYS.dead) == 0


def test_what_was_put_in_one_turn_is_stored_with_one_command_in_order(
    line: Line, store: Store
) -> None:
    line.ask("PING")
    desk = Desk(line, KEYS, "h:1:1", SERVICE, object())
    for number in range(100):
        desk.put({"n": str(number)})
    desk.say()
    assert line.unanswered == 1
    line.ask("PING")
    assert [message["n"] for message in desk.stored] == [str(n) for n in range(100)]
    entries: Any = store.client().xrange(KEYS.data)
    assert [fields["n"] for _, fields in entries] == [str(n) for n in range(100)]
    assert [entry for entry, _ in entries] == [message.id for message in desk.stored]


def test_what_finds_no_room_waits_and_follows_in_order(line: Line, store: Store) -> None:
    task = ClassSpec("task", "bot", "Work")
    full = replace(SERVICE, tasks=(task,), backlog=BacklogSpec(max=3))
    desk = Desk(line, KEYS, "h:1:1", full, object())
    for number in range(8):
        desk.put({"n": str(number)})
    desk.say()
    line.ask("PING")
    assert [message["n"] for message in desk.stored] == ["0", "1", "2"]
    assert desk.is_full
    deadline = time.monotonic() + 5
    while not desk.is_clear:
        assert time.monotonic() < deadline
        store.client().hincrby(KEYS.key("counts"), "done", 1)
        desk.stored.clear()
        desk.put_again()
        line.hear(0.01)
    entries: Any = store.client().xrange(KEYS.data)
    assert [fields["n"] for _, fields in entries] == [str(n) for n in range(8)]


def test_a_repeat_is_counted_once_however_often_it_is_said(line: Line, store: Store) -> None:
    once = replace(SERVICE, unique=UniqueSpec("value"))
    desk = Desk(line, KEYS, "h:1:1", once, object())
    for values in ("a", "aba"):
        for value in values:
            desk.put({"value": value})
        desk.say()
        if values == "aba":
            cut(line)  # they are stored and the answer is lost, so that all three are said again
            line.reopen()
        line.ask("PING")
    counts: Any = store.client().hgetall(KEYS.key("counts"))
    assert counts == {"stored": "2", "repeats": "2"}
    assert len(desk.stored) == 4


def test_who_wants_theirs_ended_does_not_wait_for_a_turn(line: Line) -> None:
    one = ClassSpec("task", "torch", "Torch")
    desk = Desk(line, KEYS, "h:1:1", replace(SERVICE, shell=one, tasks=(one,)), object())
    for number in range(LEAST_AHEAD + 5):
        desk.put({"user": "ann", "text": str(number)})
    desk.put({"user": "eve", "text": "slow"})
    desk.put({"user": "eve", "text": "cancel"})
    desk.say()
    line.ask("PING")
    stored = [message["text"] for message in desk.stored]
    assert stored[LEAST_AHEAD:] == ["slow", "cancel"]
