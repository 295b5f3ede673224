"""A wire of a given length: passes bytes between clients and a store, each so many seconds later.

A process of its own, since it takes CPU; so what it costs is measured as well, with a delay of none.
Bytes are passed on as they come, whatever they are: several packets may be under way at once.
"""

from __future__ import annotations

import select
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.server import free_port

RECEIVE_BYTES = 1 << 18
READY_SECONDS = 10.0


class Way:
    """One direction of one connection: what has come and is not due yet."""

    def __init__(self, source: socket.socket, target: socket.socket) -> None:
        self.source = source
        self.target = target
        self._under_way: deque[tuple[float, bytes]] = deque()  # due, in order

    @property
    def due(self) -> float | None:
        """When the next bytes are to arrive."""
        return self._under_way[0][0] if self._under_way else None

    def take(self, delay: float) -> bool:
        """Take what has come; False if there will be no more."""
        data = self.source.recv(RECEIVE_BYTES)
        self._under_way.append((time.monotonic() + delay, data))
        return bool(data)

    def give(self, now: float) -> None:
        """Pass on what is due; an end is passed on as well."""
        while self._under_way and self._under_way[0][0] <= now:
            data = self._under_way.popleft()[1]
            if data:
                self.target.sendall(data)
            else:
                self.target.shutdown(socket.SHUT_WR)


class Wire:
    """All connections through one port."""

    def __init__(self, listening: socket.socket, to: tuple[str, int], delay: float) -> None:
        self._listening = listening
        self._to = to
        self._delay = delay
        self._ways: dict[socket.socket, Way] = {}  # by their source, those that may say more
        self._ending: list[Way] = []  # those that will not, and have bytes under way

    def run(self) -> None:
        """Pass on for ever."""
        while True:
            for way in [*self._ways.values(), *self._ending]:
                self._give(way)
            self._ending = [way for way in self._ending if way.due is not None]
            heard, _, _ = select.select([self._listening, *self._ways], [], [], self._patience())
            for one in heard:
                self._hear(one)

    def _patience(self) -> float | None:
        ways = [*self._ways.values(), *self._ending]
        moments = [way.due for way in ways if way.due is not None]
        return max(0.0, min(moments) - time.monotonic()) if moments else None

    def _hear(self, one: socket.socket) -> None:
        if one is self._listening:
            self._connect()
        elif (way := self._ways.get(one)) is not None:
            try:
                goes_on = way.take(self._delay)
            except OSError:
                self._cut(way)
                return
            if not goes_on:
                self._ending.append(self._ways.pop(one))

    def _give(self, way: Way) -> None:
        try:
            way.give(time.monotonic())
        except OSError:
            self._cut(way)

    def _connect(self) -> None:
        near, _ = self._listening.accept()
        far = socket.create_connection(self._to)
        for end in (near, far):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._ways[near], self._ways[far] = Way(near, far), Way(far, near)

    def _cut(self, way: Way) -> None:
        """A side is gone: so is the other."""
        for end in (way.source, way.target):
            self._ways.pop(end, None)
            end.close()
        self._ending = [one for one in self._ending if one.target.fileno() >= 0]


@contextmanager
def wire(port: int, delay: float) -> Iterator[int]:
    """A port that leads to `port` of the loopback, `delay` seconds later in each direction."""
    near = free_port()
    words = [sys.executable, "-m", "benchmarks.proxy", str(near), str(port), str(delay)]
    process = subprocess.Popen(words)
    try:
        deadline = time.monotonic() + READY_SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", near)).close()
                break
            except ConnectionRefusedError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.01)
        yield near
    finally:
        process.kill()
        process.wait()


def main() -> None:
    """Be a wire: the words are the near port, the far port, the delay."""
    near, far, delay = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    with socket.create_server(("127.0.0.1", near), backlog=128) as listening:
        Wire(listening, ("127.0.0.1", far), delay).run()


if __name__ == "__main__":
    main()
