"""Following streams on a real store, which may go and come back."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from botcannon_core.errors import StoreError
from botcannon_core.ledger.store import Store
from botcannon_core.ledger.stream import Entry
from botcannon_core.view import follow
from botcannon_core.view.follow import Follower, followed
from tests.ledger.server_here import PATIENCE, Server, wait_until


@pytest.fixture
def server(tmp_path: Path, valkey: str) -> Iterator[Server]:
    running = Server(tmp_path)
    yield running
    running.kill()


def add(store: Store, key: str, text: str) -> str:
    return str(store.client().xadd(key, {"text": text}))


def first(followers: dict[str, Follower], count: int) -> list[tuple[str, str]]:
    """The next `count` entries as (name, text)."""
    found = []
    for name, entry in followed(followers, time.monotonic() + PATIENCE):
        found.append((name, entry.fields["text"]))
        if len(found) == count:
            break
    return found


def test_only_what_comes_after_is_told(store: Store) -> None:
    before = add(store, "a", "before")
    follower = Follower(store, "a", before)
    add(store, "a", "one")
    add(store, "a", "two")
    assert first({"a": follower}, 2) == [("a", "one"), ("a", "two")]
    follower.close()


def test_several_streams_are_followed_at_once(store: Store) -> None:
    followers = {name: Follower(store, name, "0-0") for name in "ab"}
    add(store, "b", "of b")
    assert first(followers, 1) == [("b", "of b")]
    add(store, "a", "of a")
    assert first(followers, 1) == [("a", "of a")]
    for follower in followers.values():
        follower.close()


def test_more_than_one_answer_holds_comes_whole(store: Store) -> None:
    with store.client().pipeline() as together:
        for number in range(2500):
            together.xadd("a", {"text": str(number)})
        together.execute()
    follower = Follower(store, "a", "0-0")
    assert first({"a": follower}, 2500) == [("a", str(number)) for number in range(2500)]
    follower.close()


def test_it_ends_when_its_time_is_over(store: Store) -> None:
    follower = Follower(store, "a", "0-0")
    assert list(followed({"a": follower}, time.monotonic() + 0.02)) == []
    follower.close()


def test_a_store_that_comes_back_is_followed_on(server: Server) -> None:
    store = server.store()
    follower = Follower(store, "a", "0-0")
    add(store, "a", "one")
    assert first({"a": follower}, 1) == [("a", "one")]
    server.kill()
    heard: list[Entry] = []
    wait_until(lambda: heard.extend(follower.hear()) or follower.fileno() < 0, "it is cut")
    server.start()
    add(server.store(), "a", "two")
    assert first({"a": follower}, 1) == [("a", "two")]
    assert heard == []
    follower.close()


def test_a_store_that_stays_away_is_an_error(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follow, "OUTAGE_SECONDS", 0.05)
    follower = Follower(server.store(), "a", "0-0")
    server.kill()
    with pytest.raises(StoreError, match=r"own\.sock"):
        list(followed({"a": follower}, time.monotonic() + PATIENCE))


def test_a_store_that_says_nothing_any_more_is_asked_anew(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follow, "BLOCK_SECONDS", 0.1)
    monkeypatch.setattr(follow, "SILENCE_SECONDS", 0.1)
    follower = Follower(server.store(), "a", "0-0")
    server.freeze()
    wait_until(lambda: follower.hear() or follower.fileno() < 0, "it gave the connection up")
    server.thaw()
    add(server.store(), "a", "one")
    assert first({"a": follower}, 1) == [("a", "one")]
    follower.close()


def test_what_is_no_stream_is_an_error(store: Store) -> None:
    store.client().set("a", "text")
    with pytest.raises(StoreError, match="cannot be followed"):
        first({"a": Follower(store, "a", "0-0")}, 1)
