"""The no-op job of streaq, on the faster loop, and with room for more jobs at once than by default."""

from __future__ import annotations

import asyncio

from play import STORE, play_async
from streaq import Worker

BATCH = 1000

worker: Worker[None] = Worker(
    redis_url=STORE, queue_name="bench", concurrency=100, anyio_kwargs={"use_uvloop": True}
)


@worker.task
async def noop() -> None:
    """Do nothing."""


async def fill(count: int) -> None:
    """Put `count` jobs, in batches as its manual has it."""
    for start in range(0, count, BATCH):
        await worker.enqueue_many([noop.enqueue() for _ in range(min(BATCH, count - start))])


async def ask() -> object:
    """Put one job, and wait for its result."""
    task = await noop.enqueue()
    return await task.result(timeout=10)


async def client() -> None:
    """Be a client of the queue."""
    async with worker:
        await play_async(fill, ask)


def main() -> None:
    """Do what the command line asks."""
    asyncio.run(client())
