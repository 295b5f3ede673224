"""What is put under fire: a store on TCP, and hosts, each a folder of its own with an `up` in it.

Not here: when they are struck (storm).
"""

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import redis

from botcannon_core.ledger.keys import Keys
from botcannon_core.ledger.server import server_program
from tests.chaos.plan import LEASE_SECONDS, TIMEOUT_SECONDS, TRIES, Plan
from tests.chaos.wire import Wire

ROOT = Path(__file__).resolve().parents[2]
KEYS = Keys("CHAOS", "numbers")
UP = (sys.executable, "-P", "-m", "botcannon_core.cli.main", "up")
COMPOSE = f"""\
namespace: CHAOS
services:
  numbers:
    collector: {{file: numbers, entry: Numbers, conf: {{kwargs: {{folder: FOLDER}}}}}}
    tasks: [{{file: numbers, entry: WORK, conf: {{kwargs: {{folder: FOLDER}}}}}}]
    workers:
      isolation: ISOLATION
      concurrency: CONCURRENCY
      hot: 2
      max: 4
      timeout: {TIMEOUT_SECONDS}
      max_messages: EACH
      limits: {{memory: 150MB}}
    restart: {{max: 1000000, backoff: 50ms, backoff_max: 500ms}}
    keep: {{messages: 200}}
    deliver: {{tries: {TRIES}, backoff: 50ms, lease: {LEASE_SECONDS}}}
    backlog: {{max: MOST}}
"""


def compose_of(plan: Plan, shared: Path) -> str:
    said = {
        "FOLDER": json.dumps(str(shared)),
        "WORK": "Work" if plan.concurrency == 1 else "WorkTogether",
        "ISOLATION": plan.isolation,
        "CONCURRENCY": str(plan.concurrency),
        "EACH": str(50 * plan.quick if plan.isolation == "worker" else 1),
        "MOST": str(plan.backlog),
    }
    compose = COMPOSE
    for name, text in said.items():
        compose = compose.replace(name, text)
    return compose


def wait_until(condition: Callable[[], object], what: str, patience: float = 20.0) -> None:
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain until {what}"
        time.sleep(0.01)


class StoreServer:
    """A server that loses nothing it has answered: what it was told is on disk first."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir()
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = int(free.getsockname()[1])
        self.client = redis.Redis(port=self.port, decode_responses=True, socket_timeout=5.0)
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        words = ["--bind", "127.0.0.1", "--port", self.port, "--save", "", "--dir", self._folder]
        words += ["--appendonly", "yes", "--appendfsync", "always"]
        words += ["--aof-load-truncated", "yes", "--tcp-keepalive", "5"]
        self._process = subprocess.Popen(
            [server_program(), *map(str, words)], stdout=subprocess.DEVNULL, start_new_session=True
        )
        wait_until(self._answers, "the store answers")

    def end(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)
        self._process.wait(20)

    def _answers(self) -> bool:
        try:
            return bool(self.client.ping())
        except redis.RedisError:
            return False


class Host:
    """A machine, as far as botcannon can tell: a folder, a name, a wire to the store, an `up`."""

    def __init__(self, folder: Path, name: str, plan: Plan, shared: Path, store_port: int) -> None:
        self.name = name
        self.folder = folder
        self.wire = Wire(store_port)
        (folder / "app").mkdir(parents=True)
        source = Path(__file__).parent / "app" / "numbers.py"
        (folder / "app" / "numbers.py").write_text(source.read_text())
        (folder / "cannon-compose.yml").write_text(compose_of(plan, shared))
        self.launcher: subprocess.Popen[bytes] | None = None
        self.exits: list[int] = []

    def up(self) -> None:
        ours = {n: v for n, v in os.environ.items() if not n.startswith(("BOTCANNON_", "PYTEST_"))}
        ours |= {"PYTHONPATH": str(ROOT), "BOTCANNON_HOST": self.name}
        ours |= {"BOTCANNON_STORE": f"redis://127.0.0.1:{self.wire.port}"}
        with (self.folder / "up.txt").open("ab") as output:
            self.launcher = subprocess.Popen(
                UP, cwd=self.folder, env=ours, stdout=output, stderr=output, start_new_session=True
            )

    @property
    def is_over(self) -> bool:
        """True when its `up` has ended well."""
        return self.launcher is not None and self.launcher.poll() == 0

    def tend(self) -> None:
        """As a supervisor does: an `up` that did not end well is started again."""
        assert self.launcher is not None
        code = self.launcher.poll()
        if code:
            self.exits.append(code)
            self.up()

    def processes(self) -> list[psutil.Process]:
        """Everything alive that bears this host's name in its environment."""
        return [one for one in psutil.process_iter() if _environment(one) == self.name]


def _environment(process: psutil.Process) -> str | None:
    try:
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return process.environ().get("BOTCANNON_HOST")
    except psutil.Error:
        return None


class Field:
    """The store and its hosts, from the first start to the last kill."""

    def __init__(self, folder: Path, plan: Plan, hosts: int) -> None:
        self.shared = folder / "shared"
        self.shared.mkdir()
        (self.shared / "orders.json").write_text(json.dumps(plan.orders()))
        for name in ("book.txt", "runs.txt"):
            (self.shared / name).touch()
        self.store = StoreServer(folder / "store")
        mark = secrets.token_hex(3)
        self.hosts = [
            Host(folder / f"host{n}", f"chaos-{mark}-{n}", plan, self.shared, self.store.port)
            for n in range(hosts)
        ]

    def close(self) -> None:
        """Leave nothing behind, however the storm went."""
        for host in self.hosts:
            for process in host.processes():
                process.send_signal(signal.SIGKILL)
            if host.launcher is not None:
                host.launcher.wait()
            host.wire.close()
        self.store.end(signal.SIGKILL)
