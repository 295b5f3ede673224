"""The no-op job of huey: a result is stored only when there is one, and waited for without polling."""

from __future__ import annotations

from huey import RedisHuey
from play import RESULTS, STORE, play

huey = RedisHuey("bench", url=STORE, notify_result=True)


@huey.task()
def noop() -> bool | None:
    """Do nothing."""
    return True if RESULTS else None


def fill(count: int) -> None:
    """Put `count` jobs."""
    for _ in range(count):
        noop()


def ask() -> object:
    """Put one job, and wait for its result."""
    return noop().get(blocking=True, timeout=10)


def main() -> None:
    """Do what the command line asks."""
    play(fill, ask)
