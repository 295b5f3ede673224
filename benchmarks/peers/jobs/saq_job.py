"""The no-op job of SAQ."""

from __future__ import annotations

import asyncio
from typing import Any

from play import STORE, in_parallel, play_async
from saq import Queue

queue = Queue.from_url(STORE, name="bench")


async def noop(_context: dict[str, Any]) -> None:
    """Do nothing."""


settings = {"queue": queue, "functions": [noop]}


async def fill(count: int) -> None:
    """Put `count` jobs."""
    await in_parallel(count, lambda: queue.enqueue("noop"))


async def ask() -> object:
    """Put one job, and wait for its result; SAQ polls for it, so it polls often."""
    return await queue.apply("noop", poll_interval=0.0005)


async def client() -> None:
    """Be a client of the queue."""
    await queue.connect()
    await play_async(fill, ask)
    await queue.disconnect()


def main() -> None:
    """Do what the command line asks."""
    asyncio.run(client())
