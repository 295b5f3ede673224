"""Where one document ends and the next begins, in bytes that come in pieces of any size.

Pure: no socket and no JSON. `Lines` end with a newline, `Sized` have their length first, `Bare` ones end
with their last bracket, as clients send them that know nothing of framing. The end of what somebody
says also ends a line and a bare document.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import Protocol

_SIZE = struct.Struct(">I")
_BLANK = b" \t\r\n"
_MARK = re.compile(rb'["{}\[\]]')
_MARK_IN_TEXT = re.compile(rb'["\\\x00-\x1f]')


class TooLarge(Exception):
    """A document has more bytes than are taken; nothing after it can be told apart."""


class CutOff(Exception):
    """Nothing more comes, and the document that has begun is not whole."""


class Framing(Protocol):
    """Takes bytes as they come, and gives documents."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The documents that are whole now, to be taken all. Raises TooLarge after the last good one."""
        ...

    def end(self) -> list[bytes]:
        """What is left when nothing more comes. Raises CutOff."""
        ...

    @property
    def has_begun(self) -> bool:
        """True within a document."""
        ...

    def frame(self, document: bytes) -> bytes:
        """A document as it is sent."""
        ...


class Lines:
    """A document is a line; the last one may lack its newline. Empty lines are nothing."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The lines that are whole now. Raises TooLarge."""
        first, *others = data.split(b"\n")
        self._keep(first)
        for other in others:
            yield from self.end()
            self._keep(other)

    def end(self) -> list[bytes]:
        """The line that has begun."""
        line, self._kept = bytes(self._kept), bytearray()
        return [line] if line.strip(_BLANK) else []

    @property
    def has_begun(self) -> bool:
        """True within a line."""
        return bool(self._kept)

    def frame(self, document: bytes) -> bytes:
        """The document and a newline."""
        return document + b"\n"

    def _keep(self, part: bytes) -> None:
        if len(self._kept) + len(part) > self._most:
            raise TooLarge
        self._kept += part


class Sized:
    """A document comes after its number of bytes, in four bytes, the highest first."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The documents that are whole now. Raises TooLarge."""
        self._kept += data
        while len(self._kept) >= _SIZE.size:
            (size,) = _SIZE.unpack_from(self._kept)
            if size > self._most:
                raise TooLarge
            end = _SIZE.size + size
            if len(self._kept) < end:
                break
            document = bytes(self._kept[_SIZE.size : end])
            del self._kept[:end]
            yield document

    def end(self) -> list[bytes]:
        """Nothing, or CutOff."""
        if self._kept:
            self._kept.clear()
            raise CutOff
        return []

    @property
    def has_begun(self) -> bool:
        """True within a document or its length."""
        return bool(self._kept)

    def frame(self, document: bytes) -> bytes:
        """The document after its length."""
        return _SIZE.pack(len(document)) + document


class Bare:
    """A document ends with the bracket that closes its first one.

    What does not begin with a bracket, or has a control character within a text, is no JSON: it ends
    where its bytes end for now, so that whoever sent it is told at once.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept = bytearray()
        self._seen = 0  # so many bytes of it were looked at
        self._depth = 0
        self._is_in_text = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The documents that are whole now. Raises TooLarge."""
        self._kept += data
        while (end := self._end_of_first()) is not None and end <= self._most:
            document = bytes(self._kept[:end])
            del self._kept[:end]
            self._seen = self._depth = 0
            self._is_in_text = False
            yield document
        if len(self._kept) > self._most:
            raise TooLarge

    def end(self) -> list[bytes]:
        """The document that has begun, as far as it came."""
        left, self._kept = bytes(self._kept), bytearray()
        return [left] if left.strip(_BLANK) else []

    @property
    def has_begun(self) -> bool:
        """True within a document."""
        return bool(self._kept)

    def frame(self, document: bytes) -> bytes:
        """The document, as it is."""
        return document

    def _end_of_first(self) -> int | None:
        """Where the first document ends; None if it does not yet."""
        if not self._seen:
            del self._kept[: len(self._kept) - len(self._kept.lstrip(_BLANK))]
            if self._kept and not self._kept.startswith((b"{", b"[")):
                return len(self._kept)
        while True:
            marks = _MARK_IN_TEXT if self._is_in_text else _MARK
            mark = marks.search(self._kept, self._seen)
            if mark is None:
                self._seen = len(self._kept)
                return None
            if mark[0] == b"\\" and mark.end() == len(self._kept):
                self._seen = mark.start()  # what it hides has not come yet
                return None
            self._seen = mark.end()
            if self._is_end(mark[0]):
                return self._seen

    def _is_end(self, mark: bytes) -> bool:
        """Take one mark into account; true if the document ends with it."""
        if mark == b'"':
            self._is_in_text = not self._is_in_text
        elif mark == b"\\":
            self._seen += 1
        elif mark in (b"{", b"["):
            self._depth += 1
        elif mark in (b"}", b"]"):
            self._depth -= 1
        return self._depth <= 0 or (self._is_in_text and mark < b" ")
