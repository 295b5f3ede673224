"""What of all that a Matrix server tells is news: said by people, since we last read and since we came.

Not here: what the bot makes of it. A first start, and what was said in a room before the bot came there,
is history.
"""

from __future__ import annotations

import logging
from typing import Any

from nio.responses import RoomInfo

from botcannon_core.collectors.matrix.event import (
    Said,
    age,
    is_encrypted,
    said_in,
    since_joined,
)
from botcannon_core.collectors.matrix.link import MOST_EVENTS, Heard, Link
from botcannon_core.collectors.matrix.rooms import Rooms
from botcannon_core.collectors.matrix.speech import spoken
from botcannon_core.collectors.refusal import Denied

LATE_SECONDS = 30.0  # what is this old may have been said just now, and taken its time
MOST_PAGES = 10  # of a room's history that are looked at for what was missed

NO_KEYS = "I cannot read encrypted messages: please talk to me in a room without encryption"

_log = logging.getLogger("botcannon.matrix")


class News:
    """Finds what people have said; `most` is the age in seconds of the oldest news there can be."""

    def __init__(self, link: Link, rooms: Rooms, most: float) -> None:
        self._link = link
        self._rooms = rooms
        self._most = max(most, LATE_SECONDS)
        self._told: set[str] = set()  # rooms that know we cannot read encrypted messages

    async def of(self, heard: Heard) -> list[Said]:
        """What was said, in each room the oldest first; raises Unreachable."""
        if not heard.since:
            return []
        found: list[Said] = []
        for room_id, info in heard.sync.rooms.join.items():
            events = [e for e in await self._events(room_id, info, heard.since) if self._is_new(e)]
            told = [said_in(event, room_id, self._link.me) for event in events]
            found += [said for said in told if said is not None]
            if any(is_encrypted(event, self._link.me) for event in events):
                await self._explain(room_id)
        return found

    def _is_new(self, event: Any) -> bool:
        return age(event) <= self._most

    async def _events(self, room_id: str, info: RoomInfo, since: str) -> list[Any]:
        """What was told of a room, and what was left out of that."""
        told = [event.source for event in info.timeline.events]
        events, has_joined = since_joined(told, self._link.me)
        start = info.timeline.prev_batch
        if has_joined or not info.timeline.limited or not start:
            return events
        return await self._missed(room_id, start, since) + events

    async def _missed(self, room_id: str, start: str, since: str) -> list[Any]:
        missed: list[Any] = []
        for _ in range(MOST_PAGES):
            try:
                page = await self._link.history(room_id, start, since)
            except Denied as denied:
                _log.warning("what was missed is left out: %s", denied)
                break
            missed += [event.source for event in page.chunk]
            is_over = len(page.chunk) < MOST_EVENTS or not page.end
            if is_over or not self._is_new(missed[-1]):
                break
            start = page.end
        return since_joined(reversed(missed), self._link.me)[0]

    async def _explain(self, room_id: str) -> None:
        if room_id in self._told:
            return
        self._told.add(room_id)
        _log.warning("the room %s is encrypted: what is said there is not heard", room_id)
        if self._rooms.is_direct(room_id):
            content = spoken(NO_KEYS)
            try:
                await self._link.do(
                    "a word", lambda client: client.room_send(room_id, "m.room.message", content)
                )
            except Denied as denied:
                _log.warning("%s", denied)
