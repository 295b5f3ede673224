"""Frames: how the processes of one host speak to each other over a socket pair.

A frame is a kind and a JSON body behind a length. JSON, because a worker runs other people's code and
the reader of its frames must survive whatever it sends. Not here: what the kinds mean.
"""

from __future__ import annotations

import json
import socket
import struct
from typing import Any

Frame = tuple[str, Any]

_encode = json.JSONEncoder(separators=(",", ":")).encode  # made once, not for each frame
_HEAD = struct.Struct("!I")
_RECEIVE_BYTES = 1 << 16
LARGEST_BYTES = 1 << 30  # a length beyond this is no frame of ours: the stream is broken


class Channel:
    """One end of a socket pair, in frames. Closing the other end is heard as EOFError."""

    def __init__(self, sock: socket.socket, patience: float = 0.0) -> None:
        """`patience` in seconds: how long a send may wait for the other end to read; 0 is for ever."""
        seconds = struct.pack("@ll", int(patience), int(patience % 1 * 1e6))
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, seconds)
        self._socket = sock
        self._buffer = bytearray()

    def fileno(self) -> int:
        """The socket to wait on."""
        return self._socket.fileno()

    def send(self, kind: str, body: Any = None) -> None:
        """Send one frame, whole. Raises OSError when the other end is gone."""
        data = _encode((kind, body)).encode()
        self._socket.sendall(_HEAD.pack(len(data)) + data)

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
            data = self._socket.recv(_RECEIVE_BYTES)
        except ConnectionError:
            data = b""
        if not data:
            raise EOFError("the other end is closed")
        self._buffer += data
        return self._whole_frames()

    def receive_one(self) -> Frame:
        """Wait for exactly one frame: for a side that is never sent two in a row."""
        while not (frames := self.receive()):
            pass
        return frames[0]

    def rest(self) -> list[Frame]:
        """The frames that are there by now, without waiting: the last words of one that has died.

        Its own descendants may hold the other end open for as long as they like.
        """
        frames: list[Frame] = []
        if self._socket.fileno() < 0:
            return []  # we have closed it ourselves
        self._socket.setblocking(False)
        try:
            while True:
                frames += self.receive()
        except (BlockingIOError, EOFError):
            return frames

    def is_closed(self) -> bool:
        """True if the other end is closed and nothing more will come. Reads nothing, never waits."""
        try:
            return not self._socket.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def close(self) -> None:
        """Close this end."""
        self._socket.close()

    def _whole_frames(self) -> list[Frame]:
        frames: list[Frame] = []
        start = 0
        while len(self._buffer) - start >= _HEAD.size:
            (length,) = _HEAD.unpack_from(self._buffer, start)
            if length > LARGEST_BYTES:
                raise EOFError("the other end does not speak frames")
            end = start + _HEAD.size + length
            if len(self._buffer) < end:
                break
            frames.append(_frame(bytes(self._buffer[start + _HEAD.size : end])))
            start = end
        del self._buffer[:start]
        return frames


def pair() -> tuple[socket.socket, socket.socket]:
    """Two connected sockets, neither of which survives an exec."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)


def _frame(data: bytes) -> Frame:
    try:
        kind, body = json.loads(data)
    except (ValueError, TypeError, RecursionError) as error:
        raise EOFError("the other end does not speak frames") from error
    if not isinstance(kind, str):
        raise EOFError("the other end does not speak frames")
    return kind, body
