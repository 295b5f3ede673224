"""A connection to one server, made without redis-py, and what it is asked on one in between.

Whatever runs says its commands on lines (line) and needs of a client nothing but the way in. redis-py
takes 16 MB and 0.1 s to import: it is left to whoever needs TLS, Sentinel, a cluster or a client (dial).
"""

from __future__ import annotations

import select
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import hiredis

from botcannon_core.errors import StoreError
from botcannon_core.ledger import trouble
from botcannon_core.ledger.address import Address
from botcannon_core.ledger.refused import Refused

Command = Sequence[Any]

RECEIVE_BYTES = 1 << 16


def fits(address: Address) -> bool:
    """True for what can be reached directly."""
    return address.kind in ("one", "unix") and not address.tls


def connected(address: Address) -> socket.socket:
    """A new socket to the server, which has let us in. Raises StoreError, in people's words."""
    with told(address):
        line = _opened(address)
        try:
            ask(line, _way_in(address))
        except BaseException:
            line.close()
            raise
        return line


def ask(line: socket.socket, commands: Sequence[Command]) -> list[Any]:
    """Say these together, and wait for the answer to each. Raises Refused for the first error."""
    line.sendall(b"".join(bytes(hiredis.pack_command(tuple(one))) for one in commands))
    reader = hiredis.Reader(encoding="utf-8", errors="replace", replyError=Refused)
    answers: list[Any] = []
    while len(answers) < len(commands):
        if (answer := reader.gets()) is not False:
            answers.append(answer)
        elif data := line.recv(RECEIVE_BYTES):
            reader.feed(data)
        else:
            raise ConnectionResetError("the connection was closed by server")
        if isinstance(answer, Refused):
            raise answer
    return answers


def is_quiet(line: socket.socket) -> bool:
    """True while nothing is to be heard; where nothing was asked, that is the end of the line."""
    poll = select.poll()
    poll.register(line, select.POLLIN)
    return not poll.poll(0)


@contextmanager
def told(address: object) -> Iterator[None]:
    """What goes wrong becomes a StoreError that tells a person what is wrong, and where."""
    try:
        yield
    except (OSError, Refused, hiredis.HiredisError) as error:
        raise StoreError(f"the store at {address} {_explained(error)}") from error


def _explained(error: Exception) -> str:
    text = " ".join(str(error).split())
    match error:
        case Refused():
            return trouble.refused(text)
        case hiredis.HiredisError():
            return trouble.NO_SUCH_SERVER
        case TimeoutError():
            return trouble.SILENT
    return trouble.unreachable(text)


def _opened(address: Address) -> socket.socket:
    if address.kind == "unix":
        line = socket.socket(socket.AF_UNIX)
        try:
            line.settimeout(trouble.CONNECT_TIMEOUT)
            line.connect(address.path)
        except OSError as error:
            line.close()
            raise type(error)(error.errno, f"{error.strerror}: {address.path}") from error
    else:
        host, port = address.hosts[0]
        # bytes, for a str is sent through a codec whose tables take 0.4 MB
        name: Any = host.encode() if host.isascii() else host
        line = socket.create_connection((name, port), trouble.CONNECT_TIMEOUT)
        line.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    line.settimeout(trouble.SOCKET_TIMEOUT)
    return line


def _way_in(address: Address) -> list[Command]:
    words: list[Command] = []
    if address.username:
        words.append(("AUTH", address.username, address.password or ""))
    elif address.password:
        words.append(("AUTH", address.password))
    if address.db:
        words.append(("SELECT", address.db))
    return [*words, ("PING",)]
