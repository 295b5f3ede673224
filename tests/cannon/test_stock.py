"""The stock on a real store: each message it holds is run once, however it came and whatever was cut."""

import select
import time
from collections.abc import Callable, Iterator

import pytest

from botcannon_core.cannon import life
from botcannon_core.cannon.chain import Ended
from botcannon_core.cannon.job import Job
from botcannon_core.cannon.stock import Stock
from botcannon_core.compose.spec import ClassSpec, ServiceSpec
from botcannon_core.ledger import stream
from botcannon_core.ledger.keys import Keys
from botcannon_core.ledger.line import Line
from botcannon_core.ledger.store import Store

KEYS = Keys("T", "work")


@pytest.fixture
def line(store: Store) -> Iterator[Line]:
    line = Line(store, KEYS.data)
    yield line
    line.close()


@pytest.fixture
def stock(store: Store, line: Line) -> Iterator[Stock]:
    door, work = ClassSpec("collector", "bot", "Door"), ClassSpec("task", "bot", "Work")
    stock = Stock(
        store, line, KEYS, ServiceSpec("work", door, tasks=(work,)), lambda job, why: None
    )
    yield stock
    stock.reader.line.close()


def until(condition: Callable[[], object], *hear: Callable[[], object]) -> None:
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        for one in hear:
            one()


def taken(stock: Stock, line: Line, room: int = 10) -> Job:
    """The next message that may run."""
    found: list[Job] = []

    def look() -> None:
        stock.ask(room)
        line.hear(0.001)
        stock.hear()
        stock.ripen()
        job = stock.next()
        if job is not None:
            found.append(job)

    until(lambda: found, look)
    return found[0]


def drain_on(stock: Stock) -> None:
    if not stock.reader.is_asked:
        stock.reader.ask(10)


def test_a_message_that_is_settled_while_its_pool_drains_is_not_run_again(
    stock: Stock, line: Line, store: Store
) -> None:
    store.client().xadd(KEYS.data, {"text": "once"})
    [job] = stock.begin([taken(stock, line)])
    reader = stock.reader
    reader.reopen()  # as after a cut
    until(lambda: not reader.line.unanswered, lambda: reader.line.hear(0.01))
    reader.ask(10)
    select.select([reader.line], [], [], 5)  # the store has said what is pending, and nobody heard
    stock.settle(job, Ended("done"))
    stock.say()
    until(lambda: stock.is_empty, lambda: line.hear(0.01))
    until(lambda: not reader.is_draining, stock.hear, lambda: drain_on(stock))
    line.ask("PING")
    assert stock.next() is None
    assert stock.is_empty


def test_what_ended_while_the_store_was_out_of_reach_is_not_run_again(
    stock: Stock, line: Line, store: Store
) -> None:
    """Not even if it was let go then, as its lease was ending."""
    store.client().xadd(KEYS.data, {"text": "once"})
    [job] = stock.begin([taken(stock, line)])
    line.close()
    stock.settle(job, Ended("done"))
    stock.drop_all()
    stock.reopen(reads=True)
    reader = stock.reader
    reader.ask(10)  # said in the same turn in which the ending is
    stock.say()
    until(lambda: not reader.line.unanswered, stock.hear, lambda: line.hear(0.01))
    until(lambda: not reader.is_draining, stock.hear, lambda: drain_on(stock))
    line.ask("PING")
    assert stock.next() is None
    assert store.client().hget(KEYS.key("counts"), "done") == "1"


def test_who_is_cut_off_from_the_answer_to_an_ending_is_not_told_that_it_lost_the_message(
    stock: Stock, line: Line, store: Store
) -> None:
    lost = losses(stock)
    store.client().xadd(KEYS.data, {"text": "once"})
    [job] = stock.begin([taken(stock, line)])
    stock.settle(job, Ended("done"))
    stock.say()
    line.flush()
    until(lambda: store.client().xlen(KEYS.taskback))
    line.close()  # before the answer was heard
    stock.reopen(reads=True)
    until(lambda: stock.is_empty, lambda: line.hear(0.01))
    assert not lost
    assert store.client().xlen(KEYS.taskback) == 1


def test_an_ending_of_what_another_pool_has_taken_over_is_told(
    stock: Stock, line: Line, store: Store
) -> None:
    lost = losses(stock)
    store.client().xadd(KEYS.data, {"text": "once"})
    [job] = stock.begin([taken(stock, line)])
    store.client().xclaim(KEYS.data, stream.POOL, "other", 0, [job.entry])
    stock.settle(job, Ended("done"))
    stock.say()
    until(lambda: stock.is_empty, lambda: line.hear(0.01))
    assert lost == ["it was taken over by another pool meanwhile"]
    assert store.client().xlen(KEYS.taskback) == 0


def losses(stock: Stock) -> list[str]:
    """Why messages are ours no longer, as the pool is told."""
    told: list[str] = []
    stock._lost = lambda _job, why: told.append(why)
    return told


def test_after_an_outage_others_may_renew_their_leases_first(
    stock: Stock, line: Line, store: Store
) -> None:
    """It may have been longer than a lease, and whoever is back first would take what others do."""
    entry = str(store.client().xadd(KEYS.data, {"text": "another's"}))
    client = store.client()
    other = "elsewhere:1:1"
    stock.reader.line.ask("PING")  # the group is made
    client.xreadgroup(stream.POOL, other, {KEYS.data: ">"})
    client.xclaim(KEYS.data, stream.POOL, other, 0, [entry], idle=3_600_000, justid=True)
    line.close()
    stock.reopen(reads=True)
    stock.ask(10)
    line.ask("PING")
    assert stock.is_empty
    assert taken(stock, line).entry == entry  # in a moment


def test_a_message_that_comes_two_ways_at_once_is_taken_once(
    stock: Stock, line: Line, store: Store
) -> None:
    entry = str(store.client().xadd(KEYS.data, {"text": "once"}))
    line.ask("XGROUP", "CREATE", KEYS.data, stream.POOL, "0")
    store.client().xreadgroup(stream.POOL, life.own_life(), {KEYS.data: ">"})
    once = [stream.Entry(entry, {"text": "once"})]
    stock._take_over(once)
    stock._take_over(once)
    line.ask("PING")
    assert stock.next() is not None
    assert stock.next() is None


def test_what_did_not_begin_after_all_is_handed_back_with_the_tries_it_has_had(
    stock: Stock, line: Line, store: Store
) -> None:
    """A pool that ends has nothing to wait for, and nobody has had a try."""
    store.client().xadd(KEYS.data, {"text": "not yet"})
    [job] = stock.begin([taken(stock, line)])
    stock.say()
    stock.stop_taking()
    stock.back([job])
    assert stock.is_empty
    assert stock.next() is None
    stock.say()
    stock.leave()
    assert store.client().hget(KEYS.key("tries"), job.entry) == "0"
    [pending] = store.client().xpending_range(KEYS.data, stream.POOL, "-", "+", 9)
    assert pending["consumer"] == stream.NOBODY


def test_what_is_put_back_is_the_next_again(stock: Stock, line: Line, store: Store) -> None:
    for n in range(4):
        store.client().xadd(KEYS.data, {"n": str(n)})
    jobs = [taken(stock, line)]
    until(lambda: stock.waiting == 3, stock.hear, lambda: stock.ask(10), lambda: line.hear(0.001))
    jobs += [job for _ in range(2) if (job := stock.next())]
    stock.put_back(jobs[1:])
    after = [job for _ in range(3) if (job := stock.next())]
    assert [job.fields["n"] for job in [jobs[0], *after]] == list("0123")
