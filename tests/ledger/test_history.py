"""Looking into a service's history: what is found, in which order, and how much of it."""

import pickle
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import pytest

from botcannon_core.compose.spec import StoreSpec
from botcannon_core.errors import StoreError
from botcannon_core.ledger.history import History
from botcannon_core.ledger.store import Store, open_store


@pytest.fixture
def history(store: Store) -> History:
    return History(lambda: store)


def put(store: Store, at: float | None = None, channel: str = "data", **fields: str) -> str:
    """Add an entry to the service `s`, as of a time; its id."""
    id = "*" if at is None else f"{round(at * 1000)}-*"  # noqa: A001 - what it is
    return str(store.client().xadd(store.keys("s").key(channel), fields or {"n": "1"}, id=id))


def numbers(messages: list) -> list[str]:
    return [message["n"] for message in messages]


def test_services_are_those_that_have_streams(store: Store, history: History):
    assert history.services() == []
    put(store)
    put(store, channel="taskback")
    store.client().xadd("U|streams:{other}:data", {"n": "1"})
    store.client().set("T|conf:x", "1")
    assert history.services() == ["s"]


def test_the_latest_is_the_newest_one(store: Store, history: History):
    assert history.latest("s") is None
    put(store, n="1")
    id = put(store, n="2")  # noqa: A001
    found = history.latest("s")
    assert found is not None
    assert (found.id, found.service, dict(found)) == (id, "s", {"n": "2"})
    assert found.time == pytest.approx(time.time(), abs=5)


def test_the_last_seconds_come_oldest_first(store: Store, history: History):
    now = time.time()
    for age in (100, 50, 10, 5):
        put(store, now - age, n=str(age))
    assert numbers(history.last("s", 60)) == ["50", "10", "5"]
    assert numbers(history.last("s", 60, limit=2)) == ["10", "5"]
    assert history.last("s", 1) == []
    assert history.last("s", 60, limit=0) == []


def test_both_ends_of_a_span_belong_to_it(store: Store, history: History):
    for at in (1000.001, 1000.002, 1000.002, 1000.003, 1000.004):
        put(store, at, n=f"{at:.3f}")
    found = history.between("s", 1000.002, 1000.003)
    assert numbers(found) == ["1000.002", "1000.002", "1000.003"]
    assert history.between("s", 1000.003, 1000.002) == []
    assert history.between("s", -5, 0) == []


@pytest.mark.parametrize("milliseconds", [1_700_000_000_001, 1_700_000_000_999, 1_001])
def test_a_messages_own_time_finds_it(store: Store, history: History, milliseconds: int):
    put(store, milliseconds / 1000)
    at = history.latest("s").time  # type: ignore[union-attr]
    assert len(history.between("s", at, at)) == 1


def test_a_sample_is_even_however_much_there_is(store: Store, history: History):
    now = time.time()
    with store.client().pipeline() as many:
        for i in range(5000):
            many.xadd(
                store.keys("s").data, {"n": str(i)}, id=f"{round((now - 100) * 1000) + 20 * i}-0"
            )
        many.execute()
    found = history.sample("s", 100, points=50)
    times = [message.time for message in found]
    assert 48 <= len(found) <= 50
    assert found[-1]["n"] == "4999"
    gaps = [after - before for before, after in pairwise(times)]
    assert max(gaps) < 2.1
    assert min(gaps) > 1.0


def test_a_sample_of_little_is_all_there_is(store: Store, history: History):
    now = time.time()
    for age in (50, 30, 10):
        put(store, now - age, n=str(age))
    assert numbers(history.sample("s", 60, points=6)) == ["50", "30", "10"]
    assert history.sample("s", 60, points=0) == []
    assert history.sample("nobody", 60) == []


def test_everything_that_is_kept_is_counted(store: Store, history: History):
    assert history.count("s") == 0
    put(store)
    put(store)
    put(store, channel="dead")
    assert history.count("s") == 2
    assert history.count("s", "dead") == 1


def test_a_taskback_has_the_id_of_its_message_and_its_outcome(store: Store, history: History):
    put(store, channel="taskback", n="1", _id="5000-1", _outcome="parked", _error="no")
    found = history.latest("s", "taskback")
    assert found is not None
    assert (found.id, found.time, found.outcome, found.error) == ("5000-1", 5.0, "parked", "no")


def test_data_shows_only_what_the_collector_gave(store: Store, history: History):
    put(store, n="1", _from="intake:x")
    assert [dict(message) for message in history.last("s", 60)] == [{"n": "1"}]


def test_notes_are_passed_over_and_take_nobodys_place(store: Store, history: History):
    now = time.time()
    for age in (40, 30, 20):
        put(store, now - age, channel="taskback", n=str(age))
    with store.client().pipeline() as many:
        for _ in range(2500):
            many.xadd(store.keys("s").taskback, {"n": "7", "_note": "half"})
        many.execute()
    latest = history.latest("s", "taskback")
    assert latest is not None
    assert latest["n"] == "20"
    assert numbers(history.last("s", 60, "taskback", limit=2)) == ["30", "20"]
    assert numbers(history.last("s", 60, "taskback")) == ["40", "30", "20"]


def test_an_unknown_channel_is_refused(history: History):
    with pytest.raises(ValueError, match="no channel 'date'; there are data, taskback"):
        history.latest("s", "date")  # type: ignore[arg-type]


def test_nothing_is_opened_before_the_first_question(store: Store):
    opened = []
    history = History(lambda: opened.append(store) or store)
    assert opened == []
    history.count("s")
    history.count("s")
    assert opened == [store]


def test_a_closed_one_opens_again(valkey: str, tmp_path: Path):
    history = History(lambda: open_store(StoreSpec(url=valkey), "T", tmp_path))
    history.count("s")
    history.close()
    assert history.count("s") == 0


def test_a_stores_copier_travels_to_another_process(store: Store):
    put(store)
    history = History(pickle.loads(pickle.dumps(store.copier())))
    assert history.count("s") == 1


def test_a_store_that_is_gone_is_told(tmp_path: Path, monkeypatch):
    monkeypatch.delenv("BOTCANNON_STORE", raising=False)
    spec = StoreSpec(url=f"unix://{tmp_path}/gone.sock")
    with pytest.raises(StoreError, match=r"gone\.sock"):
        History(lambda: open_store(spec, "T", tmp_path)).services()


def test_a_history_goes_on_over_a_connection_that_was_cut(store: Store, history: History):
    put(store, n="1")
    assert history.count("s") == 1
    client = store.client()
    [ours] = [one for one in client.client_list() if one["cmd"] == "xlen"]
    client.client_kill(ours["addr"])
    assert numbers(history.last("s", 60)) == ["1"]


def test_an_error_is_told_and_the_next_question_is_answered(store: Store, history: History):
    put(store, n="1")
    store.client().set(store.keys("other").data, "no stream")
    with pytest.raises(StoreError, match="WRONGTYPE"):
        history.latest("other")
    assert history.count("s") == 1


def test_threads_that_ask_at_the_same_time_get_their_own_answers(store: Store, history: History):
    counts = {f"s{count}": count for count in range(1, 9)}
    for name, count in counts.items():
        for _ in range(count):
            store.client().xadd(store.keys(name).data, {"n": "1"})
    with ThreadPoolExecutor(8) as threads:
        asked = [name for _ in range(50) for name in counts]
        assert list(threads.map(history.count, asked)) == [counts[name] for name in asked]
