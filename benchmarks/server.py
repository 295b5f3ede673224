"""A private store for one measurement: the server that the embedded store uses, on a free TCP port.

Every peer and botcannon get the same program with the same options. Nothing outlives the measurement.
"""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis

from botcannon_core.ledger.server import server_program

START_SECONDS = 10.0


@dataclass(frozen=True)
class Server:
    """A running server: its address, its process, a client of ours."""

    url: str
    pid: int
    client: Any

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.url.rpartition(":")[2].partition("/")[0])


@contextmanager
def server(folder: Path, aof: bool) -> Iterator[Server]:
    """A fresh, empty server with its files in `folder`; with `aof` it logs, synced each second."""
    port = free_port()
    words = [server_program(), "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder)]
    words += ["--save", "", "--appendonly", "yes" if aof else "no", "--logfile", "server.log"]
    process = subprocess.Popen(words)
    url = f"redis://127.0.0.1:{port}/0"
    client = redis.Redis.from_url(url, decode_responses=True, protocol=2)
    try:
        _wait_for(client)
        yield Server(url, process.pid, client)
    finally:
        client.close()
        process.kill()
        process.wait()


def free_port() -> int:
    """A TCP port of the loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def version(client: Any) -> str:
    """What the server says it is."""
    about = client.info("server")
    name = "Valkey" if "valkey_version" in about else "Redis"
    return f"{name} {about.get('valkey_version', about.get('redis_version'))}"


def _wait_for(client: Any) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            client.ping()
            return
        except redis.ConnectionError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.005)
