"""Which events were seen already, so that one a service sends twice is answered once.

Only in memory: what has to be known over a restart is the YAML's `unique: {by: event_id}`.
"""

from __future__ import annotations


class Seen:
    """Remembers the last `most` event ids."""

    def __init__(self, most: int = 10_000) -> None:
        self._most = most
        self._ids: dict[str, None] = {}  # the oldest first

    def is_new(self, event_id: str) -> bool:
        """True the first time, and remembers it; an event without an id ('') is always new."""
        if not event_id:
            return True
        if event_id in self._ids:
            return False
        self._ids[event_id] = None
        if len(self._ids) > self._most:
            del self._ids[next(iter(self._ids))]
        return True

    def forget(self, event_id: str) -> None:
        """Take `event_id` for new when it comes again: nothing could be done about it."""
        self._ids.pop(event_id, None)
