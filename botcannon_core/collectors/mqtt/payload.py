"""What is in an MQTT message, as fields, and an answer as what is sent: text or JSON.

Pure: no connection, and nothing a stranger may publish raises here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from botcannon_core.message import MOST_FIELDS, Message

NOBODY = "anonymous"

_OURS = ("_", "mqtt_")
_SHOWN = ("text", "thread", "event_id", "file_name", "file_base64")
_SURROGATES = re.compile("[\ud800-\udfff]")


def fields(payload: bytes) -> dict[str, str]:
    """The payload as flat fields: those of a JSON object, else all of it as `text`.

    In JSON, strings stay as they are, anything else becomes JSON text; left out are null and the names
    that begin with `_` or `mqtt_`, which are botcannon's. A JSON object also gives `mqtt_json`.
    """
    text = payload.decode(errors="replace")
    found = _object(text)
    if found is None or len(found) > MOST_FIELDS // 2:
        return {"text": text.strip()}
    flat = {
        _SURROGATES.sub("\ufffd", name): _SURROGATES.sub("\ufffd", _flat(value))
        for name, value in found.items()
        if not name.startswith(_OURS) and value is not None
    }
    return {**flat, "mqtt_json": "1"}


def reply(message: Message, text: str | None) -> str:
    """What to publish as the answer: plain text to who wrote text, one JSON object to who wrote JSON."""
    if not message.get("mqtt_json"):
        return text or ""
    shown = {name: message[name] for name in _SHOWN if name in message}
    about = {"id": message.id, "outcome": message.outcome or "done"}
    if message.outcome == "parked":
        shown = {name: shown[name] for name in ("thread", "event_id") if name in shown}
        about |= {"error": message.error or "", "error_id": message.error_id or ""}
    elif "_empty" in message or text is None:
        shown.pop("text", None)
    else:
        shown["text"] = text
    return json.dumps({**about, **shown}, ensure_ascii=False)


def noted(message: Message, text: str) -> str:
    """The payload of a note, as `reply` has that of the answer."""
    if not message.get("mqtt_json"):
        return text
    return json.dumps({"id": message.id, "note": message.note or ""}, ensure_ascii=False)


def level(name: str) -> str:
    """`name` as one level of a topic."""
    return re.sub(r"[\x00-\x1f\x7f-\x9f/+#\s\ud800-\udfff]", "_", name)[:200] or NOBODY


def matches(topic_filter: str, topic: str) -> bool:
    """Whether a topic falls under a filter with the wildcards `+` and `#`."""
    wanted, levels = topic_filter.split("/"), topic.split("/")
    if levels[0].startswith("$") and wanted[0] in ("+", "#"):
        return False  # a server's own topics are only met by name
    if wanted[-1] == "#":
        wanted.pop()
        levels = levels[: len(wanted)]
    return len(wanted) == len(levels) and all(
        want in ("+", have) for want, have in zip(wanted, levels, strict=True)
    )


def _object(text: str) -> Mapping[str, Any] | None:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and found else None


def _flat(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
