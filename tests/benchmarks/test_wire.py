"""The wire that delays passes everything on, in order, not too early; processes end with their kin."""

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from benchmarks.processes import lives, running, tree, weight
from benchmarks.proxy import wire

DELAY = 0.05


@pytest.fixture
def echo() -> Iterator[int]:
    """The port of a server that says everything back, to one client after the other."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    client, _ = listening.accept()
                except OSError:
                    return
                with client:
                    while data := client.recv(65536):
                        client.sendall(data)

        threading.Thread(target=serve, daemon=True).start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)


def test_all_comes_back_in_order_and_the_end_too(echo: int) -> None:
    sent = bytes(range(256)) * 4000
    with wire(echo, 0.0) as port, socket.create_connection(("127.0.0.1", port)) as near:
        threading.Thread(target=lambda: (near.sendall(sent), near.shutdown(socket.SHUT_WR))).start()
        near.settimeout(20)
        came = b"".join(iter(lambda: near.recv(65536), b""))
    assert came == sent


def test_nothing_comes_earlier_than_there_and_back_takes(echo: int) -> None:
    with wire(echo, DELAY) as port, socket.create_connection(("127.0.0.1", port)) as near:
        near.settimeout(20)
        began = time.monotonic()
        near.sendall(b"ping")
        assert near.recv(4) == b"ping"
        assert time.monotonic() - began >= 2 * DELAY


def test_a_process_is_ended_with_its_family(tmp_path: Path) -> None:
    words = ["sh", "-c", "trap '' TERM; sleep 600 & echo $! >child; wait"]
    with running(words, tmp_path, {}, tmp_path / "printed") as process:
        while not (tmp_path / "child").exists() or not (tmp_path / "child").read_text().strip():
            assert process.poll() is None
            time.sleep(0.005)
        child = psutil.Process(int((tmp_path / "child").read_text()))
        assert child in tree(process.pid)
        assert weight(process.pid) > 0
    assert process.returncode is not None
    assert not lives(child)
