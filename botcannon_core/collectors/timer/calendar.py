"""A schedule of times of day and of dates: a crontab's line, read in a time zone.

As Debian's cron does it: when clocks go forward, what stood in the hour that is left out comes right
after it; when they go back, a fixed time comes once and `*` in both hours. Brings cronsim, an optional
extra. It knows when, and waits for nothing.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

SET_BACK_SECONDS = 3 * 3600.0  # a clock that is back by more was set; less may be a correction


class Calendar:
    """Due whenever `cron` says in the zone `tz`; raises ValueError if either makes no sense."""

    def __init__(self, cron: str, tz: str | None = None) -> None:
        self.zone = _local() if tz is None else _zone(tz)
        if not isinstance(cron, str):
            raise ValueError(f"a timer's `cron` is a text such as '*/5 * * * *', not {cron!r}")
        self._cron = cron
        try:
            next(CronSim(cron, datetime.now(self.zone)))
        except CronSimError as error:
            raise ValueError(
                f"a timer's `cron` has five fields (minute, hour, day, month, weekday), or six with"
                f" seconds before them; {cron!r}: {str(error).lower()}"
            ) from error
        except StopIteration:
            raise ValueError(f"a timer's `cron` never comes: {cron!r}") from None

    def due(self, last: float, now: float) -> float:
        """The latest time that came after `last` and is not over `now`; else the first to come."""
        if now < last - SET_BACK_SECONDS:
            last = now
        latest = self._latest(now)
        return latest if latest > last else self._first_after(last)

    def _latest(self, now: float) -> float:
        # a fraction of a second makes it look at the second we are in, too
        moment = datetime.fromtimestamp(now, self.zone).replace(microsecond=1)
        time = next(CronSim(self._cron, moment, reverse=True), None)
        return 0.0 if time is None else time.timestamp()

    def _first_after(self, last: float) -> float:
        # what stands in the hour that comes twice is found in its first, which may be over
        times = CronSim(self._cron, datetime.fromtimestamp(last, self.zone))
        return next((at for time in times if (at := time.timestamp()) > last), float("inf"))


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, TypeError, OSError) as error:
        raise ValueError(
            f"no time zone {name!r} here: it is written like Europe/Berlin; where a machine has no"
            " zones at all, pip install tzdata"
        ) from error


def _local() -> tzinfo:
    """This machine's zone, with its changes of the clock."""
    if name := os.environ.get("TZ", "").removeprefix(":"):
        return _zone(name)
    file = Path("/etc/localtime")
    if not file.is_file():
        return UTC
    with file.open("rb") as data:
        return ZoneInfo.from_file(data)
