"""The messages that pools hold, on a real store."""

import time

import pytest

from botcannon_core.ledger.store import Store
from botcannon_core.view.held import held


@pytest.fixture
def entries(store: Store) -> list[str]:
    """Five messages that a pool holds."""
    client, data = store.client(), store.keys("s").data
    ids = [str(client.xadd(data, {"n": str(number)})) for number in range(5)]
    client.xgroup_create(data, "pool", "0")
    client.xreadgroup("pool", "host:17:1700000000", {data: ">"})
    return ids


def test_each_state_is_told(store: Store, entries: list[str]) -> None:
    client, keys = store.client(), store.keys("s")
    _, running, again, left, behind = entries
    soon = time.time() + 60
    client.hset(keys.key("tries"), mapping={running: 1, again: 2, f"{again}:due": f"{soon:.3f}"})
    client.xclaim(keys.data, "pool", "nobody", 0, [left], idle=86_400_000, justid=True)
    client.xclaim(keys.data, "pool", "lane", 0, [behind], justid=True)
    found = list(held(store, "s"))
    assert [(one.id, one.state, one.held_by, one.tries) for one in found] == [
        (entries[0], "waiting", "host:17", 0),
        (running, "running", "host:17", 1),
        (again, "again", "host:17", 2),
        (left, "left", None, 0),
        (behind, "behind", None, 0),
    ]
    assert 58 < (found[2].due_in or 0) <= 60
    assert found[0].fields == {"n": "0"}


def test_a_message_deleted_meanwhile_is_shown_without_fields(
    store: Store, entries: list[str]
) -> None:
    store.client().xdel(store.keys("s").data, entries[0])
    assert next(held(store, "s")).fields == {}


def test_what_is_settled_is_not_held(store: Store, entries: list[str]) -> None:
    store.client().xack(store.keys("s").data, "pool", *entries)
    assert list(held(store, "s")) == []


def test_where_no_pool_has_read_nothing_is_held(store: Store) -> None:
    assert list(held(store, "s")) == []
    store.client().xadd(store.keys("s").data, {"n": "1"})
    assert list(held(store, "s")) == []


def test_more_than_a_page_is_held(store: Store) -> None:
    client, data = store.client(), store.keys("s").data
    with client.pipeline() as together:
        for number in range(1100):
            together.xadd(data, {"n": str(number)})
        together.execute()
    client.xgroup_create(data, "pool", "0")
    client.xreadgroup("pool", "h:1:1", {data: ">"}, count=2000)
    assert [one.fields["n"] for one in held(store, "s")] == [str(n) for n in range(1100)]
