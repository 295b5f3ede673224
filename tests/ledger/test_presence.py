"""Who is there: said, renewed, withdrawn, run out, and said by others in another form."""

import json
from collections.abc import Iterator

import pytest

from botcannon_core.ledger import presence
from botcannon_core.ledger.keys import Keys
from botcannon_core.ledger.line import Line
from botcannon_core.ledger.presence import Presence, announce, present, withdraw
from botcannon_core.ledger.store import Store

INTAKE = Presence("here:7:100", "chat", "intake", "running", 8, 100.0)
POOL = Presence("here:7:100", "chat", "pool", "ready", 9, 100.0)
OTHER = Presence("afar:1:100", "chat", "pool", "ready", 2, 100.0)


@pytest.fixture
def keys(store: Store) -> Keys:
    return store.keys("chat")


@pytest.fixture
def line(store: Store, keys: Keys) -> Iterator[Line]:
    opened = Line(store, keys.data)
    yield opened
    opened.close()


def seen(line: Line, store: Store) -> list[tuple[str, str, str]]:
    line.ask("PING")
    return [(one.host, one.part, one.state) for one in present(store.client(), store.keys("chat"))]


def test_everybody_who_said_so_is_there_by_host_and_part(
    line: Line, store: Store, keys: Keys
) -> None:
    for one in (POOL, INTAKE, OTHER):
        announce(line, keys, one)
    assert seen(line, store) == [
        ("afar", "pool", "ready"),
        ("here", "intake", "running"),
        ("here", "pool", "ready"),
    ]


def test_the_last_word_counts(line: Line, store: Store, keys: Keys) -> None:
    announce(line, keys, POOL)
    announce(line, keys, Presence(POOL.life, "chat", "pool", "starting"))
    assert seen(line, store) == [("here", "pool", "starting")]


def test_who_withdraws_is_gone(line: Line, store: Store, keys: Keys) -> None:
    announce(line, keys, POOL)
    announce(line, keys, INTAKE)
    withdraw(line, keys, POOL.life, "pool")
    assert seen(line, store) == [("here", "intake", "running")]


def test_who_says_nothing_more_is_over(
    line: Line, store: Store, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    announce(line, keys, POOL)
    monkeypatch.setattr(presence, "FRESH_SECONDS", -1.0)
    announce(line, keys, INTAKE)
    assert seen(line, store) == [("here", "pool", "ready")]


def test_nobody_is_there(line: Line, store: Store) -> None:
    assert seen(line, store) == []


def test_what_another_version_says_is_understood_as_far_as_it_goes(
    line: Line, store: Store, keys: Keys
) -> None:
    announce(line, keys, POOL)
    line.ask("PING")
    [(name, text)] = store.client().hgetall(keys.key("presence")).items()
    said = {**json.loads(text), "mood": "fine", "part": "intake"}
    for field, words in (
        ("newer", json.dumps(said)),
        ("other", "no json"),
        ("less", "{}"),
        ("x", "5"),
    ):
        store.client().hset(keys.key("presence"), field, words)
    assert name
    assert seen(line, store) == [("here", "intake", "ready"), ("here", "pool", "ready")]
