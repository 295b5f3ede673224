"""The no-op job of Celery, with the prefetch its manual advises for short jobs; results if wanted."""

from __future__ import annotations

from celery import Celery
from play import RESULTS, STORE, play

app = Celery("celery_job", broker=STORE, backend=STORE if RESULTS else None)
app.conf.update(
    task_ignore_result=not RESULTS,
    worker_prefetch_multiplier=1 if RESULTS else 64,
    broker_connection_retry_on_startup=True,
)


@app.task
def noop() -> None:
    """Do nothing."""


def fill(count: int) -> None:
    """Put `count` jobs over one connection."""
    with app.producer_pool.acquire(block=True) as producer:
        for _ in range(count):
            noop.apply_async(producer=producer)


def ask() -> object:
    """Put one job, and wait for its result."""
    return noop.delay().get(timeout=10)


def main() -> None:
    """Do what the command line asks."""
    play(fill, ask)
