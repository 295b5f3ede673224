"""Notes in a real store and in memory: one at a time, and only from whoever holds the message."""

from collections.abc import Iterator
from typing import Any

import pytest

from botcannon_core.ledger import notes, stream
from botcannon_core.ledger.keys import Keys
from botcannon_core.ledger.line import Line
from botcannon_core.testing.fake.store import FakeStore


@pytest.fixture
def keys() -> Keys:
    return Keys("T", "s")


@pytest.fixture(params=["real", "memory"])
def line(request: pytest.FixtureRequest, keys: Keys) -> Iterator[Line]:
    is_real = request.param == "real"
    store: Any = request.getfixturevalue("store") if is_real else FakeStore(namespace="T")
    opened = Line(store, keys.data)
    stream.make_group(opened, keys.data, stream.POOL)
    opened.ask("XADD", keys.data, "*", "text", "slow")
    yield opened
    opened.close()


def held(line: Line, keys: Keys, by: str) -> str:
    """The message, which is now `by`'s."""
    words = ("GROUP", stream.POOL, by, "COUNT", 1, "STREAMS", keys.data, ">")
    answer: Any = line.ask("XREADGROUP", *words)
    return str(answer[0][1][0][0])


def written(
    line: Line, keys: Keys, entry: str, text: str, earlier: str = "", by: str = "me"
) -> str:
    found: list[str] = []
    notes.write(line, keys, by, entry, earlier, {"_note": text}, found.append)
    line.ask("PING")
    return found[0]


def kept(line: Line, keys: Keys) -> list[str]:
    return [words[1] for _, words in line.ask("XRANGE", keys.taskback, "-", "+")]


def test_a_note_takes_the_place_of_the_earlier_one(line: Line, keys: Keys) -> None:
    entry = held(line, keys, "me")
    first = written(line, keys, entry, "10%")
    assert kept(line, keys) == ["10%"]
    second = written(line, keys, entry, "20%", first)
    assert kept(line, keys) == ["20%"]
    notes.forget(line, keys, second)
    line.ask("PING")
    assert kept(line, keys) == []


def test_nobody_writes_a_note_about_what_somebody_else_holds(line: Line, keys: Keys) -> None:
    entry = held(line, keys, "me")
    assert written(line, keys, entry, "10%", by="another") == ""
    assert kept(line, keys) == []


def test_no_note_follows_an_outcome(line: Line, keys: Keys) -> None:
    entry = held(line, keys, "me")
    ending = stream.Ending(entry, {"_outcome": "done"})
    stream.settle(line, keys, "me", "", [ending], lambda _settled: None)
    assert written(line, keys, entry, "99%") == ""
    assert kept(line, keys) == ["done"]
