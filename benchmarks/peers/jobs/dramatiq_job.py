"""The no-op job of dramatiq on its Redis broker, with results only when they are wanted."""

from __future__ import annotations

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from dramatiq.results import Results
from dramatiq.results.backends.redis import RedisBackend
from play import RESULTS, STORE, play

broker = RedisBroker(url=STORE)
if RESULTS:
    broker.add_middleware(Results(backend=RedisBackend(url=STORE)))
dramatiq.set_broker(broker)


@dramatiq.actor(**({"store_results": True} if RESULTS else {}))
def noop() -> bool | None:
    """Do nothing."""
    return True if RESULTS else None


def fill(count: int) -> None:
    """Put `count` jobs."""
    for _ in range(count):
        noop.send()


def ask() -> object:
    """Put one job, and wait for its result."""
    return noop.send().get_result(block=True, timeout=10_000)


def main() -> None:
    """Do what the command line asks."""
    play(fill, ask)
