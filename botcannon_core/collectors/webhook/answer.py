"""What a waiting request is answered: a status, a kind and a body, made of the taskback.

Pure. A client that spoke JSON is answered in JSON, one that sent text is answered with the text.
"""

from __future__ import annotations

import json
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import quote

from botcannon_core.chat.answer import attachment
from botcannon_core.message import Message, given


@dataclass(frozen=True)
class Answer:
    """One HTTP answer."""

    status: int
    body: bytes = b""
    kind: str = "text/plain; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)


def answer_to(message: Message, asked: Mapping[str, str], as_json: bool) -> Answer:
    """The answer that a taskback is to the request whose fields were `asked`.

    Done: 200 and what the tasks gave. Done without results, or skipped: 204. Parked or cancelled: 500
    with the error, its id in the log, and the message's own id.
    """
    if message.outcome == "parked" or message.error:
        error = message.error or "this could not be done"
        return refusal(500, error, as_json, id=message.id, error_id=message.error_id or "")
    if message.outcome == "skipped" or "_empty" in message:
        return _named(Answer(204), message.id)
    return _named(_done(message, given(message, asked), as_json), message.id)


def stored(message_id: str, as_json: bool) -> Answer:
    """The answer to who does not wait: it is kept, and will be done."""
    return _named(_json(202, {"id": message_id}) if as_json else Answer(202), message_id)


def refusal(status: int, reason: str, as_json: bool, wait: int = 0, **more: str) -> Answer:
    """The answer to a request that has no good one: one line, and what helps to look it up.

    `wait` are the seconds after which it may be tried again, 0 if nobody knows.
    """
    told = {name: value for name, value in more.items() if value}
    if as_json:
        answer = _json(status, {"error": reason, **told})
    else:
        tail = ", ".join(f"{name} {value}" for name, value in told.items())
        answer = _text(status, f"error: {reason}{f' ({tail})' if tail else ''}")
    wait = wait or (1 if status == 503 else 0)
    headers = {"Retry-After": str(wait)} if wait else {}
    if status == 401:
        headers = {"WWW-Authenticate": "Bearer"}
    return _named(replace(answer, headers=headers), told.get("id", ""))


def _done(message: Message, given: dict[str, str], as_json: bool) -> Answer:
    try:
        file = attachment(message) if "file_base64" in given else None
    except ValueError as error:
        file = None
        del given["file_base64"]
        given["text"] = f"{given.get('text', '')}\n{error}".strip()
    if as_json:
        return _json(200, {"id": message.id, **given})
    if file is None:
        return _text(200, given.get("text", ""))
    kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    # as an attachment, so that no browser shows what somebody made a bot send
    disposition = f"attachment; filename*=UTF-8''{quote(file.name, safe='', errors='replace')}"
    return Answer(200, file.content, kind, {"Content-Disposition": disposition})


def _json(status: int, fields: Mapping[str, str]) -> Answer:
    body = json.dumps(fields, ensure_ascii=False).encode(errors="replace")
    return Answer(status, body + b"\n", "application/json")


def _text(status: int, text: str) -> Answer:
    return Answer(status, f"{text}\n".encode(errors="replace"))


def _named(answer: Answer, message_id: str) -> Answer:
    headers = {"X-Content-Type-Options": "nosniff", **answer.headers}
    if message_id:
        headers["X-Message-Id"] = message_id
    return replace(answer, headers=headers)
