"""Notes, as an intake passes them on: of each message the latest, as often as its collector can show.

A note is worth nothing once there is a later one or an outcome, so it is never kept, given again or put
aside. Not here: where notes come from (cannon.notes).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

from botcannon_core.message import Message

MOST_REMEMBERED = 10_000  # messages that a note was shown of, and whose end we have not seen


class Notes:
    """What a collector that has `note()` is to show; of one message every `note_every` seconds."""

    def __init__(self, collector: Any, clock: Callable[[], float] = time.monotonic) -> None:
        self.are_wanted = callable(getattr(collector, "note", None))
        self._every = float(getattr(collector, "note_every", 0.0))
        self._clock = clock
        self._latest: dict[str, Message] = {}
        self._under_way: set[str] = set()  # messages whose note the collector is just showing
        self._shown: dict[str, float] = {}  # when, by message; the longest ago first

    def take(self, message: Message) -> None:
        """Show this when it is time, unless something newer comes before."""
        self._latest[message.id] = message

    def due(self) -> list[Message]:
        """The notes to be shown now."""
        if not self._latest:
            return []
        now = self._clock()
        found = [one for one in self._latest.values() if self._is_due(one, now)]
        for one in found:
            del self._latest[one.id]
            self._shown.pop(one.id, None)
            self._shown[one.id] = now
            self._under_way.add(one.id)
        while len(self._shown) > MOST_REMEMBERED:
            del self._shown[next(iter(self._shown))]
        return found

    def delivered(self, message_id: str) -> None:
        """The collector has shown a note, or could not: it may have the next one."""
        self._under_way.discard(message_id)

    def over(self, message_id: str) -> bool:
        """A message has ended; True if a note of it was shown, so that its end must be."""
        self._latest.pop(message_id, None)
        return self._shown.pop(message_id, None) is not None

    def _is_due(self, one: Message, now: float) -> bool:
        is_time = now - self._shown.get(one.id, -math.inf) >= self._every
        return is_time and one.id not in self._under_way
