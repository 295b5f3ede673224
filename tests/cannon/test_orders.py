"""Orders given ahead: what both ends agree on without a word, above all that nothing is run twice."""

import os
import time
from collections.abc import Callable, Iterator

import pytest

from botcannon_core.cannon import frames, given, orders
from botcannon_core.cannon.frames import Channel
from botcannon_core.cannon.given import Given
from botcannon_core.cannon.job import Job
from botcannon_core.cannon.orders import Inbox


class Clock:
    """A clock that both ends share, as on one host."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(orders, "time", clock)
    monkeypatch.setattr(given, "time", clock)
    return clock


@pytest.fixture
def ends() -> Iterator[tuple[Channel, Inbox]]:
    mine, theirs = frames.pair()
    pool, worker = Channel(mine), Channel(theirs)
    yield pool, Inbox(worker)
    pool.close()
    worker.close()


def job(entry: str) -> Job:
    return Job(entry, entry, {"n": entry}, "me")


def give(pool: Channel, have: Given, *entries: str) -> None:
    stamp = have.add([job(entry) for entry in entries])
    pool.send("orders", (have.era, stamp, [(entry, {"n": entry}) for entry in entries]))


def hear(pool: Channel, have: Given) -> tuple[list[str], list[str]]:
    """What the pool hears: which messages ended, and which were forgotten."""
    ended, forgotten = [], []
    for kind, body in pool.rest():
        if kind == "ended":
            ended.append(have.ended().entry)
        if kind == "forgot" or body.get("forgot"):
            forgotten += [one.entry for one in have.forgotten()]
    return ended, forgotten


def test_orders_are_taken_in_the_order_in_which_they_were_given(
    ends: tuple[Channel, Inbox], clock: Clock
) -> None:
    (pool, inbox), have = ends, Given()
    give(pool, have, "1-0", "2-0")
    give(pool, have, "3-0")
    assert [inbox.next()[1:] for _ in range(3)] == [(n, {"n": n}) for n in ("1-0", "2-0", "3-0")]
    assert inbox.is_empty


def test_an_answer_is_heard_among_orders(ends: tuple[Channel, Inbox], clock: Clock) -> None:
    (pool, inbox), have = ends, Given()
    give(pool, have, "1-0")
    pool.send("answer", [have.era + 1, "to somebody else"])
    pool.send("answer", [have.era, "yes"])
    give(pool, have, "2-0")
    assert inbox.ask("memory", ["get"]) == "yes"
    assert pool.receive_one() == ("ask", ["memory", ["get"]])
    assert [inbox.next()[1], inbox.next()[1]] == ["1-0", "2-0"]


def test_after_a_quick_one_a_worker_goes_on(ends: tuple[Channel, Inbox], clock: Clock) -> None:
    (pool, inbox), have = ends, Given()
    give(pool, have, "1-0", "2-0")
    inbox.next()
    clock.now += orders.SLOW_SECONDS * 0.9
    inbox.end({"how": "done"})
    assert pool.receive_one()[1].keys() == {"how", "took"}
    assert inbox.next()[1] == "2-0"


def test_after_a_slow_one_a_worker_forgets_what_is_here_and_what_is_on_its_way(
    ends: tuple[Channel, Inbox], clock: Clock
) -> None:
    (pool, inbox), have = ends, Given()
    give(pool, have, "1-0", "2-0")
    inbox.next()
    give(pool, have, "3-0")
    clock.now += orders.SLOW_SECONDS * 1.1
    inbox.end({"how": "done"})
    give(pool, have, "4-0")  # the pool has not heard of the end yet
    assert hear(pool, have) == (["1-0"], ["2-0", "3-0", "4-0"])
    give(pool, have, "5-0")
    assert inbox.next()[1] == "5-0"


def test_what_a_pool_takes_back_its_worker_forgets_however_late_it_was_woken(
    ends: tuple[Channel, Inbox], clock: Clock
) -> None:
    """The worker counts from the order's stamp, and not from when it was awake to read it."""
    (pool, inbox), have = ends, Given()
    give(pool, have, "1-0", "2-0")
    clock.now += orders.SLOW_SECONDS * 1.1
    assert have.is_slow(clock.now)
    assert [one.entry for one in have.waiting()] == ["2-0"]
    inbox.next()  # only now
    inbox.end({"how": "done"})
    assert hear(pool, have) == (["1-0"], [])
    give(pool, have, "3-0")
    assert inbox.next()[1] == "3-0"


class SlowChannel(Channel):
    """Its first word of an end takes `seconds` until it is out: an answer that is large, or a freeze."""

    def __init__(self, descriptor: int, clock: Clock, seconds: float) -> None:
        super().__init__(descriptor)
        self._clock, self._seconds = clock, seconds
        self.meanwhile: Callable[[], object] = lambda: None

    def send(self, kind: str, body: object = None) -> None:
        if kind == "ended":
            self._clock.now, self._seconds = self._clock.now + self._seconds, 0.0
            self.meanwhile()
        super().send(kind, body)


def test_what_a_pool_takes_back_while_the_word_of_an_end_is_on_its_way_is_forgotten(
    clock: Clock,
) -> None:
    mine, theirs = frames.pair()
    pool, have = Channel(mine), Given()
    channel = SlowChannel(theirs, clock, orders.SLOW_SECONDS * 1.1)
    inbox = Inbox(channel)
    give(pool, have, "1-0", "2-0", "3-0")
    inbox.next()
    taken_back: list[str] = []

    def take_back() -> None:
        assert have.is_slow(clock.now)
        assert not pool.rest()
        taken_back.extend(one.entry for one in have.waiting())

    channel.meanwhile = take_back
    inbox.end({"how": "done"})
    channel.meanwhile = lambda: None
    assert taken_back == ["2-0", "3-0"]
    give(pool, have, "4-0")  # the pool has not heard anything yet
    assert hear(pool, have) == (["1-0"], ["4-0"])
    give(pool, have, "2-0")
    assert inbox.next()[1] == "2-0"
    inbox.end({"how": "done"})
    assert hear(pool, have) == (["2-0"], [])
    assert inbox.is_empty
    pool.close()
    channel.close()


def test_a_worker_tells_how_long_a_message_took_and_not_how_long_that_was_on_its_way(
    ends: tuple[Channel, Inbox], clock: Clock
) -> None:
    (pool, inbox), have = ends, Given()
    give(pool, have, "1-0")
    clock.now += 0.25
    inbox.next()
    clock.now += 0.125
    inbox.end({"how": "done"})
    assert pool.receive_one()[1]["took"] == 125_000


def test_who_leaves_says_so_and_how_long_its_message_took(
    ends: tuple[Channel, Inbox], clock: Clock
) -> None:
    (pool, inbox), have = ends, Given()
    give(pool, have, "1-0")
    inbox.next()
    clock.now += 0.25
    inbox.leave({"how": "done"})
    assert pool.receive_one() == ("ended", {"how": "done", "took": 250_000, "leaves": True})


def test_a_worker_that_is_not_needed_hears_the_end(ends: tuple[Channel, Inbox]) -> None:
    pool, inbox = ends
    pool.close()
    with pytest.raises(EOFError):
        inbox.next()


def test_a_slow_machine_does_not_make_a_worker_slow() -> None:
    """With the real clock: the count begins anew with each message."""
    mine, theirs = frames.pair()
    pool, inbox, have = Channel(mine), Inbox(Channel(theirs)), Given()
    give(pool, have, *(f"{n}-0" for n in range(1, 4)))
    for _ in range(3):
        inbox.next()
        began = time.monotonic()
        while time.monotonic() - began < orders.SLOW_SECONDS / 4:
            os.sched_yield()
        inbox.end({"how": "done"})
    assert inbox.is_empty
    pool.close()
    inbox.channel.close()
