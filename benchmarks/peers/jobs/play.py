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

PAUSE_SECONDS = 0.01  # between two timed jobs, so that the workers are idle when the next one comes
WARM_UP = 20  # jobs that are not counted: connections, scripts, first imports


def play(fill: Callable[[int], None], ask: Callable[[], object] | None) -> None:
    """Do what the command line says: `fill COUNT`, or `time COUNT`, which prints seconds as JSON."""
    verb, count = sys.argv[1], int(sys.argv[2])
    if verb == "fill":
        fill(count)
    elif ask is not None:
        print(json.dumps([_timed(ask) for _ in range(count + WARM_UP)][WARM_UP:]))


async def play_async(
    fill: Callable[[int], Awaitable[None]], ask: Callable[[], Awaitable[object]] | None
) -> None:
    """The same for an async client."""
    verb, count = sys.argv[1], int(sys.argv[2])
    if verb == "fill":
        await fill(count)
    elif ask is not None:
        print(json.dumps([await _timed_async(ask) for _ in range(count + WARM_UP)][WARM_UP:]))


async def in_parallel(count: int, put: Callable[[], Awaitable[object]], width: int = 100) -> None:
    """Call `put` `count` times, `width` at once."""
    for start in range(0, count, width):
        await asyncio.gather(*(put() for _ in range(min(width, count - start))))


def _timed(ask: Callable[[], object]) -> float:
    time.sleep(PAUSE_SECONDS)
    begin = time.perf_counter()
    ask()
    return time.perf_counter() - begin


async def _timed_async(ask: Callable[[], Awaitable[object]]) -> float:
    await asyncio.sleep(PAUSE_SECONDS)
    begin = time.perf_counter()
    await ask()
    return time.perf_counter() - begin
