"""Control: how a command of the same folder speaks to a running launcher.

A unix socket in `.botcannon/run/`, one JSON line there and one back. Not here: what the words do
(launcher), and commands for other hosts (there are none).
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from botcannon_core.cannon.life import is_running
from botcannon_core.errors import UsageError

Words = dict[str, Any]
ANSWER_SECONDS = 2.0  # a launcher answers at once or is stuck
_LARGEST_BYTES = 65_536


class Ear:
    """The launcher's end: hears one request at a time and answers it."""

    def __init__(self, folder: Path, answer: Callable[[Words], Words]) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path = folder / f"{os.getpid()}.sock"
        self._answer = answer
        self._path.unlink(missing_ok=True)
        _remove_dead(folder)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.bind(_short(self._path))
        os.chmod(self._path, 0o600)
        self._socket.listen(8)

    def fileno(self) -> int:
        """What to wait on."""
        return self._socket.fileno()

    def hear(self) -> None:
        """Take one request and answer it; a caller that is slow or confused is dropped."""
        caller, _ = self._socket.accept()
        with caller:
            caller.settimeout(ANSWER_SECONDS)
            try:
                words = json.loads(_line_of(caller))
                if isinstance(words, dict):
                    caller.sendall(json.dumps(self._answer(words)).encode() + b"\n")
            except (OSError, ValueError, KeyError, TypeError, RecursionError):
                return

    def close(self) -> None:
        """Hear no more."""
        self._socket.close()
        self._path.unlink(missing_ok=True)


def launchers(folder: Path) -> dict[int, Path]:
    """The launchers that answer in this folder, by pid; the sockets of dead ones are removed."""
    _remove_dead(folder)
    found = {}
    for path in sorted(folder.glob("*.sock")):
        try:
            found[int(tell(path, {"verb": "pid"})["pid"])] = path
        except UsageError:
            continue  # it may be about to listen, or stuck
    return found


def tell(path: Path, words: Words) -> Words:
    """Say something to one launcher and return its answer. Raises UsageError if there is none."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as caller:
        caller.settimeout(ANSWER_SECONDS)
        try:
            caller.connect(_short(path))
            caller.sendall(json.dumps(words).encode() + b"\n")
            answer: Words = json.loads(_line_of(caller))
        except (OSError, ValueError) as error:
            raise UsageError(f"no `up` answers at {path}: {error}") from error
    return answer


def _remove_dead(folder: Path) -> None:
    """Remove the sockets whose launchers, after whose pids they are named, were killed."""
    for path in folder.glob("*.sock"):
        if not (path.stem.isdigit() and is_running(int(path.stem))):
            path.unlink(missing_ok=True)


def _line_of(caller: socket.socket) -> bytes:
    data = b""
    while not data.endswith(b"\n"):
        part = caller.recv(4096)
        if not part or len(data) > _LARGEST_BYTES:
            raise ConnectionError("it stopped in the middle of a line")
        data += part
    return data


def _short(path: Path) -> str:
    """The path relative to the working directory, where that is shorter: sockets allow 107 bytes."""
    return min(str(path), os.path.relpath(path), key=len)
