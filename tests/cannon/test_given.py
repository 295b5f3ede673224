"""What one worker may be given at once, as its pool sees it."""

import math

import pytest

from botcannon_core.cannon.given import AHEAD_SECONDS, AHEAD_SIZE, Depth, Given
from botcannon_core.cannon.job import Job


def jobs(*tries: int, size: int = 1) -> list[Job]:
    return [Job(f"{n}-0", f"{n}-0", {"text": "x" * size}, "", t) for n, t in enumerate(tries)]


def holding(*given: Job) -> Given:
    made = Given()
    made.add(given)
    return made


def test_small_ones_go_together() -> None:
    assert holding().fitting(jobs(0, 0, 0)) == 3
    assert holding(*jobs(1)).fitting(jobs(0, 0, 0)) == 3


@pytest.mark.parametrize(("tries", "count"), [((1, 0), 1), ((0, 0, 1, 0), 2), ((2, 1), 1)])
def test_what_was_tried_before_runs_alone(tries: tuple[int, ...], count: int) -> None:
    assert holding().fitting(jobs(*tries)) == count


def test_what_was_tried_before_is_not_put_behind_another_nor_another_behind_it() -> None:
    assert holding(*jobs(1)).fitting(jobs(1)) == 0
    assert not holding(*jobs(1)).is_alone
    assert holding(*jobs(2)).is_alone


def test_one_of_any_size_is_given_to_a_worker_that_waits() -> None:
    assert holding().fitting(jobs(0, 0, size=AHEAD_SIZE * 2)) == 1


def test_no_more_is_sent_to_a_worker_that_runs_something_than_fits_into_its_channel() -> None:
    large = jobs(0, 0, 0, size=AHEAD_SIZE // 2)
    assert holding(*jobs(1, size=AHEAD_SIZE // 2)).fitting(large) == 1
    assert holding(*jobs(1, size=AHEAD_SIZE * 2)).fitting(large) == 0


def test_who_forgets_has_nothing_and_begins_an_era() -> None:
    given = holding(*jobs(1, 1))
    assert len(given.forgotten()) == 2
    assert (len(given), given.era, given.running) == (0, 1, [])


def test_a_worker_is_given_as_many_as_are_done_in_a_moment() -> None:
    depth = Depth(is_open=True)
    assert depth.jobs == 1
    for _ in range(300):
        depth.learn(int(AHEAD_SECONDS * 1_000_000 / 100))
    assert 90 <= depth.jobs <= 101


def depth_after(*took: int) -> Depth:
    """What is known after hundreds of short jobs and some more."""
    depth = Depth(is_open=True, has_seats=False)
    for microseconds in (*(0,) * 300, *(50,) * 300, *took):
        depth.learn(microseconds)
    return depth


def test_one_that_takes_much_longer_than_the_others_changes_little() -> None:
    usual, odd = depth_after(), depth_after(1_000_000)
    assert usual.is_short
    assert odd.is_short
    assert odd.jobs > usual.jobs / 2


def test_a_worker_is_given_one_at_a_time_soon_after_jobs_have_become_long() -> None:
    depth = depth_after(*(20_000,) * 15)
    assert not depth.is_short
    assert depth.jobs < 5
    assert depth_after(*(20_000,) * 100).jobs == 1


def test_a_tenth_of_long_ones_is_not_odd() -> None:
    mixed = ([50] * 9 + [10_000]) * 50
    assert not depth_after(*mixed).is_short


def test_a_new_crew_is_careful() -> None:
    depth = Depth(is_open=True)
    assert (depth.jobs, depth.is_short) == (1, False)


@pytest.mark.parametrize("took", ["soon", None, math.inf, math.nan, 0.5, -1, 10**400])
def test_what_is_no_time_teaches_nothing(took: object) -> None:
    depth = Depth(is_open=True)
    depth.learn(0)
    before = depth.jobs
    depth.learn(took)
    assert depth.jobs == before


def test_a_crew_that_gives_nothing_ahead_gives_one() -> None:
    depth = Depth(is_open=False)
    depth.learn(0)
    assert depth.jobs == 1


def test_the_last_try_of_one_whose_worker_died_is_alone_among_many() -> None:
    fresh, lone = jobs(0), [job.on_its_own() for job in jobs(2)]
    assert Given(9).fitting(fresh + lone + fresh) == 1
    assert Given(9).fitting(lone + fresh) == 1
    for first, then in ((fresh, lone), (lone, fresh)):
        given = Given(9)
        given.add(first)
        assert given.fitting(then) == 0
