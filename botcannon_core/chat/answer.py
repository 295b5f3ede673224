"""What a person should see of a taskback, in whatever service they asked.

Not here: splitting and sending, which are the door's; how a result became text (render).
"""

from __future__ import annotations

import base64
import binascii
from typing import NamedTuple

from botcannon_core.message import Message, one_line

INVALID = "invalid"  # the result that marks a line which was no command, or not theirs to give
MOST_FILE_BYTES = 5_000_000  # of an attachment: larger ones stay with who made them


class Attachment(NamedTuple):
    """A file that comes with an answer."""

    name: str
    content: bytes


def answer(message: Message) -> str | None:
    """The text of a taskback: its reply, its error in one line with its id, or nothing."""
    if message.outcome == "parked":
        error = f"error: {message.error or 'this could not be done'}"
        return f"{error} (log {message.error_id})" if message.error_id else error
    if message.outcome == "skipped" and message.error:
        return f"{message.error}: {one_line(message.get('text', ''), 60)}"
    if message.outcome == "skipped" or "_empty" in message:
        return None  # its text is only what was asked
    return message.get("text") or None


def note(message: Message) -> str:
    """The text of a note: how far a message is that still runs."""
    return f"… {message.note}" if message.note else ""


def is_private(message: Message) -> bool:
    """True if the answer is for the asker alone, among others."""
    is_meant = message.get("private", "") not in ("", "0", "false")
    return is_meant and message.get("direct") != "1"


def attachment(message: Message, most: int = MOST_FILE_BYTES) -> Attachment | None:
    """The file of a taskback, from `file_name` and `file_base64`, if it has one.

    The name is the last part of a path, printable, 100 characters at most. Raises ValueError, in
    words for whoever asked, for a file of more than `most` bytes or one that is not base64.
    """
    encoded = message.get("file_base64", "")
    if not encoded or message.outcome in ("parked", "skipped"):
        return None
    name = _name(message.get("file_name", ""))
    try:
        # what is far too large is not even decoded
        content = base64.b64decode(encoded[: (most + 3) // 3 * 4 + 4], validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"{name} could not be sent: its content is no base64") from error
    if len(content) > most:
        raise ValueError(f"{name} is larger than the {most:,} bytes that can be sent")
    return Attachment(name, content)


def text_and_file(text: str, message: Message) -> tuple[str, Attachment | None]:
    """The text of an answer and its file; where that is none that can be sent, the text says why."""
    try:
        return text, attachment(message)
    except ValueError as error:
        return f"{text}\n{error}".strip(), None


def _name(path: str) -> str:
    last = path.replace("\\", "/").rpartition("/")[2]
    return "".join(c for c in last if c.isprintable()).strip(". ")[:100] or "file"
