"""Two hosts in two folders that share a store on TCP: for stories about more than one machine."""

import json
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from botcannon_core.ledger.keys import Keys
from tests.chaos.hosts import StoreServer
from tests.story.cannon_here import BOTCANNON, PATIENCE, Project, environment, wait_until

KEYS = Keys("T", "work")


class Hosts:
    """The folders `a` and `b`, each with the same service and app, and a store that both know."""

    def __init__(self, folder: Path, service: str, app: str) -> None:
        self.folder = folder
        self.store = StoreServer(folder / "store")
        self._ups: dict[str, subprocess.Popen[bytes]] = {}
        for name in ("a", "b"):
            (folder / name).mkdir()
            made = Project(folder / name, service)
            (made.folder / "app" / "bot.py").write_text(app)

    def up(self, host: str, *words: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{host}.txt").open("ab") as printed:
            self._ups[f"{host} {words}"] = up = subprocess.Popen(
                [*BOTCANNON, "up", *words],
                cwd=self.folder / host,
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=printed,
                env=self.environment(host),
                start_new_session=True,
            )
        return up

    def run(self, host: str, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a verb to its end."""
        return subprocess.run(
            [*BOTCANNON, *words],
            cwd=self.folder / host,
            env=self.environment(host),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    def environment(self, host: str) -> dict[str, str]:
        address = f"redis://127.0.0.1:{self.store.port}"
        shared = {"BOTCANNON_STORE": address, "BOTCANNON_HOST": host}
        return environment() | shared | {"SHARED": str(self.folder)}

    def lines(self, name: str) -> list[dict[str, Any]]:
        """What was noted in a file of the shared folder, a JSON object a line."""
        path = self.folder / name
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def stream(self, channel: str) -> list[dict[str, str]]:
        found: Any = self.store.client.xrange(KEYS.key(channel))
        return [fields for _, fields in found]

    def counts(self) -> dict[str, int]:
        found: Any = self.store.client.hgetall(KEYS.key("counts"))
        return {name: int(count) for name, count in found.items()}

    def until(self, condition: Any, what: str) -> Any:
        try:
            return wait_until(condition, what)
        except AssertionError as error:
            texts = [path.read_text() for path in sorted(self.folder.glob("*.txt"))]
            raise AssertionError("\n".join([str(error), *texts])) from None

    def close(self) -> None:
        for up in self._ups.values():
            if up.poll() is None:
                up.send_signal(signal.SIGTERM)
        for up in self._ups.values():
            up.wait(PATIENCE)
        self.store.end(signal.SIGKILL)


@contextmanager
def hosts(service: str, app: str) -> Iterator[Hosts]:
    """Two hosts whose `up` is started by the story; afterwards everything is ended."""
    folder = Path(tempfile.mkdtemp(prefix="bc-"))
    made = Hosts(folder, service, app)
    try:
        yield made
    finally:
        made.close()
        shutil.rmtree(folder, ignore_errors=True)
