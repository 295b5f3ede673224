"""Progress: what a task calls to say how far it is, while its message runs.

It tells at most two notes a second, the latest one each time, and nothing at all of what is done within
half a second. Telling waits for nothing and fails nothing. Not here: who gets to see it (intake).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection
from typing import Any

from botcannon_core.message import one_line, redacted

PAUSE_SECONDS = 0.5  # between two notes, and before the first


class Progress:
    """Call it with a text, a fraction from 0 to 1, or both: `progress("copying", 0.4)`.

    States: *closed* (no message runs, nothing is told), *open*, and open with a *timer* that will tell
    what was said too early. `send` is called under a lock, also from the timer's thread.
    """

    def __init__(
        self,
        send: Callable[[str], None],
        hidden: Collection[str] = (),
    ) -> None:
        self._send = send
        self._hidden = hidden
        self._lock = threading.Lock()
        self._is_open = False
        self._latest = ""
        self._due = 0.0
        self._timer: threading.Timer | None = None

    def __call__(self, *said: object) -> None:
        """Say how far the message is; the user sees the latest of it."""
        text = one_line(redacted(told(*said), self._hidden))
        with self._lock:
            if not self._is_open or not text:
                return
            self._latest = text
            wait = self._due - time.monotonic()
            if self._timer is not None:
                return  # it will tell this, and soon
            if wait <= 0:
                self._tell()
            else:
                self._timer = threading.Timer(wait, self._tell_late)
                self._timer.daemon = True
                self._timer.start()

    def beside(self, ask: Callable[[str, Any], Any]) -> Callable[[str, Any], Any]:
        """`ask`, so that no note is sent in the middle of it."""

        def alone(kind: str, body: Any) -> Any:
            with self._lock:
                return ask(kind, body)

        return alone

    def begin(self) -> None:
        """A message begins."""
        with self._lock:
            self._is_open, self._latest = True, ""
            self._due = time.monotonic() + PAUSE_SECONDS

    def end(self) -> None:
        """It has ended: nothing more is told of it."""
        with self._lock:
            self._is_open = False
            timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()

    def _tell_late(self) -> None:
        with self._lock:
            if self._timer is threading.current_thread():
                self._timer = None
                self._tell()

    def _tell(self) -> None:
        self._due = time.monotonic() + PAUSE_SECONDS
        try:
            self._send(self._latest)
        except OSError:
            pass  # the pool is gone, and we shall be


def told(*said: object) -> str:
    """What was said as one text: `copying (40%)`, `copying`, `40%`."""
    parts = [_share(one) if _is_fraction(one) else str(one) for one in said]
    shares = [part for one, part in zip(said, parts, strict=True) if _is_fraction(one)]
    texts = [part for one, part in zip(said, parts, strict=True) if not _is_fraction(one)]
    text, share = " ".join(filter(None, texts)), ", ".join(shares)
    return f"{text} ({share})" if text and share else text or share


def _is_fraction(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _share(value: object) -> str:
    assert isinstance(value, int | float)
    inside = min(1.0, max(0.0, value)) if value == value else 0.0  # not a number is no progress
    return f"{inside:.0%}"
