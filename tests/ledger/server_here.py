"""A real server of one test's own, which it may kill, freeze and start again; no fixture of its own."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from botcannon_core.compose.spec import StoreSpec
from botcannon_core.ledger.server import answer, server_program
from botcannon_core.ledger.store import Store, open_store

PATIENCE = 20.0  # seconds until something that never happens is a failure


def wait_until(condition: Callable[[], object], what: str, patience: float = PATIENCE) -> None:
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain until {what}"
        time.sleep(0.005)


class Server:
    """A server that keeps its data over a kill: every write is on disk before it is answered."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.socket = str(folder / "own.sock")
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        words = ["--port", "0", "--unixsocket", self.socket, "--save", "", "--dir", self._folder]
        words += ["--appendonly", "yes", "--appendfsync", "always"]
        self._process = subprocess.Popen(
            [server_program(), *map(str, words)], stdout=subprocess.DEVNULL
        )
        wait_until(lambda: answer(self.socket) == "ready", "the server answers")

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def freeze(self) -> None:
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGCONT)

    def store(self) -> Store:
        return open_store(StoreSpec(url=f"unix://{self.socket}"), "T", self._folder)
