"""The no-op job of arq. It polls, so it is told to poll often and to take many jobs at once."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

from arq import create_pool
from arq.connections import ArqRedis, RedisSettings
from play import STORE, in_parallel, play_async

POLL_SECONDS = 0.005


async def noop(_context: dict[str, Any]) -> None:
    """Do nothing."""


class WorkerSettings:
    """What the command `arq` runs."""

    functions: ClassVar = [noop]
    redis_settings = RedisSettings.from_dsn(STORE)
    max_jobs = 100
    poll_delay = POLL_SECONDS


async def ask(pool: ArqRedis) -> object:
    """Put one job, and wait for its result."""
    job = await pool.enqueue_job("noop")
    return await job.result(timeout=10, poll_delay=0.0005)


async def client() -> None:
    """Be a client of the queue."""
    pool = await create_pool(WorkerSettings.redis_settings)

    async def fill(count: int) -> None:
        await in_parallel(count, lambda: pool.enqueue_job("noop"))

    await play_async(fill, lambda: ask(pool))
    await pool.aclose()


def main() -> None:
    """Do what the command line asks."""
    asyncio.run(client())
