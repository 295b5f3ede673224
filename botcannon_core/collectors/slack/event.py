"""What an envelope of Socket Mode holds: something a person said or edited, or nothing for a bot.

Pure: from Slack's JSON to a small frozen record. Whether it is meant for this bot is asked later.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

# a message with one of these was written by a person, now; all other subtypes but edits are notices
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
    edited: str = ""  # the stamp of the edit, if it is one

    @property
    def name(self) -> str:
        """What names the message itself, before and after an edit."""
        return f"{self.channel}:{self.stamp}"

    @property
    def key(self) -> str:
        """What names this saying of it: Slack may tell of one in two events (`app_mention`)."""
        return f"{self.name}:{self.edited}"


def said_in(envelope: dict[str, Any], me: str) -> Said | None:
    """What a person said in this envelope; None for anything else, a bot's words, and `me`'s own."""
    payload = envelope.get("payload")
    event = payload.get("event") if isinstance(payload, dict) else None
    if not isinstance(payload, dict) or not isinstance(event, dict):
        return None
    if event.get("type") not in ("message", "app_mention"):
        return None
    is_edit = event.get("subtype") == "message_changed"
    inner = _changed(event) if is_edit else event
    if inner is None or (inner.get("subtype") or "") not in SPOKEN or inner.get("bot_id"):
        return None
    edit = inner.get("edited")
    edited = _text(edit, "ts") if isinstance(edit, dict) else ""
    if bool(edited) is not is_edit:
        return None
    user, stamp = _text(inner, "user"), _text(inner, "ts")
    channel = _text(event, "channel")
    if not user or not channel or not stamp or user == me:
        return None
    return Said(
        event_id=_text(payload, "event_id") or f"{channel}:{stamp}:{edited}",
        user=user,
        channel=channel,
        text=_text(inner, "text"),
        stamp=stamp,
        thread=_text(inner, "thread_ts"),
        is_direct=event.get("channel_type") == "im" or channel.startswith("D"),
        edited=edited,
    )


def _changed(event: dict[str, Any]) -> dict[str, Any] | None:
    """The message after a change, if its text is another one: a link that unfolds is no edit."""
    now, before = event.get("message"), event.get("previous_message")
    if not isinstance(now, dict):
        return None
    is_same = isinstance(before, dict) and before.get("text") == now.get("text")
    return None if is_same else now


def _text(source: dict[str, Any], name: str) -> str:
    value = source.get(name)
    # JSON may hold half a character, which no store takes
    return value.encode(errors="replace").decode() if isinstance(value, str) else ""
