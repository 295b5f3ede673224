"""Which room of Matrix is which: its name, whether somebody is alone with us in it, how to get in.

A room's name, and the alias it says it has, are whatever its people write there. Rules are matched on
`room`, so that is an alias only if the server that gives it out says so too, and else the room's id.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from nio.events import InviteMemberEvent
from nio.responses import InviteInfo, SyncResponse
from nio.rooms import MatrixRoom

from botcannon_core.collectors.matrix.link import Link
from botcannon_core.collectors.refusal import Denied

FRESH_SECONDS = 600.0  # aliases are moved, but not often

_log = logging.getLogger("botcannon.matrix")


class Rooms:
    """The rooms that we are in; `invites` are patterns of those who may call us into more."""

    def __init__(
        self,
        link: Link,
        invites: Sequence[str] | None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._link = link
        self._invites = invites
        self._now = now
        self._known: dict[tuple[str, str], tuple[float, bool]] = {}  # by room and alias

    async def name(self, room_id: str) -> str:
        """What a room is called in rules: its alias, or its id; raises Unreachable."""
        room = self._link.rooms.get(room_id)
        alias = str(room.canonical_alias or "") if room is not None else ""
        return alias if alias and await self._is_its_own(alias, room_id) else room_id

    def is_direct(self, room_id: str) -> bool:
        """True if one other is alone with us there, and nobody gave the room a name."""
        room = self._link.rooms.get(room_id)
        return room is not None and room.member_count == 2 and not room.is_named

    def user_name(self, room_id: str, user: str) -> str:
        """The name that people see of somebody in a room."""
        room = self._link.rooms.get(room_id)
        return str((room.user_name(user) if room is not None else None) or user)

    def my_names(self, room_id: str) -> list[str]:
        """How we may be called there, without the @."""
        me = self._link.me
        shown = self.user_name(room_id, me)
        return [name for name in (me[1:], me[1:].partition(":")[0], shown) if name]

    async def direct_to(self, user: str) -> str:
        """A room in which that user is alone with us, made if need be; raises as Link.do."""
        for room_id, room in self._link.rooms.items():
            if self.is_direct(room_id) and user in _members(room):
                return room_id
        made = await self._link.do(
            "a direct message", lambda client: client.room_create(is_direct=True, invite=[user])
        )
        return str(made.room_id)

    async def answer_invites(self, sync: SyncResponse) -> None:
        """Go where we are invited by those who may, and say no to the others; raises Unreachable."""
        for room_id, info in sync.rooms.invite.items():
            who = _inviter(info, self._link.me)
            try:
                await self._answer_invite(room_id, who)
            except Denied as denied:
                _log.warning("an invitation of %s came to nothing: %s", who, denied)

    async def _answer_invite(self, room_id: str, who: str) -> None:
        if who and any(fnmatchcase(who, pattern) for pattern in self._may_invite()):
            await self._link.do("an invitation", lambda client: client.join(room_id))
            return
        _log.warning("an invitation of %s is refused: nobody in `invites`", who)
        await self._link.do("our no", lambda client: client.room_leave(room_id))

    def _may_invite(self) -> Sequence[str]:
        if self._invites is not None:
            return self._invites
        return [f"*:{self._link.me.partition(':')[2]}"]

    async def _is_its_own(self, alias: str, room_id: str) -> bool:
        since, is_own = self._known.get((room_id, alias), (None, False))
        if since is not None and self._now() - since < FRESH_SECONDS:
            return is_own
        try:
            found: Any = await self._link.do(
                "a room's alias", lambda client: client.room_resolve_alias(alias)
            )
            is_own = found.room_id == room_id
        except Denied:
            is_own = False
        self._known[(room_id, alias)] = (self._now(), is_own)
        return is_own


def _inviter(info: InviteInfo, me: str) -> str:
    """Who invites us; nothing if that is not told."""
    events = [event for event in info.invite_state if isinstance(event, InviteMemberEvent)]
    ours = (e.sender for e in events if e.state_key == me and e.membership == "invite")
    return next(ours, "")


def _members(room: MatrixRoom) -> Mapping[str, Any] | set[str]:
    heroes = room.summary.heroes if room.summary is not None else None
    return {*room.users, *(heroes or [])}
