"""The gate with seats that do as they are told, each in a process of its own."""

import fcntl
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from botcannon_core.cannon import frames, gate
from botcannon_core.cannon.frames import Channel
from botcannon_core.cannon.gate import Gate

pytestmark = pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="there is no gate")

HARDLY_SECONDS = 0.2  # who would come in has come in by then
PATIENCE = 20.0

Make = Callable[[], "Seat"]


class Seat:
    """A process that comes to the gate for one message after the other, as it is told to."""

    def __init__(self, descriptor: int) -> None:
        ours, theirs = frames.pair()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(ours)
            try:
                _obey(Gate(descriptor), Channel(theirs))
            finally:
                os._exit(0)
        os.close(theirs)
        self.channel = Channel(ours)

    def comes(self, messages: int = 1) -> None:
        self.channel.send("enter", messages)

    def is_by(self, seconds: float = PATIENCE) -> bool:
        """Whether it was let by, or had enough of waiting."""
        deadline = time.monotonic() + seconds
        while not self.channel.has_news():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.002)
        self.channel.receive()
        return True

    def is_let_by(self, messages: int = 1) -> bool:
        self.comes(messages)
        return self.is_by()

    def leaves(self) -> None:
        self.channel.send("leave")
        assert self.is_by()

    def signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def end(self) -> None:
        self.signal(signal.SIGKILL)
        os.waitpid(self.pid, 0)
        self.channel.close()


def _obey(way: Gate, told: Channel) -> None:
    try:
        while True:
            kind, messages = told.receive_one()
            for _ in range(messages or 0):
                way.enter()
            if kind == "leave":
                way.leave()
            if kind == "ignore":
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
            told.send("by", str(_signals()) if kind == "signals" else None)
    except EOFError:
        pass


def _signals() -> list[object]:
    """What those do that a wait uses, and whether an alarm is set."""
    handlers = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGALRM)]
    return [*handlers, signal.getitimer(signal.ITIMER_REAL)]


@contextmanager
def seats(places: int) -> Iterator[tuple[Make, Callable[[], int]]]:
    """Makes seats before a gate of so many places; and counts how many of these are taken."""
    descriptor = gate.made(places)
    made: list[Seat] = []

    def make() -> Seat:
        made.append(Seat(os.dup(descriptor)))
        return made[-1]

    def taken() -> int:
        """Ours is a process, too: what it can lock was free."""
        count = 0
        for place in range(places):
            try:
                fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
                fcntl.lockf(descriptor, fcntl.LOCK_UN, 1, place)
            except OSError:
                count += 1
        return count

    try:
        yield make, taken
    finally:
        for one in made:
            one.end()
        gate.give_up(descriptor)


@pytest.fixture(autouse=True)
def slowly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody's turn ends, and nobody's patience, unless a test wants it."""
    monkeypatch.setattr(gate, "TURN_SECONDS", 1000.0)
    monkeypatch.setattr(gate, "PATIENCE_SECONDS", 1000.0)


def test_as_many_are_in_as_there_are_places_and_who_leaves_lets_the_next_in() -> None:
    with seats(2) as (make, taken):
        first, second, third = make(), make(), make()
        assert first.is_let_by()
        assert second.is_let_by()
        assert taken() == 2
        third.comes()
        assert not third.is_by(HARDLY_SECONDS)
        assert first.is_let_by(100)  # whose turn it still is
        first.leaves()
        second.leaves()  # third waits for one of the two
        assert third.is_by()
        assert taken() == 1


def test_one_that_is_killed_leaves_its_place() -> None:
    with seats(1) as (make, taken):
        first, second = make(), make()
        assert first.is_let_by()
        second.comes()
        first.signal(signal.SIGKILL)
        assert second.is_by()
        assert taken() == 1


def test_after_a_turn_one_message_goes_without_so_that_who_waits_comes_in(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gate, "TURN_SECONDS", 0.0)
    with seats(1) as (make, taken):
        first, second = make(), make()
        assert first.is_let_by()
        second.comes()
        assert not second.is_by(HARDLY_SECONDS)
        assert first.is_let_by()
        assert second.is_by()
        first.comes()
        assert not first.is_by(HARDLY_SECONDS)
        assert taken() == 1


def test_who_waits_for_one_that_is_stopped_goes_past_for_longer_each_time_and_tries_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gate, "PATIENCE_SECONDS", 0.3)
    with seats(1) as (make, taken):
        stopped, other = make(), make()
        assert stopped.is_let_by()
        stopped.signal(signal.SIGSTOP)
        for past in (gate.PAST, 2 * gate.PAST):
            began = time.monotonic()
            assert other.is_let_by()
            assert time.monotonic() - began >= 0.3
            other.comes(past)
            assert other.is_by(5.0), "each of them had to wait"
        stopped.signal(signal.SIGKILL)
        assert other.is_let_by()  # the one behind the many: it tries again
        assert taken() == 1


def test_one_that_waits_can_be_ended_as_there_is_no_worker_for_it() -> None:
    with seats(1) as (make, _):
        first, second = make(), make()
        second.channel.send("ignore")
        assert second.is_by()
        assert first.is_let_by()
        second.comes()
        assert not second.is_by(HARDLY_SECONDS)
        second.signal(signal.SIGTERM)
        found = os.waitid(os.P_PID, second.pid, os.WEXITED | os.WNOWAIT)
        assert found is not None
        assert found.si_status == signal.SIGTERM


def test_behind_a_wait_all_signals_are_as_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is forked then may have its own use for them."""
    monkeypatch.setattr(gate, "PATIENCE_SECONDS", 0.01)
    with seats(1) as (make, _):
        assert make().is_let_by()
        other = make()
        told = []
        for _ in range(2):
            other.channel.send("signals")
            told.append(other.channel.receive_one())
            assert other.is_let_by()
        assert told[0] == told[1]
        assert "0.0, 0.0" in str(told)


def test_where_it_cannot_be_opened_anew_nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise FileNotFoundError("/proc is not there")

    with seats(1) as (make, taken):
        assert make().is_let_by()
        monkeypatch.setattr(os, "open", refuse)
        assert make().is_let_by(3)
        assert taken() == 1


def test_where_the_system_refuses_it_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise PermissionError("memfd_create")

    monkeypatch.setattr(os, "memfd_create", refuse)
    assert gate.made(2) == gate.NONE


def test_without_a_gate_nobody_waits() -> None:
    way = Gate(gate.NONE)
    for _ in range(3):
        way.enter()
    way.leave()
    gate.give_up(gate.NONE)
