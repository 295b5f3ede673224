"""The stores on which the model test runs: in memory, Valkey, Redis, clusters of one and three nodes."""

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import redis

from botcannon_core.compose.spec import StoreSpec
from botcannon_core.ledger.line import Line
from botcannon_core.ledger.server import server_program
from botcannon_core.ledger.store import open_store
from botcannon_core.testing.fake.store import FakeStore
from tests.ledger.server_here import wait_until

SLOTS = 16384


@dataclass
class Ground:
    """A store to run on, the clock that tests may turn, and how many examples are fast enough there."""

    store: Any
    clock: "Clock"
    examples: int


class Clock:
    """Stands where `time` does; it goes on only when told to."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def time(self) -> float:
        return self.now

    monotonic = time


@contextmanager
def memory() -> Iterator[Ground]:
    clock = Clock()
    yield Ground(FakeStore(clock.time), clock, 250)


@contextmanager
def valkey() -> Iterator[Ground]:
    with _servers(server_program(), 1) as ports:
        yield _ground(f"redis://127.0.0.1:{ports[0]}", 100)


@contextmanager
def real_redis() -> Iterator[Ground]:
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("no redis-server here (Debian: apt install redis-server)")
    with _servers(program, 1) as ports:
        yield _ground(f"redis://127.0.0.1:{ports[0]}", 60)


@contextmanager
def cluster_of_one() -> Iterator[Ground]:
    with _cluster(1) as url:
        yield _ground(url, 30)


@contextmanager
def cluster_of_three() -> Iterator[Ground]:
    with _cluster(3) as url:
        yield _ground(url, 30)


GROUNDS = (memory, valkey, real_redis, cluster_of_one, cluster_of_three)


def _ground(url: str, examples: int) -> Ground:
    return Ground(open_store(StoreSpec(url=url), "T", Path("nowhere")), Clock(), examples)


@contextmanager
def _cluster(count: int) -> Iterator[str]:
    with _servers(server_program(), count, "--cluster-enabled", "yes") as ports:
        nodes = [redis.Redis(port=port) for port in ports]
        for i, node in enumerate(nodes):
            slots = (SLOTS * i // count, SLOTS * (i + 1) // count - 1)
            node.execute_command("CLUSTER", "ADDSLOTSRANGE", *slots)
            node.execute_command("CLUSTER", "SET-CONFIG-EPOCH", i + 1)
        for port in ports[1:]:
            nodes[0].execute_command("CLUSTER", "MEET", "127.0.0.1", port)
        wait_until(lambda: all(_is_whole(node, count) for node in nodes), "the cluster is whole")
        yield "redis+cluster://" + ",".join(f"127.0.0.1:{port}" for port in ports)


def _is_whole(node: Any, count: int) -> bool:
    about = node.execute_command("CLUSTER INFO")
    return about["cluster_state"] == "ok" and about["cluster_known_nodes"] == str(count)


@contextmanager
def _servers(program: str, count: int, *words: str) -> Iterator[list[int]]:
    """Servers on loopback ports of their own, until the end."""
    with tempfile.TemporaryDirectory(prefix="bc-") as folder:
        ports = [_free_port() for _ in range(count)]
        running = []
        for port in ports:
            own = Path(folder, str(port))
            own.mkdir()
            command = [program, "--port", str(port), "--save", "", "--dir", str(own), *words]
            running.append(subprocess.Popen(command, stdout=subprocess.DEVNULL))
        try:
            for port in ports:
                wait_until(lambda port=port: _answers(port), "the server answers")
            yield ports
        finally:
            for server in running:
                server.kill()
                server.wait(10)


def _answers(port: int) -> bool:
    try:
        return bool(redis.Redis(port=port).ping())
    except redis.ConnectionError:
        return False


def _free_port() -> int:
    """A free port whose cluster port, 10,000 above, can exist as well."""
    while True:
        with socket.socket() as door:
            door.bind(("127.0.0.1", 0))
            port: int = door.getsockname()[1]
        if port < 50_000:
            return port
        time.sleep(0)  # the next one is another


def cut(line: Line) -> None:
    """Break a line whose commands have arrived, before it has heard the answers."""
    line.flush()
    sock = line._socket
    if isinstance(sock, socket.socket):
        sock.shutdown(socket.SHUT_WR)  # the server closes once it has done all that came before
        while sock.recv(1 << 16):
            pass
    line.close()
