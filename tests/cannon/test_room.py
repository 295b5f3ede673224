"""Room: who is given jobs, with workers that are nobody behind real channels."""

import os
import time
from collections.abc import Iterator

import pytest

from botcannon_core.cannon import member
from botcannon_core.cannon.given import Depth
from botcannon_core.cannon.job import Job
from botcannon_core.cannon.member import Worker
from botcannon_core.cannon.orders import SLOW_SECONDS
from botcannon_core.cannon.room import Room, Workers

PROCESSORS = 3


@pytest.fixture
def crowd() -> Iterator[list[Worker]]:
    """Ten workers; the other ends of their channels are open."""
    crowd, theirs = [], []
    for slot in range(10):
        worker, ends = member.expected(slot, 1, is_seat=False)
        crowd.append(worker)
        theirs += ends
    yield crowd
    for worker in crowd:
        worker.close()
    for descriptor in theirs:
        os.close(descriptor)


def by_slot(workers: list[Worker]) -> Workers:
    return {worker.slot: worker for worker in workers}


def set_to_work(workers: list[Worker], ago: float = 0.0) -> Workers:
    """Each has one job since so long."""
    for worker in workers:
        worker.given.add([Job(str(worker.slot), str(worker.slot), {}, "")])
        worker.since = time.monotonic() - ago
    return by_slot(workers)


def depth_of(microseconds: int, is_open: bool = True) -> Depth:
    """What a crew knows after many jobs of that length."""
    depth = Depth(is_open)
    for _ in range(500):
        depth.learn(microseconds)
    return depth


def slots(room: list[tuple[Worker, int]]) -> list[int]:
    return [worker.slot for worker, _ in room]


def test_who_worked_last_is_first_and_no_more_than_are_free(crowd: list[Worker]) -> None:
    room = Room(depth_of(1000), 1, PROCESSORS).among(by_slot(crowd), {}, free=4)
    assert slots(room) == [9, 8, 7, 6]


def test_who_has_died_is_left_out(crowd: list[Worker]) -> None:
    crowd[9].channel.close()
    room = Room(depth_of(1000), 1, PROCESSORS).among(by_slot(crowd), {}, free=4)
    assert slots(room) == [8, 7, 6]


def test_short_jobs_get_as_many_workers_as_there_are_processors(crowd: list[Worker]) -> None:
    short = Room(depth_of(10, is_open=False), 1, PROCESSORS)
    assert slots(short.among(by_slot(crowd), {}, free=10)) == [9, 8, 7]
    assert slots(short.among(by_slot(crowd[:8]), set_to_work(crowd[8:]), free=8)) == [7]


def test_workers_of_short_jobs_are_given_more_behind_them_before_another_one_is_woken(
    crowd: list[Worker],
) -> None:
    short = Room(depth_of(10), 1, PROCESSORS)
    room = short.among(by_slot(crowd[:7]), set_to_work(crowd[7:]), free=7)
    assert slots(room) == [7, 8, 9]


def test_a_job_that_is_none_of_the_short_ones_keeps_no_place(crowd: list[Worker]) -> None:
    short = Room(depth_of(10, is_open=False), 1, PROCESSORS)
    busy = set_to_work(crowd[5:], ago=SLOW_SECONDS)
    assert slots(short.among(by_slot(crowd[:5]), busy, free=5)) == [4, 3, 2]


def test_jobs_that_may_wait_for_something_get_all_workers(crowd: list[Worker]) -> None:
    longer = Room(depth_of(150, is_open=False), 1, PROCESSORS)
    assert len(longer.among(by_slot(crowd), {}, free=10)) == 10


def test_one_that_runs_many_at_once_is_given_what_it_has_not(crowd: list[Worker]) -> None:
    busy = set_to_work(crowd[8:])
    crowd[9].is_closing = True
    room = Room(depth_of(1000), 5, PROCESSORS).among(by_slot(crowd[:2]), busy, free=1)
    assert [(worker.slot, most) for worker, most in room] == [(1, 5), (8, 4)]


def test_there_is_no_hurry_until_one_has_half_of_what_it_may_have(crowd: list[Worker]) -> None:
    short = Room(depth_of(100), 1, PROCESSORS)
    most = short.depth.jobs
    first, second = crowd[:2]
    for worker in (first, second):
        worker.given.add([Job(str(n), str(n), {}, "") for n in range(most)])
    both = by_slot([first, second])
    assert short.supply(both, free=0) == 2 * most
    for _ in range(most - most // 2 - 1):
        first.given.ended()
    assert short.supply(both, free=0) == most + most // 2 + 1
    first.given.ended()
    assert not short.supply(both, free=0)
    assert len(first.given), "there is a hurry before it has nothing"


def test_there_is_a_hurry_while_one_more_could_begin(crowd: list[Worker]) -> None:
    longer = Room(depth_of(2000), 1, PROCESSORS)
    busy = set_to_work(crowd[:1])
    busy[0].given.add([Job(str(n), str(n), {}, "") for n in range(longer.depth.jobs)])
    assert longer.supply(busy, free=0)
    assert not longer.supply(busy, free=1)
    assert not longer.supply({}, free=0)
    one_at_a_time = Room(depth_of(100, is_open=False), 1, PROCESSORS)
    assert not one_at_a_time.supply(busy, free=0)
