"""A seat in a process of its own, with a pool that counts; more of it is in test_crew."""

import fcntl
import os
import time
from collections.abc import Callable
from typing import NoReturn

import pytest

from botcannon_core.cannon import frames, gate, seat
from botcannon_core.cannon.frames import Channel
from botcannon_core.cannon.gate import NONE, Gate
from botcannon_core.cannon.seat import LastWords, Turn

RUSH = 5


def sat(
    rounds: int,
    at_once: int,
    rest: Callable[[], object],
    way: int = NONE,
    by_gate: bool = True,
    rush: int = RUSH,
) -> tuple[list[str], int]:
    """What a seat says while messages come `at_once`, and after each round a rest; how it ends."""
    ours, theirs = frames.pair()
    pid = os.fork()
    if pid == 0:
        os.close(ours)
        os.setpgid(0, 0)
        try:
            os._exit(_keep(Channel(theirs), Gate(way), rush))
        finally:
            os._exit(1)  # never a second run of the tests
    os.close(theirs)
    pool, heard = Channel(ours), list[str]()
    for number in range(1, rounds + 1):
        pool.send_packed(frames.packed("orders", (0, 0.0, [("1-1", {})], by_gate)) * at_once)
        while "forgot" not in heard and heard.count("ended") < number * at_once:
            heard += [kind for kind, _ in pool.receive()]
        if "forgot" in heard:
            break
        rest()
    pool.close()
    return heard, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _keep(pool: Channel, way: Gate, rush: int) -> int:
    def live(turn: Turn) -> NoReturn:
        turn.begin()
        try:
            if turn.order is None:
                turn.awaited(pool)
        except EOFError:
            os._exit(0)
        pool.send("ended", turn.number)
        os._exit(seat.LEFT)

    return seat.keep(live, pool, os.getppid(), LastWords(), way, rush)


def test_after_a_rush_it_gives_way_and_begins_none_of_what_waits() -> None:
    heard, code = sat(1, 4 * RUSH, lambda: None)
    assert (heard[-1], code) == ("forgot", seat.RUSHED)
    assert RUSH <= heard.count("ended") <= RUSH + 1  # the first may have waited for its order


def test_messages_with_rests_between_are_no_rush_however_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(seat, "REST_SECONDS", 0.01)
    heard, code = sat(4 * RUSH, 2, lambda: time.sleep(0.02))
    assert (heard.count("ended"), code) == (8 * RUSH, 0)


@pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="there is no gate")
@pytest.mark.parametrize(
    ("messages", "by_gate", "waits"),
    [(2 * seat.BURST, True, True), (seat.BURST, True, False), (2 * seat.BURST, False, False)],
)
def test_where_many_short_messages_wait_it_goes_through_the_gate(
    messages: int, by_gate: bool, waits: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """We have the only place, and keep it: who wants to come in waits in vain, once."""
    patience = 1.0 if waits else 1000.0
    monkeypatch.setattr(gate, "PATIENCE_SECONDS", patience)
    way = gate.made(1)
    fcntl.lockf(way, fcntl.LOCK_EX, 1, 0)
    began = time.monotonic()
    try:
        heard, code = sat(1, messages, lambda: None, os.dup(way), by_gate, rush=0)
    finally:
        os.close(way)
    assert (heard.count("ended"), code) == (messages, 0)
    assert not waits or time.monotonic() - began > patience


@pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="there is no gate")
def test_where_they_come_one_by_one_it_needs_no_gate_however_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gate, "PATIENCE_SECONDS", 1000.0)
    monkeypatch.setattr(seat, "PAUSE_SECONDS", 0.01)
    way = gate.made(1)
    fcntl.lockf(way, fcntl.LOCK_EX, 1, 0)
    try:
        heard, code = sat(3 * seat.BURST, 2, lambda: time.sleep(0.02), os.dup(way), rush=0)
    finally:
        os.close(way)
    assert (heard.count("ended"), code) == (6 * seat.BURST, 0)
