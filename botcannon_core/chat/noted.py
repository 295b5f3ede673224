"""Where notes stand: for a service in which what was said can be changed and taken back.

Only in memory: a note of before a restart stays where it is. Not here: how often notes are shown (the
intake sees to that) and what they say (answer).
"""

from __future__ import annotations

from typing import Generic, TypeVar

Where = TypeVar("Where")

MOST = 10_000  # messages whose end we have not seen


class Noted(Generic[Where]):
    """The place of each message's note, as the service names it."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._places: dict[str, Where] = {}  # by message id, the oldest first

    def at(self, message_id: str) -> Where | None:
        """Where the note about a message stands, if one does."""
        return self._places.get(message_id)

    def put(self, message_id: str, where: Where) -> None:
        """The note about a message stands here."""
        self._places[message_id] = where
        if len(self._places) > self._most:
            del self._places[next(iter(self._places))]

    def take(self, message_id: str) -> Where | None:
        """The same as `at`; nothing stands there any more."""
        return self._places.pop(message_id, None)
