"""Plain clients of the socket, as anybody would write them: the standard library and no more."""

from __future__ import annotations

import json
import socket
from typing import Any

PATIENCE = 15.0


def dialled(address: Any) -> socket.socket:
    """A connection to a door's address."""
    family = socket.AF_UNIX if address.unix else socket.AF_INET
    client = socket.socket(family)
    client.settimeout(PATIENCE)
    client.connect(address.unix or (address.host, address.port))
    return client


def rest(client: socket.socket) -> bytes:
    """All that still comes, until the other side has closed."""
    pieces = []
    while piece := client.recv(65_536):
        pieces.append(piece)
    return b"".join(pieces)


def once(address: Any, data: bytes) -> Any:
    """Say it, half-close, read to the end: the one reply."""
    with dialled(address) as client:
        client.sendall(data)
        client.shutdown(socket.SHUT_WR)
        return json.loads(rest(client))


def asked(address: Any, document: object) -> Any:
    """The reply to one document in a connection of its own."""
    return once(address, json.dumps(document).encode())


class Talk:
    """One connection on which lines go to and fro."""

    def __init__(self, address: Any) -> None:
        self.socket = dialled(address)
        self._lines = self.socket.makefile("rb")

    def __enter__(self) -> Talk:
        return self

    def __exit__(self, *_: object) -> None:
        self._lines.close()
        self.socket.close()

    def say(self, *documents: object) -> None:
        """Send documents, a line each."""
        self.socket.sendall(b"".join(json.dumps(one).encode() + b"\n" for one in documents))

    def hear(self) -> Any:
        """The next reply; None if there will be none."""
        line = self._lines.readline()
        return json.loads(line) if line else None

    def ask(self, document: object) -> Any:
        """One document and the next reply."""
        self.say(document)
        return self.hear()
