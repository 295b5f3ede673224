"""What an event of Matrix holds: something a person said or edited, or nothing for a bot.

Pure: from the server's JSON to a small frozen record. Whether it is meant for this bot is asked later.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

MESSAGE, ENCRYPTED, MEMBER = "m.room.message", "m.room.encrypted", "m.room.member"

# what older clients put before an answer: what it answers, line by line
QUOTE = re.compile(r"\A(?:> [^\n]*\n)+\n?")


@dataclass(frozen=True)
class Said:
    """One thing a person said, with Matrix's ids."""

    key: str  # the event's own id
    name: str  # the id of what was said first: the same after an edit
    user: str
    channel: str
    text: str
    html: str  # the same with markup, if the client gave it, or nothing
    thread: str  # the id of the event its thread began with, or nothing
    age: float  # seconds since it was said

    @property
    def is_edit(self) -> bool:
        """True if it says anew what was said before."""
        return self.name != self.key


def said_in(event: Any, channel: str, me: str) -> Said | None:
    """What a person said in this event; None for anything else, for notices, and for `me`'s own."""
    if _text(event, "type") != MESSAGE:
        return None
    content = _dict(event, "content")
    relation = _dict(content, "m.relates_to")
    replaced = _text(relation, "event_id") if _text(relation, "rel_type") == "m.replace" else ""
    if replaced:
        content = _dict(content, "m.new_content")
        relation = _dict(content, "m.relates_to")
    user, key = _text(event, "sender"), _text(event, "event_id")
    if _text(content, "msgtype") != "m.text" or not user or not key or user == me:
        return None
    text = _text(content, "body")
    return Said(
        key=key,
        name=replaced or key,
        user=user,
        channel=channel,
        text=QUOTE.sub("", text) if "m.in_reply_to" in relation else text,
        html=_text(content, "formatted_body"),
        thread=_text(relation, "event_id") if _text(relation, "rel_type") == "m.thread" else "",
        age=age(event),
    )


def age(event: Any) -> float:
    """How many seconds ago an event was; by our own server's clock, if it says so."""
    since = _dict(event, "unsigned").get("age")
    if isinstance(since, int | float):
        return since / 1000
    at = event.get("origin_server_ts") if isinstance(event, dict) else None
    return time.time() - at / 1000 if isinstance(at, int | float) else 0.0


def since_joined(events: Iterable[Any], me: str) -> tuple[list[Any], bool]:
    """What of a room's `events` came after `me` joined, and whether that is among them."""
    kept: list[Any] = []
    has_joined = False
    for event in events:
        if _is_joining(event, me):
            kept, has_joined = [], True
        else:
            kept.append(event)
    return kept, has_joined


def is_encrypted(event: Any, me: str) -> bool:
    """True for something that another one said, and we cannot read."""
    return _text(event, "type") == ENCRYPTED and _text(event, "sender") != me


def _is_joining(event: Any, me: str) -> bool:
    if _text(event, "type") != MEMBER or _text(event, "state_key") != me:
        return False
    before = _dict(_dict(event, "unsigned"), "prev_content") or _dict(event, "prev_content")
    is_in, was_in = (_text(c, "membership") == "join" for c in (_dict(event, "content"), before))
    return is_in and not was_in


def _dict(source: Any, name: str) -> dict[str, Any]:
    value = source.get(name) if isinstance(source, dict) else None
    return value if isinstance(value, dict) else {}


def _text(source: Any, name: str) -> str:
    value = source.get(name) if isinstance(source, dict) else None
    # JSON may hold half a character, which no store takes
    return value.encode(errors="replace").decode() if isinstance(value, str) else ""
