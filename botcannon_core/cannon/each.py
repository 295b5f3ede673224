"""Each: what every message has of its own where one worker runs many at the same time.

Its asks and notes bear its id, as the pool cannot know otherwise whose they are. Which message it is
follows from where the code runs: each has an `asyncio` task, and so a context, which threads begun with
`asyncio.to_thread` inherit. Not here: what may be asked, and the same for one message (progress).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from contextvars import ContextVar
from typing import Any

from botcannon_core.cannon.orders import Inbox
from botcannon_core.cannon.progress import PAUSE_SECONDS, told
from botcannon_core.message import one_line, redacted

_RUNNING: ContextVar[str] = ContextVar("_RUNNING", default="")  # a message's id


class Each:
    """The handle `progress` of many messages, and their ask: both speak for the one that calls them."""

    def __init__(self, inbox: Inbox, hidden: Collection[str] = ()) -> None:
        self._inbox = inbox
        self._hidden = hidden
        self._notes: dict[str, _Notes] = {}  # of those that run, by id
        self.heard: Callable[[], object] = lambda: None  # called when an ask may have heard orders

    def begin(self, message_id: str) -> None:
        """What runs in this context from now on runs for this message."""
        _RUNNING.set(message_id)
        self._notes[message_id] = _Notes(lambda text: self._tell(message_id, text))

    def end(self, message_id: str) -> None:
        """It has ended: nothing more is told of it."""
        self._notes.pop(message_id).close()

    def beside(self, _ask: object) -> Callable[[str, Any], Any]:
        """The ask that says whose it is; all others wait with it for the answer."""

        def ask(kind: str, body: Any) -> Any:
            answer = self._inbox.asked([_RUNNING.get(), [kind, body]])
            self.heard()
            return answer

        return ask

    def __call__(self, *said: object) -> None:
        """Say how far the message is; whoever asked sees the latest of it."""
        text = one_line(redacted(told(*said), self._hidden))
        notes = self._notes.get(_RUNNING.get())
        if notes is not None and text:
            notes.loop.call_soon_threadsafe(notes.say, text)

    def _tell(self, message_id: str, text: str) -> None:
        with suppress(OSError):  # the pool is gone, and we shall be
            self._inbox.channel.send("note", [message_id, text])


class _Notes:
    """What one message says of itself: the latest, at most two a second, as `Progress` has it."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self.loop = asyncio.get_running_loop()
        self._tell = tell
        self._latest = ""
        self._due = time.monotonic() + PAUSE_SECONDS
        self._timer: asyncio.TimerHandle | None = None
        self._is_closed = False

    def say(self, text: str) -> None:
        """Tell it when it is time, unless something newer was said by then."""
        self._latest = text
        if self._timer is None and not self._is_closed:
            self._timer = self.loop.call_later(self._due - time.monotonic(), self._say)

    def close(self) -> None:
        """Tell nothing more."""
        self._is_closed = True
        if self._timer is not None:
            self._timer.cancel()

    def _say(self) -> None:
        self._timer, self._due = None, time.monotonic() + PAUSE_SECONDS
        self._tell(self._latest)
