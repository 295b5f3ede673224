"""The no-op job of RQ, the same for the worker that forks for each job and the one that does not."""

from __future__ import annotations

from play import STORE, play
from redis import Redis
from rq import Queue

BATCH = 500

queue = Queue("bench", connection=Redis.from_url(STORE))


def noop() -> None:
    """Do nothing."""


def fill(count: int) -> None:
    """Put `count` jobs, in batches as its manual has it."""
    for start in range(0, count, BATCH):
        jobs = [Queue.prepare_data(noop) for _ in range(min(BATCH, count - start))]
        queue.enqueue_many(jobs)


def ask() -> object:
    """Put one job, and wait for its result on the stream of its results."""
    return queue.enqueue(noop).latest_result(timeout=10)


def main() -> None:
    """Do what the command line asks."""
    play(fill, ask)
