"""What an envelope of Socket Mode holds: something a person said, or nothing for a bot.

Pure: from Slack's JSON to a small frozen record. Whether it is meant for this bot is asked later.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

# a message with one of these was written by a person, now; all other subtypes are edits and notices
SPOKEN = ("", "file_share", "thread_broadcast", "me_message")


@dataclass(frozen=True)
class Said:
    """One thing a person said, with Slack's ids and markup."""

    event_id: str
    user: str
    channel: str
    text: str
    stamp: str  # of the message in its channel; it has the same in every event about it
    thread: str  # the stamp of the message its thread began with, or nothing
    is_direct: bool

    @property
    def key(self) -> str:
        """What names the message itself: Slack may tell of one in two events (`app_mention`)."""
        return f"{self.channel}:{self.stamp}"


def said_in(envelope: dict[str, Any], me: str) -> Said | None:
    """What a person said in this envelope; None for anything else, a bot's words, and `me`'s own."""
    payload = envelope.get("payload")
    event = payload.get("event") if isinstance(payload, dict) else None
    if not isinstance(payload, dict) or not isinstance(event, dict):
        return None
    if event.get("type") not in ("message", "app_mention"):
        return None
    if (event.get("subtype") or "") not in SPOKEN or event.get("bot_id") or event.get("edited"):
        return None
    user, channel, stamp = (_text(event, name) for name in ("user", "channel", "ts"))
    if not user or not channel or not stamp or user == me:
        return None
    return Said(
        event_id=_text(payload, "event_id") or f"{channel}:{stamp}",
        user=user,
        channel=channel,
        text=_text(event, "text"),
        stamp=stamp,
        thread=_text(event, "thread_ts"),
        is_direct=event.get("channel_type") == "im" or channel.startswith("D"),
    )


def _text(source: dict[str, Any], name: str) -> str:
    value = source.get(name)
    # JSON may hold half a character, which no store takes
    return value.encode(errors="replace").decode() if isinstance(value, str) else ""
