"""The no-op job of taskiq on its Redis stream broker, with results only when they are wanted."""

from __future__ import annotations

import asyncio

from play import RESULTS, STORE, in_parallel, play_async
from taskiq_redis import RedisAsyncResultBackend, RedisStreamBroker

# `0`, not its default of `$`: the group is to see what was queued before the workers came
broker = RedisStreamBroker(url=STORE, queue_name="bench", consumer_id="0")
if RESULTS:
    broker = broker.with_result_backend(RedisAsyncResultBackend(redis_url=STORE))


@broker.task(task_name="noop")
async def noop() -> None:
    """Do nothing."""


async def fill(count: int) -> None:
    """Put `count` jobs."""
    await in_parallel(count, noop.kiq)


async def ask() -> object:
    """Put one job, and wait for its result; taskiq polls for it, so it polls often."""
    task = await noop.kiq()
    return await task.wait_result(check_interval=0.0005, timeout=10)


async def client() -> None:
    """Be a client of the broker."""
    await broker.startup()
    await play_async(fill, ask)
    await broker.shutdown()


def main() -> None:
    """Do what the command line asks."""
    asyncio.run(client())
