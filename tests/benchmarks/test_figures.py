"""The arithmetic of the benchmarks."""

import pytest

from benchmarks.figures import LATENCIES, latencies, moment, quantile, rate, spread, steady_rate
from benchmarks.steady import Broken, watch


def test_the_median_lies_between_two_values_if_it_must() -> None:
    assert quantile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert quantile([4.0, 1.0, 2.0, 3.0], 0.5) == 2.5


def test_the_ends_are_the_lowest_and_the_highest() -> None:
    assert (quantile([2.0, 9.0, 5.0], 0.0), quantile([2.0, 9.0, 5.0], 1.0)) == (2.0, 9.0)


def test_the_99th_of_100_is_near_the_highest() -> None:
    assert quantile([float(n) for n in range(101)], 0.99) == 99.0


def test_a_series_of_seconds_is_told_in_milliseconds() -> None:
    told = dict(zip(LATENCIES, latencies([[0.001, 0.001], [0.002, 0.004]]), strict=True))
    assert told["p50"] == told["p99"] == 1.0
    assert told["p50_rested"] == pytest.approx(3.0)
    assert 3.9 < told["p99_rested"] < 4.0


def test_one_value_is_every_quantile() -> None:
    assert quantile([7.0], 0.99) == 7.0


def test_no_values_have_no_quantile() -> None:
    with pytest.raises(ValueError, match="no values"):
        quantile([], 0.5)


def test_a_spread_knows_how_many_there_were() -> None:
    found = spread([3.0, 1.0, 8.0])
    assert (found.median, found.low, found.high, found.count) == (3.0, 1.0, 8.0, 3)


def test_the_start_and_the_end_do_not_count_in_a_steady_rate() -> None:
    # slow to 10 %, then 100 a second, then slow again
    samples = [(0.0, 0), (10.0, 100), (18.5, 950), (60.0, 1000)]
    assert steady_rate(samples, 1000) == pytest.approx(100.0)


def test_a_moment_between_two_looks_is_on_the_line_between_them() -> None:
    assert moment([(1.0, 0), (2.0, 0), (4.0, 200)], 50) == 2.5


def test_a_moment_that_no_look_saw_is_an_error() -> None:
    with pytest.raises(ValueError, match="no look saw 300"):
        moment([(0.0, 0), (1.0, 200)], 300)


def test_a_rate_within_one_look_is_still_a_rate() -> None:
    assert rate([(0.0, 0), (1.0, 1000)], 100, 900) == pytest.approx(1000.0)


def test_looking_ends_when_enough_is_done() -> None:
    counts = iter([0, 4, 9, 12])
    assert [done for _, done in watch(lambda: next(counts), 10, 5.0)] == [0, 4, 9, 12]


def test_looking_ends_when_nothing_lives_any_more() -> None:
    with pytest.raises(Broken, match="3 of 10 done when it ended"):
        watch(lambda: 3, 10, 5.0, lives=lambda: False)


def test_what_was_done_by_one_that_has_just_ended_counts() -> None:
    assert watch(lambda: 10, 10, 5.0, lives=lambda: False)[-1][1] == 10


def test_looking_ends_when_it_takes_too_long() -> None:
    with pytest.raises(Broken, match="after 0 s"):
        watch(lambda: 3, 10, 0.0)
