"""A task that is ended is over, whatever it makes of a cancellation."""

import asyncio
from contextlib import suppress

import pytest

from botcannon_core import ending
from botcannon_core.ending import end


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ending, "AGAIN_SECONDS", 0.01)


async def for_ever() -> None:
    await asyncio.get_running_loop().create_future()


async def deaf_once() -> None:
    with suppress(asyncio.CancelledError):
        await for_ever()
    await for_ever()


async def with_a_wait_that_ends_now(stir: asyncio.Event) -> None:
    await asyncio.wait_for(stir.wait(), 60)
    await for_ever()


async def failing() -> None:
    try:
        await for_ever()
    finally:
        raise ValueError("the farewell failed")


@pytest.mark.parametrize("deed", [for_ever, deaf_once])
def test_an_ended_task_is_over(deed) -> None:
    async def test() -> None:
        task = asyncio.create_task(deed())
        await asyncio.sleep(0)
        await end(task)
        assert task.cancelled()
        await end(task)  # once more harms nothing

    asyncio.run(asyncio.wait_for(test(), 10))


def test_so_is_one_whose_wait_ended_as_it_was_cancelled() -> None:
    async def test() -> None:
        stir = asyncio.Event()
        task = asyncio.create_task(with_a_wait_that_ends_now(stir))
        for _ in range(3):
            await asyncio.sleep(0)
        stir.set()
        await asyncio.sleep(0)  # what waits has heard it, the task has not
        await end(task)
        assert task.cancelled()

    asyncio.run(asyncio.wait_for(test(), 10))


def test_what_it_raised_instead_is_raised() -> None:
    async def test() -> None:
        task = asyncio.create_task(failing())
        await asyncio.sleep(0)
        with pytest.raises(ValueError, match="the farewell failed"):
            await end(task)

    asyncio.run(test())
