"""The turns of a plain collector's loop: answers keep pace with messages, and nobody waits for long."""

import os
import signal
import time
from collections.abc import Callable, Iterator

import pytest

from botcannon_core.cannon import frames
from botcannon_core.cannon.frames import Channel
from botcannon_core.cannon.intake.intake import Intake
from botcannon_core.cannon.intake.plain import DELIVER_SECONDS, PlainLoop
from botcannon_core.cannon.intake.returns import AT_ONCE
from botcannon_core.cannon.process import forget_signals
from botcannon_core.compose.spec import ClassSpec, ServiceSpec
from botcannon_core.ledger.keys import Keys
from botcannon_core.ledger.store import Store
from botcannon_core.message import Message
from botcannon_core.roles import Halt

KEYS = Keys("T", "work")


class Door:
    """Reads nothing, takes every answer, and lets the launcher's word come after so many turns."""

    every_outcome = True

    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []
        self.seconds = 0.0
        self.enough: Callable[[], bool] = lambda: False

    def read(self) -> None:
        self.seen.append(("read", ""))
        if self.enough():
            raise Halt

    def taskback(self, message: Message) -> None:
        self.seen.append(("taskback", message["n"]))
        end = time.monotonic() + self.seconds
        while time.monotonic() < end:
            os.sched_yield()

    def turns(self) -> list[int]:
        """How many answers came between two reads."""
        counts = [0]
        for what, _ in self.seen:
            if what == "read":
                counts.append(0)
            else:
                counts[-1] += 1
        return counts

    def answers(self) -> list[str]:
        return [n for what, n in self.seen if what == "taskback"]


@pytest.fixture
def door() -> Door:
    return Door()


@pytest.fixture
def loop(store: Store, door: Door) -> Iterator[PlainLoop]:
    ours, theirs = frames.pair()
    before = signal.getsignal(signal.SIGTERM)
    service = ServiceSpec("work", ClassSpec("collector", "bot", "Door"))
    made = Intake(service, door, store, Channel(ours), True)
    yield PlainLoop(made)
    made.returns.reader.line.close()
    made.line.close()
    forget_signals()
    signal.signal(signal.SIGTERM, before)
    os.close(theirs)


def answered(store: Store, count: int) -> list[str]:
    """So many answers wait for whoever asked."""
    numbers = [str(n) for n in range(count)]
    with store.client().pipeline() as line:
        for n in numbers:
            line.xadd(KEYS.taskback, {"n": n, "_id": f"{n}-0", "_outcome": "done"})
        line.execute()
    return numbers


@pytest.mark.timeout(60)
def test_many_answers_that_are_taken_quickly_are_brought_home_by_the_hundred(
    loop: PlainLoop, door: Door, store: Store
) -> None:
    """A turn puts as many messages, so that else they would pile up in the store."""
    numbers = answered(store, 3000)
    door.enough = lambda: len(door.answers()) == len(numbers)
    loop.run()
    assert door.answers() == numbers
    assert max(door.turns()) > 300


@pytest.mark.timeout(60)
def test_answers_that_take_long_let_the_collector_read_in_between(
    loop: PlainLoop, door: Door, store: Store
) -> None:
    numbers = answered(store, 12)
    door.seconds = DELIVER_SECONDS * 0.6
    door.enough = lambda: len(door.answers()) == len(numbers)
    loop.run()
    assert door.answers() == numbers
    assert max(door.turns()) <= 2


class Flooded(Door):
    """Turns away all that it reads, and ends when it has told each of them why."""

    def __init__(self) -> None:
        super().__init__()
        self.yielded = self.most = 0

    def admit(self, _fields: dict[str, str]) -> str:
        return "too much"

    def read(self) -> Iterator[dict[str, str]]:
        while self.yielded < 4 * AT_ONCE:
            self.yielded += 1
            yield {"n": str(self.yielded)}
        if len(self.answers()) == self.yielded:
            raise Halt

    def taskback(self, message: Message) -> None:
        super().taskback(message)
        self.most = max(self.most, self.yielded - len(self.answers()))


@pytest.mark.timeout(60)
@pytest.mark.parametrize("door", [Flooded()])
def test_who_tells_why_not_more_slowly_than_it_reads_is_asked_for_no_more_meanwhile(
    loop: PlainLoop, door: Flooded
) -> None:
    """These answers are nowhere else, so that they could only pile up here."""
    door.seconds = 0.001
    loop.run()
    assert door.answers() == [str(n) for n in range(1, 4 * AT_ONCE + 1)]
    assert door.most < 2 * AT_ONCE
