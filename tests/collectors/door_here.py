"""A door in a thread of its own, with a fake intake, so that a test can be its client."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

from botcannon_core.message import Message
from tests.collectors.fake_intake import Answer, FakeIntake

PATIENCE = 20.0  # seconds until something that never happens is a failure


class DoorHere:
    """Runs `collector` as an intake does: start, turns without end, close when the block ends."""

    def __init__(
        self, collector: Any, answer: Answer | None = None, *, reads: bool = True, **more: Any
    ) -> None:
        self.collector = collector
        self._reads = reads  # without it, the store is as good as gone
        self.intake = FakeIntake(collector, answer, **more)
        self.error: BaseException | None = None
        self._loop = asyncio.new_event_loop()
        self._task: asyncio.Task[None] | None = None
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> DoorHere:
        self._thread.start()
        assert self._started.wait(PATIENCE), "the door never started"
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()

    def leave(self) -> None:
        """Stop reading, close, and wait for the end."""
        if not self._loop.is_closed() and self._task is not None:
            self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive(), "the door never ended"

    def wait(self) -> None:
        """Wait until it ended by itself."""
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive(), "the door never ended"

    def call(self, hook: str, message: Message) -> None:
        """Call one of its hooks in its loop, and wait for that."""
        coroutine = getattr(self.collector, hook)(message)
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(PATIENCE)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._task = self._loop.create_task(self._live())
            self._loop.run_until_complete(self._task)
        except BaseException as error:  # noqa: BLE001 - the test looks at it
            self.error = error
        finally:
            self._started.set()
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
            self._loop.close()

    async def _live(self) -> None:
        try:
            if hasattr(self.collector, "start"):
                await self.collector.start()
            self._started.set()
            while self._reads:
                await self.intake.turn()
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            pass
        finally:
            await self.collector.close()
