"""From the head and body of a request to the fields of a message, or why it is refused.

Pure: no server, no socket. Whoever asks is checked first (`Guard`), then what is said (`fields_of`).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from botcannon_core.collectors.document import NotOne, called, parsed
from botcannon_core.errors import MessageError
from botcannon_core.message import checked_fields

Algorithm = Literal["sha256", "sha512", "sha1"]
OWN = ("direct", "mention", "event_id", "network")  # the door says these, never a body
WHO = (
    "user",
    "user_name",
    "room",
)  # access rules look at these: only who proved themselves may say them

Head = Mapping[str, str]
"""Header values by name; whoever gives it must find names in any case."""


class RefusedRequest(Exception):
    """A request that becomes no message: the HTTP status, and one line that says why.

    `wait` are seconds after which it may be tried again, if that is known.
    """

    def __init__(self, status: int, reason: str, wait: int = 0) -> None:
        self.status = status
        self.reason = reason
        self.wait = wait
        super().__init__(reason)


@dataclass(frozen=True)
class Guard:
    """What somebody must show to be heard: a bearer token, a signature over the body, both or nothing.

    With neither asked for, a request that a web page made is refused: any page somebody looks at
    could else talk to a bot on their own machine.
    """

    token: str | None = field(default=None, repr=False)
    secret: str | None = field(default=None, repr=False)
    signature_header: str = "X-Hub-Signature-256"
    algorithm: Algorithm = "sha256"

    def __post_init__(self) -> None:
        for name in ("token", "secret"):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, str) or not value):
                raise ValueError(f"a webhook's `{name}` is a text that is not empty")
        if self.algorithm not in (known := get_args(Algorithm)):
            raise ValueError(f"a webhook's `algorithm` is one of {', '.join(known)}")

    @property
    def asks(self) -> bool:
        """True if not everybody who reaches the port is heard."""
        return self.token is not None or self.secret is not None

    def check_head(self, head: Head) -> None:
        """Refuse, before a byte of the body is read, who has no right to be heard."""
        if not self.asks and "origin" in head:
            raise RefusedRequest(
                403, "requests of web pages are heard only with a token or a secret"
            )
        if self.token is not None:
            scheme, _, given = head.get("authorization", "").partition(" ")
            if scheme.lower() != "bearer" or not _same(given.strip(), self.token):
                raise RefusedRequest(401, "the bearer token is missing or wrong")

    def check_body(self, head: Head, body: bytes) -> None:
        """Refuse a body that was not signed with the secret."""
        if self.secret is None:
            return
        given = head.get(self.signature_header.lower(), "").strip()
        wanted = hmac.new(self.secret.encode(), body, getattr(hashlib, self.algorithm)).hexdigest()
        if not _same(given.removeprefix(f"{self.algorithm}=").lower(), wanted):
            raise RefusedRequest(
                401, f"the signature in {self.signature_header} is missing or wrong"
            )


def is_json(head: Head) -> bool:
    """True if the request says that its body is JSON."""
    kind = _kind(head)
    return kind == "application/json" or kind.endswith("+json")


def fields_of(head: Head, body: bytes, is_text: bool, may_say_who: bool) -> dict[str, str]:
    """What was said, as checked fields; raises RefusedRequest, naming the field that cannot be one.

    `is_text`: the body is the text, whatever it says it is.
    """
    if is_text or not is_json(head):
        return _spoken(head, body, is_text)
    given = object_of(body)
    for name, value in given.items():
        if not isinstance(value, str):
            raise RefusedRequest(422, f"field {name!r} is {called(value)}; every value is a string")
        if name in OWN:
            raise RefusedRequest(422, f"field {name!r} is the door's to say; leave it out")
        if name in WHO and not may_say_who:
            raise RefusedRequest(
                422, f"field {name!r} is heard only from who shows a token or a signature"
            )
    return _checked(given)


def _spoken(head: Head, body: bytes, is_text: bool) -> dict[str, str]:
    # curl -d says that what it sends is a form, so a form is taken as the text it looks like
    kind = _kind(head)
    is_plain = not kind or kind.startswith("text/") or kind == "application/x-www-form-urlencoded"
    if not is_text and not is_plain:
        raise RefusedRequest(415, f"a body is JSON or text, not {kind}")
    text = _decoded(body)
    if not text.strip():
        raise RefusedRequest(422, "the body is empty")
    return _checked({"text": text if is_text else text.strip()})


def _decoded(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise RefusedRequest(400, "the body is not UTF-8") from error


def object_of(body: bytes) -> dict[str, Any]:
    """The object in JSON that a body is; raises RefusedRequest if it is none."""
    try:
        return parsed(body, "the body")
    except NotOne as wrong:
        raise RefusedRequest(422 if wrong.kind == "object" else 400, wrong.text) from wrong


def _checked(fields: dict[str, Any]) -> dict[str, str]:
    try:
        return checked_fields(fields, "the body")
    except MessageError as error:
        raise RefusedRequest(422, str(error)) from error


def _kind(head: Head) -> str:
    return head.get("content-type", "").partition(";")[0].strip().lower()


def _same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode(errors="replace"), wanted.encode())
