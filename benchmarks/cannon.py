"""botcannon as its users run it: a project folder, a compose file, `./botcannon up` as a process."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import yaml

from benchmarks.figures import Sample
from benchmarks.processes import running
from benchmarks.server import Server, server
from benchmarks.setting import Setting, scratch
from benchmarks.steady import Broken, ever_added, watch
from botcannon_core.ledger.keys import Keys

ROOT = Path(__file__).resolve().parents[1]
BOTS = Path(__file__).with_name("bots")
NAMESPACE = "BENCH"

Isolation = Literal["message", "worker"]
Up = subprocess.Popen[bytes]


@dataclass(frozen=True)
class Project:
    """A project in a folder; without an address its store is the embedded one."""

    folder: Path
    url: str = ""

    def declare(self, services: Mapping[str, Any]) -> None:
        """Write the compose file and the app."""
        shutil.copytree(BOTS, self.folder / "app", dirs_exist_ok=True)
        declared = {"namespace": NAMESPACE, "services": dict(services)}
        (self.folder / "cannon-compose.yml").write_text(yaml.safe_dump(declared))

    @contextmanager
    def up(self, *words: str, url: str = "", stdin: int | None = None) -> Iterator[Up]:
        """`./botcannon up`, ended at the end if it has not ended itself."""
        extra = {"BOTCANNON_STORE": url or self.url} if url or self.url else {}
        command = [str(ROOT / "botcannon"), "up", *words]
        with running(command, self.folder, extra, self.folder / "printed.txt", stdin) as process:
            yield process

    def run(self, *words: str, patience: float) -> None:
        """`./botcannon up` until it ends by itself. Raises Broken."""
        with self.up(*words) as process:
            try:
                code = process.wait(patience)
            except subprocess.TimeoutExpired:
                raise Broken(f"up {' '.join(words)}: took longer than {patience:g} s") from None
        if code:
            raise Broken(f"up {' '.join(words)}: exit {code}: {self.printed()}")

    def fill(self, declared: Mapping[str, Any], patience: float) -> None:
        """Have the collector of the service `bench` say all it has, and end."""
        self.declare({"bench": declared})
        self.run("--only=collector", patience=patience)

    def watch(self, up: Up, done: Callable[[], int], until: float, patience: float) -> list[Sample]:
        """Look until so many are done, as long as `up` lives. Raises Broken, with what it printed."""
        try:
            return watch(done, until, patience, lambda: up.poll() is None)
        except Broken as broken:
            raise Broken(f"{broken}: {self.printed()}") from None

    def printed(self) -> str:
        """The end of what was printed."""
        return (self.folder / "printed.txt").read_text(errors="replace")[-1000:]


@contextmanager
def project(how: Setting) -> Iterator[tuple[Project, Server]]:
    """A project with a private server as its store."""
    with scratch() as folder, server(folder, how.aof) as store:
        yield Project(folder, store.url), store


def service(
    collector: Mapping[str, Any], task: str, isolation: Isolation, workers: int = 2, **more: Any
) -> dict[str, Any]:
    """What a compose file says of a service with that many workers; `more` are further keys."""
    return {
        "collector": collector,
        "tasks": [{"file": "noop", "entry": task}],
        "workers": {"isolation": isolation, "hot": workers, "idle": workers, "max": workers},
        **more,
    }


def feed(count: int, waits: bool = False) -> dict[str, Any]:
    """A collector that yields `count` messages."""
    kwargs = {"count": count, "waits": waits}
    return {"file": "feed", "entry": "Feed", "conf": {"key": f"feed-{count}", "kwargs": kwargs}}


def room(count: int) -> dict[str, Any]:
    """Keys of a service that let so many messages wait."""
    return {"backlog": {"max": 2 * count}}


def ended(client: Any, *services: str) -> Callable[[], int]:
    """A look at how many messages have ended: each leaves exactly one taskback."""
    return partial(ever_added, client, *(Keys(NAMESPACE, name).taskback for name in services))


def parked(client: Any, *services: str) -> int:
    """How many messages could not be done: there should be none."""
    return sum(int(client.xlen(Keys(NAMESPACE, name).dead)) for name in services)
