"""Asks a store over a connection of its own, kept from one question to the next, without a client.

For whoever waits for each answer and asks again soon: a memory, a history. What is asked once is said
with `Store.ask`; what must not wait goes over a line (line).
"""

from __future__ import annotations

import socket
from _thread import allocate_lock  # threading makes each fork a third dearer
from typing import Any, Protocol

from botcannon_core.ledger import direct


class Store(Protocol):
    """What an asker needs of a store."""

    @property
    def address(self) -> str:
        """Where it is, for people."""
        ...

    @property
    def is_one(self) -> bool:
        """True if one server is in charge of all keys."""
        ...

    def connection(self, key: str) -> socket.socket:
        """A new, connected socket; raises StoreError."""
        ...


class Asker:
    """One process's questions, of any of its threads; nothing is connected before the first."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._line: socket.socket | None = None
        self._key = ""
        self._turn = allocate_lock()

    def ask(self, key: str, *commands: direct.Command) -> list[Any]:
        """The answer to each command, of the server in charge of `key`. Raises StoreError."""
        with self._turn:
            line = self._connected(key)
            try:
                with direct.told(self._store.address):
                    return direct.ask(line, commands)
            except BaseException:
                self.close()  # what is still to come would be taken for the next answer
                raise

    def close(self) -> None:
        """Close the connection; the next question opens another."""
        line, self._line = self._line, None
        if line is not None:
            line.close()

    def _connected(self, key: str) -> socket.socket:
        if self._line is None or not self._leads_to(key) or not direct.is_quiet(self._line):
            self.close()
            self._line, self._key = self._store.connection(key), key
        return self._line

    def _leads_to(self, key: str) -> bool:
        return key == self._key or self._store.is_one
