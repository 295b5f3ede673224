"""The wire of one host: everything it says to the store goes through here, and here it can be cut.

A thread that copies bytes between sockets. *Silent* is what a broken network is: nothing arrives, and
nobody is told. Not here: what the bytes mean.
"""

import selectors
import socket
import struct
import threading
from contextlib import suppress
from typing import cast

CHUNK_BYTES = 1 << 16
TURN_SECONDS = 0.02
RESET = struct.pack("ii", 1, 0)  # linger for no time: closing tells the other side at once


class Wire:
    """A way to `port` of this machine, under a port of its own."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._ear = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._ear.getsockname()[1])
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._ear, selectors.EVENT_READ)
        self._others: dict[socket.socket, socket.socket] = {}
        self._silent = threading.Event()
        self._cut = threading.Event()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def silence(self, silent: bool) -> None:
        """Begin or end a time in which nothing arrives anywhere."""
        (self._silent.set if silent else self._silent.clear)()

    def cut(self) -> None:
        """Reset every connection there is."""
        self._cut.set()

    def close(self) -> None:
        """Be gone."""
        self._closed.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._closed.is_set():
            if self._cut.is_set():
                self._cut.clear()
                for end in list(self._others):
                    self._end(end)
            if self._silent.is_set():
                self._closed.wait(TURN_SECONDS)
                continue
            for key, _ in self._selector.select(TURN_SECONDS):
                end = cast(socket.socket, key.fileobj)
                self._accept() if end is self._ear else self._copy(end)
        for end in [*self._others, self._ear]:
            end.close()

    def _accept(self) -> None:
        near, _ = self._ear.accept()
        try:
            far = socket.create_connection(("127.0.0.1", self._target), 1.0)
        except OSError:
            near.close()
            return
        for end, other in ((near, far), (far, near)):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            end.settimeout(5.0)
            self._others[end] = other
            self._selector.register(end, selectors.EVENT_READ)

    def _copy(self, end: socket.socket) -> None:
        if end not in self._others:
            return  # its other end was closed in this turn
        try:
            data = end.recv(CHUNK_BYTES)
            if data:
                self._others[end].sendall(data)
                return
        except OSError:
            pass
        self._end(end)

    def _end(self, end: socket.socket) -> None:
        other = self._others.pop(end, None)
        if other is None:
            return
        del self._others[other]
        for one in (end, other):
            self._selector.unregister(one)
            with suppress(OSError):
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            one.close()
