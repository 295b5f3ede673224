"""Lines: the output of a child process, as whole lines of text.

Partial lines wait for their end, bytes that are no UTF-8 survive as replacement characters, and a line
without end is cut. Not here: where lines go.
"""

from __future__ import annotations

import os

LONGEST_LINE_BYTES = 64_000
_READ_BYTES = 1 << 16
_MOST_READS = 16  # at a time, so that one flood of text cannot hold up its reader


class Lines:
    """The read end of a pipe; `read()` never blocks."""

    def __init__(self, descriptor: int) -> None:
        os.set_blocking(descriptor, False)
        self._descriptor = descriptor
        self._rest = b""
        self.is_closed = False

    def fileno(self) -> int:
        """The pipe to wait on; -1 once closed."""
        return self._descriptor

    def read(self) -> list[str]:
        """The lines that are whole by now; at the end of the pipe also the last, unfinished one."""
        data = b"" if self.is_closed else self._available()
        *whole, self._rest = (self._rest + data).split(b"\n")
        if self.is_closed or len(self._rest) > LONGEST_LINE_BYTES:
            return [*map(_text, whole), *self._unfinished()]
        return [*map(_text, whole)]

    def so_far(self) -> list[str]:
        """What is there of one who has nothing more to say, also its unfinished line."""
        return [*self.read(), *self._unfinished()]

    def last(self) -> list[str]:
        """What is there of a child that has died, also its unfinished line.

        A descendant of it may hold the pipe open; what that prints is nobody's any more.
        """
        return [*self.read(), *self.read(), *self._unfinished()]  # the second read sees the end

    def _unfinished(self) -> list[str]:
        rest, self._rest = self._rest, b""
        return [_text(rest)] if rest else []

    def _available(self) -> bytes:
        parts = []
        for _ in range(_MOST_READS):
            try:
                data = os.read(self._descriptor, _READ_BYTES)
            except BlockingIOError:
                break
            self.is_closed = not data
            parts.append(data)
            if len(data) < _READ_BYTES:
                break
        return b"".join(parts)

    def close(self) -> None:
        """Close the pipe."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
            self.is_closed = True


def _text(line: bytes) -> str:
    return line.decode("utf-8", "replace").rstrip("\r")
