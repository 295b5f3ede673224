"""What several rooms' tests share: a real store. One server a session, emptied before each test."""

import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from botcannon_core.compose.spec import StoreSpec
from botcannon_core.ledger.server import answer, server_program
from botcannon_core.ledger.store import Store, open_store


@pytest.fixture(scope="session")
def valkey_socket() -> Iterator[str]:
    """The socket of a server that lives as long as the session."""
    # not under tmp_path: its names are too long for a socket on some systems
    with tempfile.TemporaryDirectory(prefix="bc-") as folder:
        path = f"{folder}/valkey.sock"
        words = ["--port", "0", "--unixsocket", path, "--save", "", "--dir", folder]
        server = subprocess.Popen([server_program(), *words], stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 10
        while answer(path) != "ready":
            assert server.poll() is None, "the test server ended"
            assert time.monotonic() < deadline, "the test server does not answer"
            time.sleep(0.005)
        yield path
        server.terminate()
        server.wait(10)


@pytest.fixture
def valkey(valkey_socket: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of a real, empty server; nothing a developer has set interferes."""
    for name in [name for name in os.environ if name.startswith("BOTCANNON_")]:
        monkeypatch.delenv(name)
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(valkey_socket)
        line.sendall(b"FLUSHALL\r\n")
        assert line.recv(64) == b"+OK\r\n"
    return f"unix://{valkey_socket}"


@pytest.fixture
def store(valkey: str, tmp_path: Path) -> Iterator[Store]:
    """A store on the real, empty server, in the namespace `T`."""
    opened = open_store(StoreSpec(url=valkey), "T", tmp_path)
    yield opened
    with suppress(Exception):  # a test may have taken the server away
        opened.close()
