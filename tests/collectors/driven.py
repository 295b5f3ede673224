"""An async door driven by the fake intake while a test talks to it from the other side."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from botcannon_core.ending import end
from botcannon_core.message import Message
from tests.collectors.fake_intake import Answer, FakeIntake

PATIENCE = 15.0  # seconds until something that never happens is a failure


def shout(message: Message) -> dict[str, str]:
    """The bot of most tests: says it again, louder."""
    return {"text": message["text"].upper(), "_outcome": "done"}


@asynccontextmanager
async def driven(collector: Any, answer: Answer | None = shout) -> AsyncIterator[FakeIntake]:
    """The door at work; in the end it is closed, and must not have failed."""
    intake = FakeIntake(collector, answer)
    await collector.start()
    running = asyncio.create_task(intake.run())
    try:
        yield intake
        assert not running.done(), running.exception()
    finally:
        await end(running)
        await collector.close()


async def until(condition: Callable[[], Any], what: str) -> Any:
    """Wait until `condition` holds; what it gave."""
    try:
        async with asyncio.timeout(PATIENCE):
            while not (found := condition()):
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise AssertionError(f"waited in vain until {what}") from None
    return found
