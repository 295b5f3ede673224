"""The lease on being the one live collector, on a real server."""

from collections.abc import Iterator

import pytest

from botcannon_core.ledger import lease
from botcannon_core.ledger.keys import Keys
from botcannon_core.ledger.line import Line
from botcannon_core.ledger.store import Store
from tests.ledger.server_here import wait_until


@pytest.fixture
def keys(store: Store) -> Keys:
    return store.keys("chat")


@pytest.fixture
def line(store: Store, keys: Keys) -> Iterator[Line]:
    opened = Line(store, keys.data)
    yield opened
    opened.close()


def taken(line: Line, keys: Keys, me: str, dead: str = "") -> str:
    """Who holds the lease after `me` has asked for it."""
    heard: list[str] = []
    lease.take(line, keys, me, heard.append, dead)
    line.ask("PING")
    return heard[0]


def test_the_first_to_ask_holds_it_and_keeps_it(line: Line, keys: Keys) -> None:
    assert taken(line, keys, "a") == "a"
    assert taken(line, keys, "b") == "a"
    assert taken(line, keys, "a") == "a"


def test_it_runs_out_when_it_is_not_renewed(
    line: Line, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "LEASE_SECONDS", 0.05)
    assert taken(line, keys, "a") == "a"
    wait_until(lambda: taken(line, keys, "b") == "b", "the lease has run out")
    assert line.ask("PTTL", keys.key("lease")) <= 50


def test_every_renewal_is_for_the_whole_time(line: Line, keys: Keys) -> None:
    taken(line, keys, "a")
    line.ask("PEXPIRE", keys.key("lease"), 1000)
    taken(line, keys, "a")
    assert line.ask("PTTL", keys.key("lease")) > 10_000


def test_somebody_elses_question_renews_nothing(line: Line, keys: Keys) -> None:
    taken(line, keys, "a")
    line.ask("PEXPIRE", keys.key("lease"), 1000)
    taken(line, keys, "b")
    assert line.ask("PTTL", keys.key("lease")) <= 1000


def test_a_holder_that_is_known_to_be_dead_loses_it_at_once(line: Line, keys: Keys) -> None:
    taken(line, keys, "a")
    assert taken(line, keys, "b", dead="x") == "a"
    assert taken(line, keys, "b", dead="a") == "b"
    assert taken(line, keys, "c", dead="a") == "b"


def test_giving_it_up_frees_it_and_only_its_holder_can(line: Line, keys: Keys) -> None:
    taken(line, keys, "a")
    lease.release(line, keys, "b")
    assert taken(line, keys, "b") == "a"
    lease.release(line, keys, "a")
    assert taken(line, keys, "b") == "b"


def test_every_service_has_its_own(line: Line, store: Store, keys: Keys) -> None:
    assert taken(line, keys, "a") == "a"
    assert taken(line, store.keys("sensors"), "b") == "b"


def test_a_store_that_refuses_tells_nobody(line: Line, keys: Keys) -> None:
    line.ask("HSET", keys.key("lease"), "not", "a lease")
    heard: list[str] = []
    lease.take(line, keys, "a", heard.append)
    line.ask("PING")
    assert heard == []
