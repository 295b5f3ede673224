"""Frames: how the processes of one host speak to each other over a socket pair.

A frame is a kind and a JSON body behind a length. JSON, because a worker runs other people's code and
the reader of its frames must survive whatever it sends. Not here: what the kinds mean.

A worker that lives for one message pays for every page of memory that it is the first to touch since
the fork (about 2 us each), and that is most of what it costs. So the way of a frame is kept short: plain
descriptors, and the C functions at the core of `json` (notation).
"""

from __future__ import annotations

import _socket  # without the enums around it, which are a megabyte
import os
import select
import struct

from botcannon_core.notation import compact, scanned

TYPE_CHECKING = False  # typing's own would cost each worker (docs/design.md)
if TYPE_CHECKING:
    from typing import Any

    Frame = tuple[str, Any]

_HEAD = struct.Struct("!I")
HEAD_BYTES = _HEAD.size
_RECEIVE_BYTES = 1 << 16
_MOST_AT_ONCE = 1 << 20
LARGEST_BYTES = 1 << 30  # a length beyond this is no frame of ours: the stream is broken


class Channel:
    """One end of a socket pair, in frames. Closing the other end is heard as EOFError."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLIN)
        self._buffer = bytearray()

    def fileno(self) -> int:
        """The descriptor to wait on; -1 once closed."""
        return self._descriptor

    def send(self, kind: str, body: Any = None) -> None:
        """Send one frame, whole. Raises OSError when the other end is gone, or takes too long."""
        self.send_packed(packed(kind, body))

    def send_packed(self, data: bytes) -> None:
        """Send a frame that was packed before."""
        sent = os.write(self._descriptor, data)
        while sent < len(data):
            sent += os.write(self._descriptor, memoryview(data)[sent:])

    def tell(self, kind: str, body: Any = None) -> None:
        """Send one frame; an end that is gone hears nothing, and its owner sees that elsewhere."""
        try:
            self.send(kind, body)
        except OSError:
            pass

    def receive(self) -> list[Frame]:
        """Wait for bytes and return the frames that are whole by now, perhaps none.

        Raises EOFError when the other end is closed or does not speak frames.
        """
        try:
            data = os.read(self._descriptor, _RECEIVE_BYTES)
        except ConnectionError:
            data = b""
        if not data:
            raise EOFError("the other end is closed")
        if not self._buffer and (frames := whole(data)):
            return frames
        self._buffer += data
        return self._whole_frames()

    def receive_one(self) -> Frame:
        """Wait for one frame and read no further: what follows may be for another process.

        For a side that reads no other way. Raises EOFError as `receive` does.
        """
        length = int.from_bytes(self._read(HEAD_BYTES), "big")
        if length > LARGEST_BYTES:
            raise EOFError("the other end does not speak frames")
        return unpacked(self._read(length))

    def rest(self) -> list[Frame]:
        """The frames that are there by now, without waiting: the last words of one that has died.

        Its own descendants may hold the other end open for as long as they like.
        """
        frames: list[Frame] = []
        if self._descriptor < 0:
            return []  # we have closed it ourselves
        try:
            while self.has_news():
                frames += self.receive()
        except EOFError:
            pass
        return frames

    def _read(self, length: int) -> bytes:
        parts: list[bytes] = []
        left = length
        while left:
            try:
                part = os.read(self._descriptor, min(left, _MOST_AT_ONCE))
            except ConnectionError:
                part = b""
            if not part:
                raise EOFError("the other end is closed")
            if len(part) == length:
                return part  # as nearly always
            parts.append(part)
            left -= len(part)
        return b"".join(parts)

    def is_closed(self) -> bool:
        """True if the other end is closed. Reads nothing, never waits."""
        return bool(self._now() & (select.POLLHUP | select.POLLERR | select.POLLNVAL))

    def close(self) -> None:
        """Close this end."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def has_news(self) -> bool:
        """True if there is something to receive, or the other end is closed. Never waits."""
        return bool(self._now() & select.POLLIN)

    def _now(self) -> int:
        if self._descriptor < 0:
            return select.POLLNVAL
        for _, events in self._poll.poll(0):
            return events
        return 0

    def _whole_frames(self) -> list[Frame]:
        frames: list[Frame] = []
        start = 0
        while len(self._buffer) - start >= HEAD_BYTES:
            (length,) = _HEAD.unpack_from(self._buffer, start)
            if length > LARGEST_BYTES:
                raise EOFError("the other end does not speak frames")
            end = start + HEAD_BYTES + length
            if len(self._buffer) < end:
                break
            frames.append(unpacked(self._buffer[start + HEAD_BYTES : end]))
            start = end
        del self._buffer[:start]
        return frames


def packed(kind: str, body: Any = None) -> bytes:
    """The bytes of one frame."""
    text = compact((kind, body)).encode()
    return _HEAD.pack(len(text)) + text


def whole(data: bytes) -> list[Frame]:
    """The frame that `data` is, as it nearly always is; nothing if it is more or less than one."""
    if len(data) == HEAD_BYTES + int.from_bytes(data[:HEAD_BYTES], "big"):
        return [unpacked(data[HEAD_BYTES:])]
    return []


def pair(patience: float = 0.0) -> tuple[int, int]:
    """Two connected descriptors, neither of which survives an exec.

    A send into the first waits up to `patience` seconds for the other end to read; 0 is for ever.
    """
    ours, theirs = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_STREAM)
    if patience:
        seconds = struct.pack("@ll", int(patience), int(patience % 1 * 1e6))
        ours.setsockopt(_socket.SOL_SOCKET, _socket.SO_SNDTIMEO, seconds)
    return ours.detach(), theirs.detach()


def unpacked(data: bytes | bytearray) -> Frame:
    """The frame behind its length. Raises EOFError for what is none."""
    try:
        text = data.decode()
        (kind, body), end = scanned(text, 0)
    except (ValueError, TypeError, RecursionError, StopIteration) as error:
        raise EOFError("the other end does not speak frames") from error
    if not isinstance(kind, str) or end != len(text):
        raise EOFError("the other end does not speak frames")
    return kind, body
