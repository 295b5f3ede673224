"""The end of an intake: how often it asks the store whether all is settled, by a clock of ours."""

import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from botcannon_core.cannon import frames
from botcannon_core.cannon.frames import Channel
from botcannon_core.cannon.intake import intake as intakes
from botcannon_core.cannon.intake.intake import LONGEST_LOOK_SECONDS, Intake
from botcannon_core.cannon.process import forget_signals
from botcannon_core.compose.spec import ClassSpec, ServiceSpec
from botcannon_core.ledger import stream
from botcannon_core.ledger.keys import Keys
from botcannon_core.ledger.store import Store

KEYS = Keys("T", "work")


class Clock:
    """As much of `time` as an intake's end asks for."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(intakes, "time", clock)
    return clock


@pytest.fixture
def intake(store: Store) -> Iterator[Intake]:
    """An intake whose collector has halted, with one message on its way."""
    ours, theirs = frames.pair()
    door, work = ClassSpec("collector", "bot", "Door"), ClassSpec("task", "bot", "Work")
    before = signal.getsignal(signal.SIGTERM)
    made = Intake(ServiceSpec("work", door, tasks=(work,)), object(), store, Channel(ours), True)
    made.desk.put({"text": "hello"})
    made.desk.say()
    while not made.desk.stored:
        made.line.hear(0.01)
    made.desk.stored.clear()
    made.halt()
    yield made
    made.returns.reader.line.close()
    made.line.close()
    forget_signals()
    signal.signal(signal.SIGTERM, before)
    os.close(theirs)


def looks(store: Store) -> int:
    """How often the store was asked about the groups of a stream."""
    counted: dict[str, Any] = store.client().info("commandstats")
    return int(counted.get("cmdstat_xinfo|groups", {"calls": 0})["calls"])


def settle(intake: Intake, store: Store) -> None:
    """What a pool and its workers do."""
    client = store.client()
    [(_, entries)] = client.xreadgroup(stream.POOL, "pool", {KEYS.data: ">"})
    [(entry, fields)] = entries
    client.xack(KEYS.data, stream.POOL, entry)
    asked_by = fields["_from"]
    client.xadd(KEYS.taskback, {"_id": entry, "_from": asked_by, "_outcome": "done", "_empty": "1"})


def test_an_intake_that_waits_for_its_messages_seldom_asks_for_them(
    intake: Intake, store: Store, clock: Clock
) -> None:
    before = looks(store)
    for _ in range(10_000):
        clock.now += 0.001
        assert not intake.is_over()
    assert 10 <= looks(store) - before <= 10 / LONGEST_LOOK_SECONDS + 3


def test_an_intake_looks_at_once_when_the_last_of_its_messages_has_ended(
    intake: Intake, store: Store, clock: Clock
) -> None:
    for _ in range(1000):
        clock.now += 0.001
        assert not intake.is_over()
    settle(intake, store)
    intake.returns.ask()
    while intake.desk.under_way:
        intake.returns.hear()
        intake.returns.reader.line.hear(0.01)
    intake.returns.say()
    while not intake.returns.are_home():
        intake.line.hear(0.01)
    assert intake.is_over()
