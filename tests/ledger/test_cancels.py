"""Wishes to end what runs, in a real store and in memory: whose they are, and since when they count."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from botcannon_core.cannon import asks
from botcannon_core.compose.spec import ClassSpec, ServiceSpec
from botcannon_core.ledger import cancels, stream, visit
from botcannon_core.ledger.admission import Gate
from botcannon_core.ledger.cancels import Cancel, is_wish, whose
from botcannon_core.ledger.journal import Held
from botcannon_core.ledger.keys import Keys
from botcannon_core.ledger.line import Line
from botcannon_core.message import Message
from botcannon_core.testing.fake.store import FakeStore

ANN = {"user": "U1", "room": "ops", "network": "irc"}
BOT = ServiceSpec(
    "s",
    ClassSpec("collector", "feed", "Feed"),
    shell=ClassSpec("shell", "bot", "Bot"),
    tasks=(ClassSpec("task", "torch", "Torch"),),
)


@pytest.fixture(params=["real", "memory"])
def line(request: pytest.FixtureRequest, keys: Keys) -> Iterator[Line]:
    store: Any = (
        FakeStore(namespace="T") if request.param == "memory" else request.getfixturevalue("store")
    )
    opened = Line(store, keys.data)
    stream.make_group(opened, keys.data, stream.POOL)
    yield opened
    opened.close()


@pytest.fixture
def keys() -> Keys:
    return Keys("T", "s")


def put(line: Line, keys: Keys, text: str, gate: Gate | None = None, **who: str) -> str:
    fields = {"text": text, **ANN, **who}
    return visit.put(line, keys, gate or Gate.of(BOT), "send:1", fields).id


def take(line: Line, keys: Keys) -> None:
    """A pool reads all there is."""
    line.ask("XREADGROUP", "GROUP", stream.POOL, "p", "COUNT", 100, "STREAMS", keys.data, ">")


def wishes(line: Line, keys: Keys, **who: str) -> dict[str, str]:
    found: list[dict[str, str]] = []
    cancels.look(line, keys, [whose({**ANN, **who})], found.append)
    line.ask("PING")
    return found[0]


def cancel(line: Line, keys: Keys, message_id: str, **who: str) -> bool:
    """What torch does when it comes to the line `cancel`."""

    def ask(kind: str, body: Any) -> Any:
        answers: list[Any] = []
        held = Held(message_id, message_id, "p", 1)
        asks.answer(line, keys, [kind, body], answers.append, held)
        line.ask("PING")
        return answers[0]

    return Cancel(ask)(Message({"text": "cancel", **ANN, **who}, message_id))


def test_the_word_is_a_wish_of_somebody_known() -> None:
    for text in ("cancel", " Cancel ", "`cancel`", "CANCEL\n"):
        assert is_wish({"text": text, "user": "U1"})
    for text in ("cancel it", "cancelled", "", "c", "cancel" * 1000):
        assert not is_wish({"text": text, "user": "U1"})
    assert not is_wish({"text": "cancel"})
    assert not is_wish({"user": "U1"})


def test_a_wish_stands_in_the_field_that_the_bot_reads() -> None:
    assert is_wish({"ask": "cancel", "user": "U1"}, "ask")
    assert not is_wish({"text": "cancel", "user": "U1"}, "ask")


def test_one_asker_is_one_user_in_one_room_of_one_network() -> None:
    others = [{"user": "U2"}, {"room": "dev"}, {"network": "slack"}]
    assert len({whose({**ANN, **other}) for other in [{}, *others]}) == 4
    assert whose({**ANN, "text": "anything", "thread": "7"}) == whose(ANN)
    assert whose({"room": "ops"}) == ""


def test_a_wish_is_marked_as_soon_as_it_is_stored(line: Line, keys: Keys) -> None:
    put(line, keys, "slow")
    assert wishes(line, keys) == {}
    entry = put(line, keys, "cancel")
    assert wishes(line, keys) == {whose(ANN): entry}
    assert wishes(line, keys, user="U2") == {}


def test_a_bot_that_reads_another_field_hears_the_wish_there(line: Line, keys: Keys) -> None:
    torch = ClassSpec("task", "torch", "Torch", kwargs={"in_key": "ask"})
    gate = Gate.of(replace(BOT, tasks=(torch,)))
    put(line, keys, "cancel", gate)
    assert wishes(line, keys) == {}
    entry = put(line, keys, "hello", gate, ask="cancel")
    assert wishes(line, keys) == {whose(ANN): entry}


def test_a_service_that_nobody_talks_to_has_no_wishes(line: Line, keys: Keys) -> None:
    work = ServiceSpec("s", BOT.collector, tasks=BOT.tasks)
    put(line, keys, "cancel", Gate.of(work))
    assert wishes(line, keys) == {}


def test_it_is_known_whether_anything_of_the_asker_is_running(line: Line, keys: Keys) -> None:
    put(line, keys, "slow", user="U2")
    wish = put(line, keys, "cancel")
    put(line, keys, "later")
    take(line, keys)
    assert not cancel(line, keys, wish)
    put(line, keys, "slow")
    another = put(line, keys, "cancel")
    take(line, keys)
    assert cancel(line, keys, another)


def test_what_was_ended_before_its_wish_was_run_counts(line: Line, keys: Keys) -> None:
    wish = put(line, keys, "cancel")
    cancels.carried_out(line, keys, whose(ANN), wish)
    assert cancel(line, keys, wish)
    assert not cancel(line, keys, wish, user="U2")


def test_what_was_ended_for_a_later_wish_counts_for_the_earlier_too(line: Line, keys: Keys) -> None:
    first, second = put(line, keys, "cancel"), put(line, keys, "cancel")
    cancels.carried_out(line, keys, whose(ANN), second)
    third = put(line, keys, "cancel")
    assert [cancel(line, keys, one) for one in (first, second, third)] == [True, True, False]


def test_of_two_wishes_the_later_one_counts(line: Line, keys: Keys) -> None:
    first, second = put(line, keys, "cancel"), put(line, keys, "cancel")
    cancel(line, keys, first)
    assert wishes(line, keys) == {whose(ANN): second}


def test_a_wish_that_makes_no_sense_is_none(line: Line, keys: Keys) -> None:
    assert not cancel(line, keys, "1-1", user="")
    answers: list[Any] = []
    senseless: list[Any] = [None, [], {}, "end", {**ANN, "user": 5}, {"user": "U1"}]
    for body in senseless:
        held = Held("1-1", "1-1", "p", 1)
        asks.answer(line, keys, ["cancels", body], answers.append, held)
    asks.answer(line, keys, ["cancels", ANN], answers.append)  # of a worker that runs nothing
    line.ask("PING")
    assert answers == [None] * 7
    assert wishes(line, keys) == {}


def test_ids_are_compared_as_numbers() -> None:
    assert cancels.is_before("999-0", "1000-0")
    assert cancels.is_before("1000-9", "1000-10")
    assert not cancels.is_before("1000-10", "1000-10")
