"""What comes home to an intake comes home to some intake, also when this one leaves at that moment."""

import select
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from botcannon_core.cannon.intake.returns import AT_ONCE, Returns
from botcannon_core.ledger.keys import Keys
from botcannon_core.ledger.line import Line
from botcannon_core.ledger.store import Store

KEYS = Keys("T", "work")


class Alone:
    """A collector, as far as its returns ask."""


class OneOfMany:
    many = True


class Counted:
    """A socket that counts what is sent through it."""

    def __init__(self, real: socket.socket) -> None:
        self._real = real
        self.sends = 0

    def sendall(self, data: bytes) -> None:
        self.sends += 1
        self._real.sendall(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


Make = Callable[[str, object], Returns]


@pytest.fixture
def make(store: Store) -> Iterator[Make]:
    lines = []

    def made(me: str, collector: object) -> Returns:
        line = Line(store, KEYS.data)
        lines.append(line)
        returns = Returns(store, KEYS, line, me, collector)
        returns.ask()
        hear(returns)
        return returns

    yield made
    for line in lines:
        line.close()


def hear(returns: Returns, seconds: float = 0.05) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        returns.look()
        returns._line.hear(0.005)
        returns.reader.line.flush()
        returns.hear()


def answer(store: Store, asked_by: str) -> str:
    fields = {"_id": "1-1", "_from": asked_by, "_outcome": "done", "text": "yes"}
    return str(store.client().xadd(KEYS.taskback, fields))


def until_waiting(returns: Returns) -> None:
    deadline = time.monotonic() + 5
    while not returns.waiting:
        assert time.monotonic() < deadline, "nothing came"
        returns._look_at = 0.0
        hear(returns)


def test_an_answer_that_comes_while_an_intake_leaves_reaches_the_next(
    make: Make, store: Store
) -> None:
    leaving = make("h:1:1", Alone())
    answer(store, "h:1:1")
    select.select([leaving.reader.line], [], [], 5)  # it was sent to the one that leaves
    leaving.leave()
    following = make("h:2:2", Alone())
    until_waiting(following)
    assert following.waiting[0].message["text"] == "yes"


def test_an_answer_that_comes_while_one_of_many_leaves_reaches_another(
    make: Make, store: Store
) -> None:
    leaving, staying = make("h:1:1", OneOfMany()), make("h:2:2", OneOfMany())
    answer(store, "h:1:1")
    select.select([leaving.reader.line], [], [], 5)
    hear(staying)
    assert not staying.waiting
    leaving.leave()
    until_waiting(staying)
    assert staying.waiting[0].message.redelivered


def test_an_intake_that_leaves_leaves_no_name_behind(make: Make, store: Store) -> None:
    for collector in (Alone(), OneOfMany()):
        make("h:1:1", collector).leave()
    assert not store.client().xinfo_consumers(KEYS.taskback, "intake")
    groups = store.client().xinfo_groups(KEYS.taskback)
    assert [group["name"] for group in groups] == ["intake"]


def test_answers_that_were_taken_together_are_acknowledged_in_one_command(
    make: Make, store: Store
) -> None:
    returns = make("h:1:1", Alone())
    for _ in range(50):
        answer(store, "h:1:1")
    while len(returns.waiting) < 50:
        hear(returns)
    assert returns._line._socket is not None
    counted: Any = Counted(returns._line._socket)
    returns._line._socket = counted
    while returns.waiting:
        returns.done(returns.waiting.popleft())
    returns.say()
    assert returns._line.unanswered == 1
    while returns._unacknowledged:
        returns._line.hear(0.01)
    assert counted.sends == 1
    assert returns.are_home()


def test_of_what_dead_intakes_held_no_more_is_taken_over_than_can_be_delivered(
    make: Make, store: Store
) -> None:
    """It is safe in the store; here it would only be memory, and each life would hold more."""
    held = [answer(store, "h:0:0") for _ in range(3 * AT_ONCE)]
    client = store.client()
    client.xgroup_create(KEYS.taskback, "intake", "0")
    client.xreadgroup("intake", "h:0:0", {KEYS.taskback: ">"}, count=len(held))
    returns = make("h:1:1", Alone())
    taken: list[str] = []
    deadline = time.monotonic() + 20
    while len(taken) < len(held):
        assert time.monotonic() < deadline, f"only {len(taken)} came"
        hear(returns)
        assert len(returns.waiting) < 2 * AT_ONCE
        for _ in range(min(len(returns.waiting), AT_ONCE // 2)):
            one = returns.waiting.popleft()
            taken.append(one.entry)
            returns.done(one)
        returns.say()
    assert taken == held
    hear(returns)
    assert returns.are_home()
