"""What a message of Rocket.Chat holds: something a person said, or nothing for a bot.

Pure: from the server's JSON, over the socket or from the history, to a small frozen record. Whether it
is meant for this bot, and news, is asked later.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

# the link that stands before an answer to what it quotes
QUOTE = re.compile(r"^(?:\[ \]\([^()\s]*\)\s*)+")


@dataclass(frozen=True)
class Room:
    """Where something was said: `kind` is `c`, `p` (private), `d` (direct) or another letter."""

    kind: str = ""
    name: str = ""


@dataclass(frozen=True)
class Said:
    """One thing a person said, with Rocket.Chat's ids."""

    name: str  # the id of the message: the same in every event about it
    user: str
    user_name: str
    channel: str
    room: Room
    text: str
    time: float  # when it was said first, by the server's clock
    thread: str  # the id of the message its thread began with, or nothing
    edited: str  # when it was edited, or nothing

    @property
    def key(self) -> str:
        """What names this saying of it."""
        return f"{self.name}:{self.edited}" if self.edited else self.name

    def is_direct(self, me: str) -> bool:
        """True if nobody else is in its room: the id of such a room is made of the two."""
        pair = (self.user + me, me + self.user)
        return self.room.kind == "d" and self.channel in pair


def said_in(message: Any, room: Room, me: str) -> Said | None:
    """What a person said in this message; None for a notice, a bot's words, and `me`'s own."""
    if not isinstance(message, dict) or message.get("t") or message.get("bot"):
        return None
    who = message.get("u")
    user = _text(who, "_id")
    name, channel, time = _text(message, "_id"), _text(message, "rid"), seconds(message.get("ts"))
    if not user or not name or not channel or not time or user == me:
        return None
    return Said(
        name=name,
        user=user,
        user_name=_text(who, "name") or _text(who, "username") or user,
        channel=channel,
        room=room,
        text=QUOTE.sub("", _text(message, "msg")),
        time=time,
        thread=_text(message, "tmid"),
        edited=f"{seconds(message['editedAt']):.3f}" if message.get("editedAt") else "",
    )


def room_in(about: Any) -> Room:
    """The room that the history (`t`, `name`) or an event (`roomType`, `roomName`) tells of."""
    kind = _text(about, "roomType") or _text(about, "t")
    return Room(kind, _text(about, "roomName") or _text(about, "name"))


def seconds(moment: Any) -> float:
    """A time since the epoch, from either of the server's ways to write one; 0.0 for none."""
    if isinstance(moment, dict):
        moment = moment.get("$date")
    if isinstance(moment, int | float):
        return moment / 1000
    try:
        return datetime.fromisoformat(moment).timestamp()
    except (TypeError, ValueError):
        return 0.0


def _text(source: Any, name: str) -> str:
    value = source.get(name) if isinstance(source, dict) else None
    # JSON may hold half a character, which no store takes
    return value.encode(errors="replace").decode() if isinstance(value, str) else ""
