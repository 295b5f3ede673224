"""What was said before we heard it: how far we have come, and what was missed since.

Rocket.Chat tells of old messages as of new ones (somebody likes one, or answers in its thread), and of
none that was said while nobody listened. So the time of the newest message that was heard divides news
from history, by the server's clock. It is remembered, with the last ids, for the bot's next life.
"""

from __future__ import annotations

import json
import logging
from collections import deque
from datetime import UTC, datetime
from typing import Any

from botcannon_core.chat.seen import Seen
from botcannon_core.collectors.refusal import Denied
from botcannon_core.collectors.rocketchat.event import Room, Said, room_in, seconds
from botcannon_core.collectors.rocketchat.rest import Rest
from botcannon_core.errors import StoreError
from botcannon_core.ledger.memory import Memory

LATE_SECONDS = 10.0  # how much later than a newer one a message may be told of
KEPT_SECONDS = 30 * 24 * 3600.0
MOST_KEPT = 100  # ids of messages that were stored last
MOST_ROOMS = 50  # asked for what was missed in them
KEY = "rocketchat"

_log = logging.getLogger("botcannon.rocketchat")


class Past:
    """Tells news from history; `most` is the age in seconds of the oldest news there can be."""

    def __init__(self, rest: Rest, memory: Memory, most: float) -> None:
        self._rest = rest
        self._memory = memory
        self._most = most
        self._seen = Seen()
        self._until = 0.0  # when the newest message that was heard was said
        self._stored = 0.0  # the same of those that are safe
        self._kept: deque[str] = deque(maxlen=MOST_KEPT)

    def recall(self) -> None:
        """Begin where an earlier life ended, or now."""
        try:
            kept = json.loads(self._memory.get(KEY) or "{}")
        except StoreError as error:
            _log.warning("what was missed is left out: %s", error)
            kept = {}
        now = self._rest.server_time
        self._stored = float(kept.get("until", now))
        # in a first life nothing is late, but over
        self._until = self._stored if kept else now + LATE_SECONDS
        self._kept.extend(kept.get("keys", []))
        for key in self._kept:
            self._seen.is_new(key)

    def is_news(self, said: Said) -> bool:
        """True the first time that something is told, edited or not, unless it is old."""
        if said.time <= self._until - LATE_SECONDS:
            return False
        self._until = max(self._until, said.time)
        if not self._seen.is_new(said.name):
            return False
        self._seen.is_new(said.key)  # edited before we heard of it: that is no edit any more
        return True

    def is_edit(self, said: Said) -> bool:
        """True the first time that the edit of something is told."""
        return bool(said.edited) and self._seen.is_new(said.key)

    def pass_over(self, said: Said) -> None:
        """Nothing more has to be done about this, and all that was said before it."""
        self._stored = max(self._stored, said.time)
        self._kept.append(said.name)

    def keep(self, said: Said) -> None:
        """The same, and remember it also when we end."""
        self.pass_over(said)
        kept = json.dumps({"until": self._stored, "keys": list(self._kept)})
        try:
            self._memory.put(KEY, kept, KEPT_SECONDS)
        except StoreError as error:  # the next one is remembered, and this one with it
            _log.warning("not remembered: %s", error)

    async def missed(self) -> list[tuple[dict[str, Any], Room]]:
        """The messages that may be news, oldest first; raises Unreachable if they cannot be had now."""
        if self._most <= 0:
            return []
        found: list[tuple[dict[str, Any], Room]] = []
        try:
            answer = await self._rest.ask("rooms.get", updatedSince=self._since())
            self._until = max(self._until, self._rest.server_time - self._most)
            for about in _dicts(answer.get("update"))[:MOST_ROOMS]:
                found += [(message, room_in(about)) for message in await self._missed_in(about)]
        except Denied as denied:
            _log.warning("what was missed is left out: %s", denied)
        return sorted(found, key=lambda each: seconds(each[0].get("ts")))

    async def _missed_in(self, about: dict[str, Any]) -> list[dict[str, Any]]:
        room = str(about.get("_id"))
        answer = await self._rest.ask("chat.syncMessages", roomId=room, lastUpdate=self._since())
        return _dicts((answer.get("result") or {}).get("updated"))

    def _since(self) -> str:
        since = datetime.fromtimestamp(self._until - LATE_SECONDS, UTC)
        return since.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _dicts(given: Any) -> list[dict[str, Any]]:
    return [each for each in given if isinstance(each, dict)] if isinstance(given, list) else []
