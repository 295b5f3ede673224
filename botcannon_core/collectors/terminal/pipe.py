"""The terminal for a script: lines from stdin, one reply after the other on stdout, nothing else.

No prompt, no banner, no colours; and no thread, so that a pipe nobody writes to never holds an exit.
"""

from __future__ import annotations

import asyncio
import os

from botcannon_core.collectors.terminal.surface import put

CHUNK = 65_536  # bytes asked for at once: what a Linux pipe holds


class Pipe:
    """Reads lines from one file descriptor and writes replies to another."""

    one_at_a_time = True

    def __init__(self, source: int = 0, sink: int = 1) -> None:
        self._source = source
        self._sink = sink
        self._rest = b""
        self._ended = False

    async def next_line(self) -> str | None:
        """The next line that is not blank; None at the end of input, or once nobody reads replies."""
        while not self._ended or self._rest:
            if text := (await self._line()).decode(errors="replace").strip():
                return text
        return None

    async def show(self, text: str) -> None:
        """Write `text`, at once; when nobody reads it, the input ends too."""
        try:
            put(text, self._sink)
        except OSError:
            self._ended, self._rest = True, b""

    def note(self, about: str, text: str) -> None:
        """Nothing: a script gets answers alone."""

    def close(self) -> None:
        """Nothing: the descriptors are the process's own."""

    async def _line(self) -> bytes:
        while not self._ended and b"\n" not in self._rest:
            chunk = await self._chunk()
            self._rest += chunk
            self._ended = not chunk
        line, _, self._rest = self._rest.partition(b"\n")
        return line

    async def _chunk(self) -> bytes:
        try:
            await _readable(self._source)
            return os.read(self._source, CHUNK)
        except OSError:  # closed, or a terminal that hung up
            return b""


async def _readable(descriptor: int) -> None:
    """Return once a read would not block, even if it reads the end."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    try:
        loop.add_reader(descriptor, ready.set)
    except PermissionError:  # a plain file or /dev/null: epoll refuses it, for it never blocks
        return
    try:
        await ready.wait()
    finally:
        loop.remove_reader(descriptor)
