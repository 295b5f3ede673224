"""What a call to Rocket.Chat sends: JSON, or a form with a file in it.

Pure: from values to bytes and the headers that describe them.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from botcannon_core.chat.answer import Attachment


@dataclass(frozen=True)
class Form:
    """A file with fields beside it."""

    file: Attachment
    words: Mapping[str, str] = field(default_factory=dict)


def encoded(body: Any) -> tuple[bytes | None, dict[str, str]]:
    """A call's body, None for none, and its headers."""
    headers = {"Accept": "application/json", "User-Agent": "botcannon"}
    if body is None:
        return None, headers
    if not isinstance(body, Form):
        return json.dumps(body).encode(), headers | {"Content-Type": "application/json"}
    border = uuid.uuid4().hex
    kind = f"multipart/form-data; boundary={border}"
    return _bytes(body, border), headers | {"Content-Type": kind}


def _bytes(form: Form, border: str) -> bytes:
    name = form.file.name.replace("\\", "_").replace('"', "_")
    parts = [
        f'--{border}\r\nContent-Disposition: form-data; name="{word}"\r\n\r\n{value}\r\n'.encode()
        for word, value in form.words.items()
    ]
    head = (
        f'--{border}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    return b"".join([*parts, head.encode(), form.file.content, f"\r\n--{border}--\r\n".encode()])
