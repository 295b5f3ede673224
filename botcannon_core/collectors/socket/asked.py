"""From the bytes of a document to the fields of a message, or why it is refused.

Pure: no socket, no waiting. Where a service runs programs, a document asks for one of them (`program`,
`data_pool`, `metadata`); elsewhere its members are the fields of the message.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from botcannon_core.collectors.document import NotOne, called, parsed
from botcannon_core.contract import ContractError, pack
from botcannon_core.errors import MessageError, suggest
from botcannon_core.message import checked_fields, flat

Kind = Literal["encoding", "json", "request", "late", "busy"]
WHO = ("user", "user_name", "room")  # access rules look at these
OWN = ("id", "token")  # of every document: the door's, never the message's
MEMBERS = ("program", "data_pool", "metadata", *OWN)


class Refused(Exception):
    """A document that has no good answer: which kind of trouble it is, and one line that says why.

    `message_id` is what was stored all the same, if anything was.
    """

    def __init__(self, kind: Kind, text: str, message_id: str = "") -> None:
        self.kind = kind
        self.text = text
        self.message_id = message_id
        super().__init__(text)


@dataclass(frozen=True)
class Manners:
    """What a door wants of a document.

    `programs` are the names that may be asked for, None where there are none at all. Without `strict`,
    members that mean nothing are passed over. Unless `may_say_who`, nobody says by whom a message is.
    """

    programs: Collection[str] | None = None
    strict: bool = True
    may_say_who: bool = True
    token: str | None = field(default=None, repr=False)


def read(data: bytes) -> dict[str, Any]:
    """The document that `data` is. Raises Refused unless it is an object in JSON, in UTF-8."""
    try:
        return parsed(data, "the document")
    except NotOne as wrong:
        raise Refused("request" if wrong.kind == "object" else wrong.kind, wrong.text) from wrong


def shows(document: Mapping[str, Any], token: str) -> bool:
    """True if the document has this token."""
    given = document.get("token")
    return isinstance(given, str) and hmac.compare_digest(
        given.encode(errors="replace"), token.encode()
    )


def fields_of(document: Mapping[str, Any], manners: Manners) -> dict[str, str]:
    """The fields that the document asks to be stored. Raises Refused, naming what is wrong."""
    if not is_name(document.get("id")):
        raise Refused(
            "request", f"`id` is {called(document['id'])}; it has to be a text or a number"
        )
    if manners.programs is None:
        return _plain(document, manners)
    return _program(document, manners, manners.programs)


def is_name(given: object) -> bool:
    """Whether a document may be called so: null is no name, but may be given."""
    return isinstance(given, str | int | float | None) and not isinstance(given, bool)


def _program(
    document: Mapping[str, Any], manners: Manners, programs: Collection[str]
) -> dict[str, str]:
    for name in document:
        if manners.strict and name not in MEMBERS:
            hint = suggest(name, MEMBERS) or f"; there are {', '.join(MEMBERS)}"
            raise Refused("request", f"no such member as {name!r}{hint}")
    fields = {
        "program": _chosen(document, programs),
        "body": _packed(_object(document, "data_pool")),
    }
    if metadata := _object(document, "metadata"):
        fields["metadata"] = json.dumps(metadata)
    return _checked(fields)


def _chosen(document: Mapping[str, Any], programs: Collection[str]) -> str:
    """The program that is asked for; the only one need not be named."""
    if "program" not in document and len(programs) == 1:
        return next(iter(programs))
    name = document.get("program")
    if not isinstance(name, str):
        known = f"one of {', '.join(sorted(programs))}"
        what = called(name) if "program" in document else "missing"
        raise Refused("request", f"`program` is {what}; it has to be {known}")
    if name not in programs:
        hint = suggest(name, list(programs)) or f"; there are {', '.join(sorted(programs))}"
        raise Refused("request", f"no such program as {name!r}{hint}")
    return name


def _object(document: Mapping[str, Any], name: str) -> dict[str, Any]:
    given = document.get(name, {})
    if not isinstance(given, dict):
        raise Refused("request", f"`{name}` is {called(given)}; it has to be an object")
    return given


def _packed(data_pool: Mapping[str, Any]) -> str:
    try:
        return pack(data_pool)
    except ContractError as error:
        raise Refused("request", str(error)) from error


def _plain(document: Mapping[str, Any], manners: Manners) -> dict[str, str]:
    given = {name: value for name, value in document.items() if name not in OWN}
    if not given:
        raise Refused("request", "the document is empty; its members are the fields of a message")
    for name in WHO:
        if name in given and not manners.may_say_who:
            raise Refused("request", f"`{name}` is heard only from who shows a token")
    # who names a room speaks in it, for rules about rooms say nothing of direct messages
    where = {} if "room" in given else {"room": "socket", "direct": "1"}
    told = {"user": "socket", **_checked(flat(given)), **where, "network": "socket"}
    return {"user_name": told["user"], **told}


def _checked(fields: dict[str, str]) -> dict[str, str]:
    try:
        return checked_fields(fields, "the document")
    except MessageError as error:
        raise Refused("request", str(error)) from error
