"""What a collector's `admit` turns away is not stored, is counted, and is answered from here at most."""

from collections.abc import Iterator
from typing import Any

import pytest

from botcannon_core.cannon import chain
from botcannon_core.cannon.intake.desk import Desk
from botcannon_core.cannon.intake.returns import Returns
from botcannon_core.compose.spec import ClassSpec, ServiceSpec
from botcannon_core.ledger.keys import Keys
from botcannon_core.ledger.line import Line
from botcannon_core.ledger.store import Store

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
    line.ask("PING")
    stored: Any = store.client().xrange(KEYS.data)
    assert [fields["may"] for _, fields in stored] == ["yes", "yes"]
    assert desk.turned_away == 3


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
