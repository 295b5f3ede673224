"""The no-op job of FastStream: a subscriber of a Redis stream in a consumer group. It has no results."""

from __future__ import annotations

import asyncio
import os

from faststream import FastStream
from faststream.redis import RedisBroker, StreamSub
from play import STORE, in_parallel, play_async
from redis.asyncio import Redis

broker = RedisBroker(STORE)
app = FastStream(broker)


@broker.subscriber(
    stream=StreamSub("bench", group="bench", consumer=f"worker-{os.getpid()}", max_records=100)
)
async def noop(number: int) -> None:
    """Do nothing."""


async def fill(count: int) -> None:
    """Put `count` messages; the group is made first, since its own would begin after them."""
    store = Redis.from_url(STORE)
    await store.xgroup_create("bench", "bench", id="0", mkstream=True)
    await store.aclose()
    await in_parallel(count, lambda: broker.publish(1, stream="bench"))


async def client() -> None:
    """Be a client of the broker."""
    await broker.connect()
    await play_async(fill, None)
    await broker.stop()


def main() -> None:
    """Do what the command line asks."""
    asyncio.run(client())
