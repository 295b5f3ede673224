"""How far a Matrix bot has read: the server's word for it, remembered for the bot's next life.

Not here: asking the server. If we die right here, what was stored of the newest batch is known by its
ids, so that it is not stored again when the batch is read again.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Collection

from botcannon_core.errors import StoreError
from botcannon_core.ledger.memory import Memory

KEPT_SECONDS = 30 * 24 * 3600.0
KEY = "matrix"

_log = logging.getLogger("botcannon.matrix")


class Bookmark:
    """`since` is where to read on, empty for a bot that has not read anything."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._me = ""
        self.since = ""
        self._next = ""  # where to read on when all of `_waiting` is done
        self._waiting: set[str] = set()
        self._done: dict[str, None] = {}  # of the batch that begins at `since`

    def recall(self, me: str) -> None:
        """Begin where an earlier life of this account ended."""
        self._me = me
        try:
            kept = json.loads(self._memory.get(KEY) or "{}")
        except StoreError as error:
            _log.warning("what was missed is left out: %s", error)
            return
        if kept.get("me") == me:
            self.since = kept["since"]
            self._done = dict.fromkeys(kept["done"])

    def is_done(self, key: str) -> bool:
        """True for what was stored, though the batch it came in was not done with."""
        return key in self._done

    def turn(self, to: str, keys: Collection[str]) -> None:
        """A batch has been read, and the next one begins at `to` once all of `keys` are done."""
        self._next, self._waiting = to, set(keys)
        if not keys:
            self._turned()

    def done(self, key: str) -> None:
        """This one is safe, or is not wanted any more."""
        if key not in self._waiting:
            return
        self._waiting.discard(key)
        self._done[key] = None
        if self._waiting:
            self._keep()
        else:
            self._turned()

    def _turned(self) -> None:
        is_far = self._next != self.since
        self.since, self._done = self._next, {}
        if is_far:
            self._keep()

    def _keep(self) -> None:
        kept = json.dumps({"me": self._me, "since": self.since, "done": list(self._done)})
        try:
            self._memory.put(KEY, kept, KEPT_SECONDS)
        except StoreError as error:  # the next one is remembered, and this one with it
            _log.warning("not remembered: %s", error)
