"""A schedule of equal intervals, counted from a start.

Only numbers, on any clock; what is late and what is left out is decided here, waiting is not.
"""

from __future__ import annotations

from typing import Final

from botcannon_core.units import TIMES, seconds


class Interval:
    """Due every `every` (seconds, or a text such as `5m`) after `start`, in seconds.

    Raises ValueError if that is no interval.
    """

    zone: Final = None  # it knows nothing of the time of day

    def __init__(self, every: float | str, start: float) -> None:
        self._every = _interval(every)
        self._start = start

    def due(self, last: float, now: float) -> float:
        """The latest time that came after `last` and is not over `now`; else the first to come."""
        number = round((last - self._start) / self._every) + 1
        return self._start + max(number, int((now - self._start) / self._every)) * self._every


def _interval(every: object) -> float:
    try:
        if found := seconds(every):
            return found
    except ValueError:
        pass
    raise ValueError(f"a timer's `every` is {TIMES}, and above 0, not {every!r}")
