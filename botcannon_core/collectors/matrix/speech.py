"""What a Matrix bot says: the content of its events, in a thread if it is to be there.

Pure. An answer is a notice, by the rules of Matrix: other bots pass over those, so that no two of them
talk for ever.
"""

from __future__ import annotations

import hashlib
import mimetypes
from typing import Any

from botcannon_core.chat.answer import Attachment
from botcannon_core.collectors.matrix.markup import formatted

Content = dict[str, Any]


def spoken(text: str, thread: str = "", asked: str = "", is_notice: bool = True) -> Content:
    """A text, in the thread that began with the event `thread`, under the event `asked`."""
    said: Content = {
        "msgtype": "m.notice" if is_notice else "m.text",
        "body": text,
        "m.mentions": {},  # whatever the text looks like, it calls nobody
    }
    markup = formatted(text)
    if markup is not None:
        said |= {"format": "org.matrix.custom.html", "formatted_body": markup}
    return said | _placed(thread, asked)


def changed(text: str, event_id: str, is_notice: bool = True) -> Content:
    """A text instead of what we said in this event."""
    new = spoken(text, is_notice=is_notice)
    relation = {"rel_type": "m.replace", "event_id": event_id}
    return {**new, "body": f"* {text}", "m.new_content": new, "m.relates_to": relation}


def shown(file: Attachment, uri: str, thread: str = "", asked: str = "") -> Content:
    """A file that the server keeps at `uri`."""
    kind = kind_of(file)
    return {
        "msgtype": "m.image" if kind.startswith("image/") else "m.file",
        "body": file.name,
        "filename": file.name,
        "url": uri,
        "info": {"size": len(file.content), "mimetype": kind},
        **_placed(thread, asked),
    }


def kind_of(file: Attachment) -> str:
    """The media type that a file's name speaks of."""
    return mimetypes.guess_type(file.name)[0] or "application/octet-stream"


def once(*parts: object) -> str:
    """A name for one saying: the server takes what has the same name a second time for a repeat."""
    return hashlib.sha256(repr(parts).encode(errors="replace")).hexdigest()[:32]


def _placed(thread: str, asked: str) -> Content:
    if not thread:
        return {}
    relation: Content = {"rel_type": "m.thread", "event_id": thread, "is_falling_back": True}
    # for clients that know no threads
    return {"m.relates_to": relation | {"m.in_reply_to": {"event_id": asked or thread}}}
