"""Long text as several messages: cut where it hurts least, code blocks closed and opened again.

Pure text: what a service's limit is, and whether it counts characters or bytes, its door knows.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Iterator

FENCE = "```"
LEAST_LIMIT = 32  # room for a block's two fences, its language, and something in it

Size = Callable[[str], int]
"""How much of a limit a text takes, at least 1 a character: `len`, or `utf8`."""

_CLOSE = f"\n{FENCE}"
_LONGEST_LANGUAGE = 12  # characters after an opening fence that are worth repeating
_CLUSTER = 16  # characters that may belong together on a screen: more is somebody's joke
_JOINER = "\u200d"  # makes one picture of several


def utf8(text: str) -> int:
    """How many bytes `text` takes on the wire; a lone surrogate counts as its replacement."""
    return len(text) if text.isascii() else len(text.encode(errors="replace"))


def split(text: str, limit: int, size: Size = len) -> list[str]:
    """`text` in pieces of at most `limit`, cut at line ends, else at spaces, else within a word.

    A piece that ends inside a ``` block closes it, and the next one opens it again. Lost are only
    the line end or space where it was cut, and blank lines at the ends of a piece; a text of blanks
    gives no piece. Raises ValueError for a limit below LEAST_LIMIT.
    """
    if limit < LEAST_LIMIT:
        raise ValueError(f"a text is split into pieces of {LEAST_LIMIT} or more, not {limit}")
    return [piece for piece in _pieces(text, limit, size) if piece.strip()]


def _pieces(text: str, limit: int, size: Size) -> Iterator[str]:
    piece, fence = "", ""  # fence: how to open the block again that stands open, or nothing
    room = limit - len(FENCE) - _LONGEST_LANGUAGE - 1 - len(_CLOSE) if FENCE in text else limit
    for part in _parts(text, room, size):
        after = _fence_after(part, fence)
        joined = f"{piece}\n{part}" if piece else part
        if size(joined) + (len(_CLOSE) if after else 0) <= limit:
            piece = joined
        else:
            yield _closed(piece, fence)
            piece = f"{fence}\n{part}" if fence else part
        fence = after
    yield _closed(piece, fence)


def _closed(piece: str, fence: str) -> str:
    piece = piece.rstrip("\n")
    if not fence:
        return piece
    before, _, last = piece.rpartition("\n")
    if last.startswith(FENCE):  # opened and nothing in it yet
        return before
    return piece + _CLOSE


def _fence_after(part: str, fence: str) -> str:
    """The fence that stands open after `part`, if `fence` stood open before it."""
    if part.count(FENCE) % 2 == 0:
        return fence
    if fence:
        return ""
    language = part.removeprefix(FENCE).strip() if part.startswith(FENCE) else ""
    is_short = len(language) <= _LONGEST_LANGUAGE and language.isascii()
    return FENCE + language if is_short and language.isprintable() else FENCE


def _parts(text: str, room: int, size: Size) -> Iterator[str]:
    """The lines of `text`; one that is larger than `room` in several parts."""
    for line in text.split("\n"):
        rest = line
        while size(rest) > room:
            cut = _cut(rest, room, size)
            yield rest[:cut]
            rest = rest[cut:].removeprefix(" ")
        if rest or not line:
            yield rest


def _cut(line: str, room: int, size: Size) -> int:
    """How many characters of `line` to take: as many as fit, fewer if that saves a word."""
    most = bisect_right(range(min(len(line), room) + 1), room, key=lambda n: size(line[:n])) - 1
    space = line.rfind(" ", most // 2, most + 1)
    if space > 0:
        return space
    for cut in range(most, max(1, most - _CLUSTER), -1):
        if not _belong_together(line[cut - 1], line[cut]):
            return cut
    return most


def _belong_together(before: str, after: str) -> bool:
    """Whether a cut between two characters would spoil a letter, a picture or a fence."""
    return (
        before == after == "`"
        or _JOINER in (before, after)
        or "\ufe00" <= after <= "\ufe0f"  # how the picture before it is drawn
        or "\U0001f3fb" <= after <= "\U0001f3ff"  # the colour of its skin
        or bool(unicodedata.combining(after))
    )
