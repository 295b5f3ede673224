"""Which of the things said lately may be run again if they are edited: those that failed, and only they.

Whoever mends a typing error means it; whoever corrects the spelling of what was done does not want it
done again. Only in memory: what was said before a restart is over. Not here: what an edit looks like,
which each door knows of its service.
"""

from __future__ import annotations

from typing import Any

from botcannon_core.chat.answer import INVALID
from botcannon_core.message import Message

MOST = 1_000  # of each kind that are remembered; the oldest are forgotten first


class Runs:
    """What became of the last things said; each has a name that it keeps when it is edited."""

    def __init__(self) -> None:
        self._running: dict[str, str] = {}  # by event id, the oldest first
        self._failed: dict[str, None] = {}

    def began(self, name: str, event_id: str) -> None:
        """What is called `name` is run, for the event of this id."""
        _keep(self._running, event_id, name)

    def ended(self, message: Message) -> None:
        """Its taskback is there."""
        name = self._running.pop(message.get("event_id", ""), None)
        if name is not None and (message.outcome == "parked" or INVALID in message):
            _keep(self._failed, name, None)

    def may_again(self, name: str) -> bool:
        """True if it has failed, once: the next edit has to wait for how that ends."""
        if name not in self._failed:
            return False
        del self._failed[name]
        return True


def _keep(kept: dict[str, Any], key: str, value: Any) -> None:
    kept[key] = value
    if len(kept) > MOST:
        del kept[next(iter(kept))]
