"""A line of IRC: read, written, undressed and measured.

Pure text and bytes (RFC 1459 and 2812, IRCv3 message tags): no connection, no state.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from botcannon_core.chat.split import FENCE, LEAST_LIMIT, split, utf8

LINE_BYTES = 512  # of a line without its tags, its end and the sender the server adds included

_DRESS = re.compile(
    r"\x03(?:\d{1,2}(?:,\d{1,2})?)?"  # colours by number
    r"|\x04(?:[0-9a-fA-F]{6}(?:,[0-9a-fA-F]{6})?)?"  # colours by hex
    r"|[\x02\x0f\x11\x16\x1d\x1e\x1f]"  # bold, plain, monospace, reverse, italics, struck, underlined
)
_LOWER = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ[]\\~", "abcdefghijklmnopqrstuvwxyz{}|^")
# what would end the line and begin another, or make a command to the reader's program of it (CTCP)
_BREAKS = str.maketrans(dict.fromkeys("\r\n\0\x01", " "))
_ESCAPED = {"\\:": ";", "\\s": " ", "\\\\": "\\", "\\r": "\r", "\\n": "\n"}


@dataclass(frozen=True)
class Line:
    """One line from a server: who sent it (`nick!user@host` or a server), the command, its words."""

    command: str
    words: tuple[str, ...] = ()
    source: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def nick(self) -> str:
        """Who sent it, without user and host."""
        return self.source.partition("!")[0]

    @property
    def last(self) -> str:
        """The last word, which is the text where there is one."""
        return self.words[-1] if self.words else ""

    @property
    def time(self) -> float:
        """When the server says it was sent, in seconds since the epoch; 0.0 if it says nothing."""
        try:
            return datetime.fromisoformat(self.tags.get("time", "")).timestamp()
        except ValueError:
            return 0.0


def parse(raw: bytes) -> Line:
    """The line in `raw`; bytes that are not UTF-8 are read as Latin-1. Never raises."""
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    tags, source = "", ""
    text = text.strip("\r\n")
    if text.startswith("@"):
        tags, _, text = text[1:].partition(" ")
    text = text.lstrip(" ")
    if text.startswith(":"):
        source, _, text = text[1:].partition(" ")
    text, has_last, last = text.lstrip(" ").partition(" :")
    words = [*text.split(), *([last] if has_last else [])]
    command, *rest = words or [""]
    return Line(command.upper(), tuple(rest), source, _tags(tags))


def line(*words: str) -> bytes:
    """The words as one line to send, the last as free text; nothing in them can begin another line.

    Raises ValueError for an earlier word that is empty, has a space in it or a colon first, and for
    a line that a server would cut.
    """
    *firsts, last = (word.translate(_BREAKS) for word in words)
    for word in firsts:
        if not word or " " in word or word.startswith(":"):
            raise ValueError(f"{word!r} is no word of an IRC line")
    raw = " ".join([*firsts, f":{last}" if firsts else last]).encode(errors="replace") + b"\r\n"
    if len(raw) > LINE_BYTES:
        raise ValueError(f"an IRC line of {len(raw)} bytes is longer than {LINE_BYTES}")
    return raw


def texts(text: str, target: str, source: str, most: int) -> list[str]:
    """`text` as what fits the lines said to `target` by `source`, at most `most` of them.

    IRC shows no code blocks, so their fences are left out, and says nothing in an empty line.
    """
    lines = "\n".join(row for row in text.splitlines() if not row.strip().startswith(FENCE))
    room = LINE_BYTES - utf8(f":{source} PRIVMSG {target} :\r\n")
    pieces = [
        piece
        for row in lines.splitlines()
        for piece in split(row.replace("\t", "    "), max(room, LEAST_LIMIT), utf8)
    ]
    if len(pieces) <= most:
        return pieces
    return [*pieces[: most - 1], f"… {len(pieces) - most + 1} more lines"]


def plain(text: str) -> str:
    """`text` without colours and other dress."""
    return _DRESS.sub("", text)


def fold(name: str) -> str:
    """A nick or channel in the case in which IRC compares them."""
    return name.translate(_LOWER)


def _tags(text: str) -> dict[str, str]:
    pairs = (tag.partition("=") for tag in text.split(";") if tag)
    return {
        name: re.sub(r"\\(.)", lambda found: _ESCAPED.get(found[0], found[1]), value)
        for name, _, value in pairs
    }
