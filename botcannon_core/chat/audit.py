"""The audit line: who said what, where, what it came to and how it ended, as one line of `name=value`.

A command may take its process along, so a line is written in two pieces: `begun` before anything runs,
`ended` after it. One without `outcome=` is a command that never came back. Pure: whoever runs the
command writes both pieces to its log. Not here: the rules (acl).
"""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Iterable

from botcannon_core.chat.acl import Asker
from botcannon_core.chat.clean import safe
from botcannon_core.chat.said import Said
from botcannon_core.message import one_line

PREFIX = "audit "
_LONGEST = 300  # characters of what was typed, and of the arguments
_LONGEST_LOOK = 16_000  # characters looked at, so that a default of megabytes costs nothing


def begun(asker: Asker, message_id: str, text: str, hidden: Collection[str] = ()) -> str:
    """The first piece, without an end of line: who, where, when, and what was typed."""
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    parts = {"time": at, "message": message_id, "network": asker.network, "user": asker.user}
    parts |= {"room": asker.room, "text": text}
    return PREFIX + " ".join(f"{name}={_value(part, hidden)}" for name, part in parts.items())


def ended(
    outcome: str,
    path: Iterable[str],
    line: Iterable[Said],
    took: float,
    hidden: Collection[str] = (),
) -> str:
    """The second piece, with its end of line: what was reached, with what, and how it ended.

    `took` is in seconds.
    """
    words = " ".join(_word(one, hidden) for one in line if one.call)
    parts = {"path": " ".join(path), "arguments": words}
    told = " ".join(f"{name}={_value(part, hidden)}" for name, part in parts.items())
    return f" {told} outcome={outcome} seconds={took:.3f}\n"


def turned_away(asker: Asker, text: str, why: str, lines: int = 1) -> str:
    """A whole line, with its end, for what was not even let in; `lines` were not so far."""
    return f"{begun(asker, '', text)} outcome={why} lines={lines}\n"


def _word(one: Said, hidden: Collection[str]) -> str:
    # struck before it is quoted, which would change a secret with a quote in it
    text = safe(one.text[:_LONGEST_LOOK], hidden)
    text = text if text and " " not in text else json.dumps(text, ensure_ascii=False)
    return f"{one.option}={text}" if one.option else text


def _value(text: str, hidden: Collection[str]) -> str:
    # struck before it is cut, or a secret could lose its tail and be shown
    clean = one_line(safe(text[:_LONGEST_LOOK], hidden), _LONGEST)
    return clean if clean.isalnum() else json.dumps(clean, ensure_ascii=False)
