"""What a door answers a request: one envelope for everything, `{ok, result}` or `{ok, error, trace}`.

Pure. An envelope comes of a program's own answer, of the taskback of ordinary tasks, or of a request
that was refused. Not here: how it is sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botcannon_core.contract import ContractError, plain, unpack
from botcannon_core.message import Message, given

Envelope = dict[str, Any]


def of_program(message: Message, asked: Mapping[str, str]) -> Envelope:
    """The envelope that a program's run has left in `body`, or why there is none."""
    body = message.get("body", "")
    # results win over what was asked: the same text is what was asked
    answer = _object(body) if body != asked.get("body") else None
    if answer is None or not isinstance(answer.get("ok"), bool):
        return {**_unanswered(message), "message": message.id}
    return {**answer, "message": message.id}


def of_tasks(message: Message, asked: Mapping[str, str]) -> Envelope:
    """The envelope of what ordinary tasks gave, without what was merely asked."""
    if message.outcome == "parked" or message.error:
        return {**_unanswered(message), "message": message.id}
    return {"ok": True, "result": given(message, asked), "message": message.id}


def of_refusal(text: str, message_id: str = "") -> Envelope:
    """The envelope of a request that came to nothing, or whose answer does not come."""
    envelope: Envelope = {"ok": False, "error": {"text": text}, "trace": []}
    return {**envelope, "message": message_id} if message_id else envelope


def _unanswered(message: Message) -> Envelope:
    text = message.error or "this could not be done"
    told = {"error_id": message.error_id} if message.error_id else {}
    return {"ok": False, "error": {"text": text, **told}, "trace": []}


def _object(text: str) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = plain(unpack(text))
    except ContractError:
        return None
    return found
