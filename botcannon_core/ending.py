"""How an asyncio task is ended for certain."""

from __future__ import annotations

import asyncio
from typing import Any

AGAIN_SECONDS = 5.0  # how long a task may take to put its things in order


async def end(task: asyncio.Task[Any]) -> None:
    """Cancel `task`, and come back when it is over; raises what it raised instead of being cancelled.

    One `cancel()` is not enough: `asyncio.wait_for` of Python 3.11 forgets it if what it waits for
    comes in the same instant, and then the task goes on as if nobody had said anything. So it is said
    again to a task that is still there after `AGAIN_SECONDS`.
    """
    while not task.done():
        task.cancel()
        await asyncio.wait((task,), timeout=AGAIN_SECONDS)
    if not task.cancelled():
        task.result()
