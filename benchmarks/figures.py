"""From samples to figures: medians, quantiles, spreads, the rate of a steady state. Pure arithmetic."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

Sample = tuple[float, int]  # when (seconds), and how many were done by then

STEADY_FROM, STEADY_TO = 0.10, 0.95  # of all jobs: before and after, things start and end
LATENCIES = (
    "p50",
    "p99",
    "p50_rested",
    "p99_rested",
)  # one job at a time; and with a rest before each


@dataclass(frozen=True)
class Spread:
    """The median of some values, between the lowest and the highest."""

    median: float
    low: float
    high: float
    count: int


def spread(values: Sequence[float]) -> Spread:
    """The spread of at least one value."""
    return Spread(quantile(values, 0.5), min(values), max(values), len(values))


def latencies(seconds: Iterable[Sequence[float]]) -> tuple[float, ...]:
    """Milliseconds, the median and the 99th of 100, of each series: LATENCIES, in their order."""
    return tuple(quantile(one, share) * 1000 for one in seconds for share in (0.5, 0.99))


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which `share` (0 to 1) of the values lie, between two of them if need be."""
    if not values:
        raise ValueError("no values, no quantile")
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def steady_rate(samples: Sequence[Sample], total: int) -> float:
    """Jobs a second between 10 % and 95 % done; see `rate`."""
    return rate(samples, total * STEADY_FROM, total * STEADY_TO)


def rate(samples: Sequence[Sample], begin: float, end: float) -> float:
    """Jobs a second from when `begin` were done until `end` were; the samples are in order of time.

    Raises ValueError if the samples do not reach so far, or are too few to tell.
    """
    seconds = moment(samples, end) - moment(samples, begin)
    if seconds <= 0:
        raise ValueError("it was over between two looks: take more jobs")
    return (end - begin) / seconds


def moment(samples: Sequence[Sample], done: float) -> float:
    """When `done` were done, on the straight line between the looks before and after."""
    for (earlier, before), (later, after) in pairwise(samples):
        if before <= done <= after and after > before:
            return earlier + (later - earlier) * (done - before) / (after - before)
    raise ValueError(f"no look saw {done:g} done")
