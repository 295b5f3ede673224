"""A service in numbers, on a real store."""

from botcannon_core.ledger.store import Store
from botcannon_core.view.counted import measured, status


def test_a_service_that_never_ran_has_nothing(store: Store) -> None:
    found = status(store, "s", has_tasks=True)
    assert (found.backlog, found.in_flight, found.dead, found.taskbacks) == (0, 0, 0, 0)
    assert found.collector is None


def test_without_tasks_there_is_neither_backlog_nor_flight(store: Store) -> None:
    store.client().xadd(store.keys("s").data, {"n": "1"})
    found = status(store, "s", has_tasks=False)
    assert (found.backlog, found.in_flight) == (None, None)


def test_before_any_pool_everything_is_backlog(store: Store) -> None:
    for number in range(3):
        store.client().xadd(store.keys("s").data, {"n": str(number)})
    assert status(store, "s", has_tasks=True).backlog == 3


def test_the_backlog_is_right_where_the_store_cannot_say(store: Store) -> None:
    """An entry deleted in the middle makes the store lose count."""
    client, data = store.client(), store.keys("s").data
    ids = [client.xadd(data, {"n": str(number)}) for number in range(6)]
    client.xgroup_create(data, "pool", "0")
    client.xreadgroup("pool", "h:1:1", {data: ">"}, count=2)
    client.xdel(data, ids[4])
    assert client.xinfo_groups(data)[0]["lag"] is None
    found = status(store, "s", has_tasks=True)
    assert (found.backlog, found.in_flight) == (3, 2)


def test_taskbacks_wait_until_they_are_acknowledged(store: Store) -> None:
    client, taskback = store.client(), store.keys("s").taskback
    ids = [client.xadd(taskback, {"n": str(number)}) for number in range(3)]
    client.xgroup_create(taskback, "intake", "0")
    client.xreadgroup("intake", "h:1:1", {taskback: ">"}, count=2)
    assert status(store, "s", has_tasks=True).taskbacks == 3
    client.xack(taskback, "intake", ids[0])
    assert status(store, "s", has_tasks=True).taskbacks == 2


def test_rates_are_what_happened_while_it_measured(store: Store) -> None:
    counts = store.keys("s").key("counts")
    store.client().hset(counts, mapping={"stored": 100, "done": 50})
    asked = []

    def meanwhile(seconds: float) -> None:
        asked.append(seconds)
        store.client().hincrby(counts, "stored", 1000)
        store.client().hincrby(counts, "done", 400)
        store.client().hincrby(counts, "parked", 100)

    (found,) = measured(store, {"s": True}, 2.0, meanwhile)
    assert asked == [2.0]
    assert found.stored == 1100
    assert abs(found.stored_per_second / found.ended_per_second - 2) < 0.01
