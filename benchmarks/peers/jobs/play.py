"""What every peer's program can be asked: fill the queue, or time one job after the other.

It runs in the peer's environment, beside the peer's own job file, and imports the standard library only.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable

STORE = os.environ.get("BENCH_STORE", "redis://127.0.0.1:6379/0")
RESULTS = os.environ.get("BENCH_RESULTS") == "1"  # set while somebody waits for results

RESTS = (0.0, 0.01)  # seconds before each job: none, and until everything has gone to sleep
WARM_UP = 20  # jobs that are not counted: connections, scripts, first imports


def play(fill: Callable[[int], None], ask: Callable[[], object] | None) -> None:
    """Do what the command line says: `fill COUNT`, or `time COUNT`.

    That prints the seconds of so many jobs, one after the other, for each of the rests: a list of lists.
    """
    verb, count = sys.argv[1], int(sys.argv[2])
    if verb == "fill":
        fill(count)
    elif ask is not None:
        for _ in range(WARM_UP):
            ask()
        print(json.dumps([[_timed(ask, rest) for _ in range(count)] for rest in RESTS]))


async def play_async(
    fill: Callable[[int], Awaitable[None]], ask: Callable[[], Awaitable[object]] | None
) -> None:
    """The same for an async client."""
    verb, count = sys.argv[1], int(sys.argv[2])
    if verb == "fill":
        await fill(count)
    elif ask is not None:
        for _ in range(WARM_UP):
            await ask()
        print(json.dumps([[await _timed_async(ask, rest) for _ in range(count)] for rest in RESTS]))


async def in_parallel(count: int, put: Callable[[], Awaitable[object]], width: int = 100) -> None:
    """Call `put` `count` times, `width` at once."""
    for start in range(0, count, width):
        await asyncio.gather(*(put() for _ in range(min(width, count - start))))


def _timed(ask: Callable[[], object], rest: float) -> float:
    if rest:
        time.sleep(rest)
    begin = time.perf_counter()
    ask()
    return time.perf_counter() - begin


async def _timed_async(ask: Callable[[], Awaitable[object]], rest: float) -> float:
    if rest:
        await asyncio.sleep(rest)
    begin = time.perf_counter()
    await ask()
    return time.perf_counter() - begin
