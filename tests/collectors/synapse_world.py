"""The other side of the Matrix door: a real Synapse on the loopback, and people who use it.

Its packages do not go with ours, so it gets an environment of its own, made once on a machine.
"""

from __future__ import annotations

import fcntl
import json
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
import venv
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from itertools import count
from pathlib import Path
from time import monotonic, sleep
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from tests.collectors.debian import free_port

VERSION = "1.163.2"
INSTALL_SECONDS = 300.0  # tests on a slow line skip rather than wait for ever
PATIENCE = 20.0  # seconds until something that never happens is a failure
SERVER = "test.here"

CONFIG = """
server_name: {server}
pid_file: {folder}/pid
listeners:
  - bind_addresses: [127.0.0.1]
    port: {port}
    type: http
    tls: false
    resources: [{{names: [client, media]}}]
database: {{name: sqlite3, args: {{database: {folder}/homeserver.db}}}}
media_store_path: {folder}/media
signing_key_path: {folder}/key
macaroon_secret_key: test
form_secret: test
report_stats: false
trusted_key_servers: []
suppress_key_server_warning: true
enable_registration: true
enable_registration_without_verification: true
bcrypt_rounds: 4
max_upload_size: 100K
presence: {{enabled: false}}
rc_message: {{per_second: 100, burst_count: 30}}
rc_registration: {{per_second: 1000, burst_count: 1000}}
rc_login:
  address: {{per_second: 1000, burst_count: 1000}}
  account: {{per_second: 1000, burst_count: 1000}}
  failed_attempts: {{per_second: 1000, burst_count: 1000}}
rc_joins: {{local: {{per_second: 1000, burst_count: 1000}}}}
rc_invites: {{per_room: {{per_second: 1000, burst_count: 1000}}}}
"""

_numbers = count(1)


@cache
def python() -> str:
    """The path of a Python with Synapse, made if need be; else the test is skipped, saying why."""
    minor = f"{sys.version_info[0]}.{sys.version_info[1]}"
    folder = Path(tempfile.gettempdir()) / f"botcannon-tests-synapse-{VERSION}-{minor}"
    path, ready = folder / "bin" / "python", folder / "ready"
    with open(f"{folder}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # test processes side by side take turns
        if not ready.exists():
            venv.create(folder, with_pip=True, clear=True)
            _install(str(path))
            ready.touch()
    return str(path)


def _install(path: str) -> None:
    words = ["-m", "pip", "install", "-q", "--only-binary", ":all:", f"matrix-synapse=={VERSION}"]
    try:
        ended = subprocess.run(
            [path, *words], capture_output=True, text=True, timeout=INSTALL_SECONDS
        )
    except subprocess.TimeoutExpired:
        pytest.skip(f"no Synapse here: pip took over {INSTALL_SECONDS:g} s to install it")
    if ended.returncode:
        pytest.skip(f"no Synapse here: pip said: {ended.stderr.strip()[-300:]}")


class Synapse:
    """A server in a folder; it can be stopped and started again."""

    def __init__(self, folder: Path) -> None:
        self._python = python()
        self._folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        config = CONFIG.format(server=SERVER, folder=folder, port=self.port)
        (folder / "homeserver.yaml").write_text(config)
        self._server: subprocess.Popen[bytes] | None = None
        self._run("--generate-keys").wait(PATIENCE)

    def start(self) -> None:
        self._server = self._run()
        deadline = monotonic() + 2 * PATIENCE
        while not self._answers():
            log = (self._folder / "log").read_text()[-3000:]
            assert self._server.poll() is None, log
            assert monotonic() < deadline, log
            sleep(0.02)

    def stop(self) -> None:
        if self._server is not None:
            self._server.kill()
            self._server.wait(PATIENCE)

    def _run(self, *words: str) -> subprocess.Popen[bytes]:
        config = str(self._folder / "homeserver.yaml")
        module = ["-m", "synapse.app.homeserver", "-c", config]
        with (self._folder / "log").open("ab") as log:
            return subprocess.Popen(
                [self._python, *module, *words], cwd=self._folder, stdout=log, stderr=log
            )

    def _answers(self) -> bool:
        with suppress(OSError):
            urllib.request.urlopen(f"{self.url}/_matrix/client/versions", timeout=2).close()
            return True
        return False


@contextmanager
def synapse(folder: Path) -> Iterator[Synapse]:
    """A running server. Skips the test where it cannot be had."""
    server = Synapse(folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()


class Person:
    """Somebody with an account: `ann7`, or `bot8`."""

    def __init__(self, server: Synapse, name: str) -> None:
        self._url = f"{server.url}/_matrix/client/v3"
        self.name = f"{name}{next(_numbers)}"
        self.password = f"pass-of-{self.name}"
        self.token = ""
        words = {"username": self.name, "password": self.password}
        made = self.ask("POST", "register", {**words, "auth": {"type": "m.login.dummy"}})
        self.id, self.token = made["user_id"], made["access_token"]

    def ask(self, verb: str, path: str, words: Any = None, **query: Any) -> Any:
        url = f"{self._url}/{path}?{urlencode(query)}"
        data = None if words is None and verb == "GET" else json.dumps(words or {}).encode()
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        request = urllib.request.Request(url, data, headers, method=verb)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{verb} {path}: {error.read().decode()}") from None

    def makes_room(self, *invited: Person, **more: Any) -> str:
        """A room with others, who still have to come."""
        words = {"preset": "private_chat", "invite": [person.id for person in invited], **more}
        return str(self.ask("POST", "createRoom", words)["room_id"])

    def joins(self, room: str) -> None:
        self.ask("POST", f"join/{quote(room)}")

    def says(self, room: str, text: str, **more: Any) -> str:
        """Say something; the id of the event."""
        return self.sends(room, {"msgtype": "m.text", "body": text, **more})

    def sends(self, room: str, content: dict[str, Any], kind: str = "m.room.message") -> str:
        path = f"rooms/{quote(room)}/send/{kind}/{next(_numbers)}"
        return str(self.ask("PUT", path, content)["event_id"])

    def edits(self, room: str, event_id: str, text: str) -> str:
        new = {"msgtype": "m.text", "body": text}
        relation = {"rel_type": "m.replace", "event_id": event_id}
        more = {"m.new_content": new, "m.relates_to": relation}
        return self.says(room, f"* {text}", **more)

    def syncs(self) -> Any:
        """All that there is for her now; without a new number, what was there a minute ago."""
        return self.ask("GET", "sync", timeout=next(_numbers))

    def members(self, room: str) -> set[str]:
        return set(self.ask("GET", f"rooms/{quote(room)}/joined_members")["joined"])

    def waits_for(self, whom: Person, room: str) -> None:
        until(lambda: whom.id in self.members(room), f"{whom.name} is in the room")

    def sees(self, room: str, of: Person) -> list[dict[str, Any]]:
        """What `of` has said in a room, the oldest first."""
        path = f"rooms/{quote(room)}/messages"
        found = self.ask("GET", path, dir="b", limit=200)["chunk"]
        return [
            e for e in reversed(found) if e["sender"] == of.id and e["type"] == "m.room.message"
        ]

    def is_told(self, room: str, by: Person, n: int = 1) -> list[str]:
        """Wait until `by` has said n things; their texts."""

        def told() -> list[dict[str, Any]]:
            events = self.sees(room, by)
            return events if len(events) >= n else []

        return [e["content"].get("body", "") for e in until(told, f"{n} things are said")]


def until(condition: Callable[[], Any], what: str) -> Any:
    """Wait until `condition` holds; what it gave."""
    deadline = monotonic() + PATIENCE
    while not (found := condition()):
        assert monotonic() < deadline, f"waited in vain until {what}"
        sleep(0.01)
    return found
