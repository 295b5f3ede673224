"""A store in memory: what a Line, and so everything above it, can talk to without a server.

It stands where `ledger.store.Store` does for whoever only opens lines. The bytes are the real ones, so
the real Line runs on it; `cut()` breaks connections as a network does. Not here: the client of redis-py
(client has the little of it that a History needs).
"""

from __future__ import annotations

import hashlib
import os
import socket
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import resources
from typing import Any, cast

import hiredis

from botcannon_core.errors import StoreError
from botcannon_core.ledger.keys import Keys
from botcannon_core.testing.fake.client import Client
from botcannon_core.testing.fake.commands import Database
from botcannon_core.testing.fake.scripts import SCRIPTS
from botcannon_core.testing.fake.values import Answer, Problem, Waits


class FakeStore:
    """One server in memory, and a namespace in it. `clock` gives seconds since the epoch."""

    def __init__(self, clock: Callable[[], float] = time.time, namespace: str = "T") -> None:
        self.namespace = namespace
        self.address = "in memory"
        self.is_one = True
        self.database = Database(clock)
        self.is_up = True
        self._names = _script_names()
        self._sockets: list[_Socket] = []

    def keys(self, service: str) -> Keys:
        """The keys of one of its services."""
        return Keys(self.namespace, service)

    def do(self, *words: Any) -> Answer:
        """The answer to one command, of a test that looks behind the scenes. Raises Problem."""
        answer = self._answer([str(word) for word in words])
        self._serve()
        return answer

    @contextmanager
    def asking(self) -> Iterator[Client]:
        """A client for whoever can wait for each answer, as the real store has one."""
        yield Client(self.do)

    def connection(self, key: str) -> socket.socket:
        """A new connection; raises StoreError while the store is down."""
        del key  # one server is in charge of all
        if not self.is_up:
            raise StoreError("the store in memory is down")
        self._sockets.append(_Socket(self._answer, self._serve))
        return cast(socket.socket, self._sockets[-1])

    def cut(self) -> None:
        """Break all connections: what was sent has arrived, its answers are lost."""
        for one in self._sockets:
            one.cut()
        self._sockets = []

    def _answer(self, words: list[str]) -> Answer:
        if words[0] == "SCRIPT":
            return "OK"
        if words[0] != "EVALSHA":
            return self.database.do(*words)
        name = self._names.get(words[1])
        if name not in SCRIPTS:
            raise Problem(f"ERR the fake store does not know the script {name or words[1]}")
        count = int(words[2])
        return SCRIPTS[name](self.database, words[3 : 3 + count], words[3 + count :])

    def _serve(self) -> None:
        """Something was written: reads that wait for it may go on, each as far as it can."""
        self._sockets = [one for one in self._sockets if one.is_open]
        for one in self._sockets:
            one.work()


class _Socket:
    """A socket whose other end is the store in memory; a pipe makes it readable for poll().

    Commands are done as they are sent, except behind a blocking read that waits. Such a read waits for
    ever: a test that wants it to end writes something.
    """

    def __init__(self, answer: Callable[[list[str]], Answer], serve: Callable[[], None]) -> None:
        self._answer = answer
        self._serve = serve
        self._asked: deque[list[str]] = deque()
        self._reader = hiredis.Reader(encoding="utf-8", errors="replace")
        self._unread = bytearray()
        self._bell = os.pipe()
        self.is_open = True
        self._is_cut = False

    def settimeout(self, seconds: float | None) -> None:
        """Nothing here takes time."""

    def setsockopt(self, level: int, option: int, value: bytes) -> None:
        """Nor is there a kernel."""

    def fileno(self) -> int:
        """What to wait on."""
        return self._bell[0]

    def sendall(self, data: bytes) -> None:
        """Do the commands in `data`. Raises ConnectionResetError once cut."""
        if self._is_cut or not self.is_open:
            raise ConnectionResetError("the connection was cut")
        self._reader.feed(data)
        while (words := self._reader.gets()) is not False:
            self._asked.append(words)
        self.work()
        self._serve()

    def recv(self, most: int, _flags: int = 0) -> bytes:
        """The answers that are there; nothing at all once cut. Raises BlockingIOError if none is."""
        if not self._unread and not self._is_cut:
            raise BlockingIOError
        data = bytes(self._unread[:most])
        del self._unread[:most]
        if not self._unread and not self._is_cut:
            os.read(self._bell[0], 1)
        return data

    def work(self) -> None:
        """Do what was asked, up to a read that must wait."""
        while self._asked and not self._is_cut:
            try:
                answer = self._answer(self._asked[0])
            except Waits:
                return
            except Problem as problem:
                answer = problem
            self._asked.popleft()
            self._say(_packed(answer))

    def cut(self) -> None:
        """Break the connection; answers that were not read are lost."""
        self._unread.clear()
        self._is_cut = True
        self._say(b"")

    def close(self) -> None:
        """Closed by the Line; safe to call twice."""
        if self.is_open:
            self.is_open = False
            os.close(self._bell[0])
            os.close(self._bell[1])

    def _say(self, data: bytes) -> None:
        if self.is_open and not self._unread:
            os.write(self._bell[1], b"!")
        self._unread += data


def _packed(answer: Answer) -> bytes:
    """An answer as a server writes it."""
    match answer:
        case None:
            return b"$-1\r\n"
        case Problem():
            return f"-{answer}\r\n".encode()
        case int():
            return b":%d\r\n" % answer
        case str():
            text = answer.encode()
            return b"$%d\r\n%s\r\n" % (len(text), text)
    return b"*%d\r\n%s" % (len(answer), b"".join(map(_packed, answer)))


def _script_names() -> dict[str, str]:
    """The name of each script by what a server calls it."""
    folder = resources.files("botcannon_core.ledger") / "lua"
    return {
        hashlib.sha1(file.read_bytes(), usedforsecurity=False).hexdigest(): file.name[:-4]
        for file in folder.iterdir()
        if file.name.endswith(".lua")
    }
