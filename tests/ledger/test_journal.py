"""The journal of a message: found again by the next try, written by nobody but the one that holds it."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from botcannon_core.cannon import asks
from botcannon_core.ledger import journal, stream
from botcannon_core.ledger.journal import Held, Journal, Lost
from botcannon_core.ledger.keys import Keys
from botcannon_core.ledger.line import Line
from botcannon_core.ledger.store import Store
from botcannon_core.testing.fake.store import FakeStore

KEYS = Keys("T", "shop")


@pytest.fixture(params=["valkey", "memory"])
def line(request: pytest.FixtureRequest, store: Store) -> Iterator[Line]:
    opened = Line(store if request.param == "valkey" else FakeStore(), KEYS.data)
    stream.make_group(opened, KEYS.data, stream.POOL)
    yield opened
    opened.close()


def taken(line: Line, consumer: str = "a") -> Held:
    """A new message in the hands of a consumer, in its first try."""
    entry = str(line.ask("XADD", KEYS.data, "*", "n", "1"))
    read(line, consumer)
    return Held("id", entry, consumer, 1)


def read(line: Line, consumer: str) -> None:
    line.ask("XREADGROUP", "GROUP", stream.POOL, consumer, "STREAMS", KEYS.data, ">")


def of(line: Line, held: Held | None) -> Journal:
    """The journal as a worker has it whose message is `held`."""

    def ask(kind: str, body: Any) -> Any:
        answers: list[Any] = []
        asks.answer(line, KEYS, [kind, body], answers.append, held)
        deadline = time.monotonic() + 10
        while not answers:
            assert time.monotonic() < deadline
            line.hear(0.1)
        return answers[0]

    return Journal(ask)


def again(line: Line, held: Held, consumer: str) -> Held:
    """The same message, taken over by another consumer."""
    line.ask("XCLAIM", KEYS.data, stream.POOL, consumer, 0, held.entry, "JUSTID")
    return Held(held.id, held.entry, consumer, held.tries + 1)


def test_the_next_try_finds_what_was_written_in_its_order(line: Line) -> None:
    held = taken(line)
    first = of(line, held)
    assert first.load() == []
    first.write("one")
    first.write("two", "three")
    for number in range(4, 14):
        first.write(str(number))
    second = of(line, again(line, held, "b"))
    found = ["one", "two", "three", *(str(number) for number in range(4, 14))]
    assert second.load() == found
    second.write("last")
    assert of(line, again(line, held, "c")).load() == [*found, "last"]


def test_whoever_has_lost_the_message_writes_and_reads_nothing(line: Line) -> None:
    held = taken(line)
    first = of(line, held)
    first.load()
    second = of(line, again(line, held, "b"))
    with pytest.raises(Lost):
        first.write("late")
    with pytest.raises(Lost):
        of(line, held).load()
    assert second.load() == []


def test_an_earlier_try_of_the_same_pool_writes_nothing_any_more(line: Line) -> None:
    held = taken(line)
    first, second = of(line, held), of(line, Held(held.id, held.entry, held.consumer, 2))
    first.load()
    second.load()
    with pytest.raises(Lost):
        first.write("late")
    second.write("mine")
    assert of(line, again(line, held, "b")).load() == ["mine"]


def test_nobody_writes_before_they_have_loaded(line: Line) -> None:
    with pytest.raises(Lost):
        of(line, taken(line)).write("blind")


def test_a_worker_without_a_message_has_no_journal(line: Line) -> None:
    with pytest.raises(Lost):
        of(line, None).load()


def test_a_word_that_is_said_twice_is_put_down_once(line: Line) -> None:
    """As a line does after a cut."""
    held = taken(line)
    of(line, held).load()
    answers: list[Any] = []
    for _ in range(2):
        journal.answer_held(line, KEYS, held, ["1", "once"], answers.append)
    line.ask("PING")
    assert answers == [1, 1]
    assert of(line, again(line, held, "b")).load() == ["once"]


@pytest.mark.parametrize("body", [None, 3, {"a": 1}, ["1", 2], [["1"]], ["1"]])
def test_what_is_no_word_of_a_journal_changes_nothing(line: Line, body: Any) -> None:
    held = taken(line)
    of(line, held).load()
    answers: list[Any] = []
    asks.answer(line, KEYS, ["journal", body], answers.append, held)
    line.ask("PING")
    assert answers == [None]
    assert of(line, held).load() == []


def test_it_is_forgotten_when_the_message_is_settled_and_not_before(line: Line) -> None:
    held = taken(line)
    first = of(line, held)
    first.load()
    first.write("one")
    journal.forget(line, KEYS, held.id, held.entry)
    first.write("two")
    line.ask("XACK", KEYS.data, stream.POOL, held.entry)
    journal.forget(line, KEYS, held.id, held.entry)
    assert line.ask("HGETALL", journal.key_of(KEYS, held.id)) == []


def test_it_can_be_looked_at(line: Line) -> None:
    first = of(line, taken(line))
    first.load()
    first.write(*(str(number) for number in range(12)))
    words = line.ask("HGETALL", journal.key_of(KEYS, "id"))
    found = journal.in_order(dict(zip(words[::2], words[1::2], strict=True)))
    assert found == [str(number) for number in range(12)]
