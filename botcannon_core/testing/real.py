"""A world of its own: a real server, and real workers under a real `up`; gone when the test is over.

It stands in a temporary folder that looks like the project's, so that neither the project's store nor a
bot that is up there is touched. Not here: the collector, in whose place the test stands.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import IO

from botcannon_core.cannon.process import die_with_parent
from botcannon_core.errors import ServiceError, StoreError, UsageError
from botcannon_core.ledger import visit
from botcannon_core.ledger.address import parsed
from botcannon_core.ledger.admission import Gate
from botcannon_core.ledger.line import Line
from botcannon_core.ledger.server import answer, server_program
from botcannon_core.ledger.store import Store
from botcannon_core.testing.bot import Reply, reply
from botcannon_core.testing.declared import Declared
from botcannon_core.testing.simulated import add, check_admitted
from botcannon_core.view.entries import backwards, last_id
from botcannon_core.view.follow import Follower, followed

PATIENCE = 60.0  # seconds beyond a message's own time until one that never ends is an error
GLANCE = 0.2  # seconds between two looks at whether the workers' `up` lives
GRACE = 20.0  # seconds that an `up` may take to end
NOT_LINKED = {
    ".botcannon",
    ".git",
    ".venv",
}  # of the project's folder: they are for one folder only

_HOUSE = Path(__file__).parents[2]  # the folder that holds botcannon_core


class Real:
    """Services in processes of their own. Use it as a context."""

    def __init__(self, declared: Declared) -> None:
        self._declared = declared
        self._ups: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Real:
        # not under pytest's own folders: their names are too long for a socket
        self._folder = Path(tempfile.mkdtemp(prefix="testbot-"))
        try:
            self._project = _likeness(self._declared.folder, self._folder / "project")
            self._path = str(self._folder / "store.sock")
            self._server = _started_server(self._path, self._folder)
        except BaseException:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise
        address = parsed(f"unix://{self._path}")
        self._store = Store(address, self._declared.namespace, self._folder)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        for up in self._ups.values():
            up.terminate()
        for up in self._ups.values():
            _ended(up)
        self._store.close()
        self._server.terminate()
        _ended(self._server)
        shutil.rmtree(self._folder, ignore_errors=True)

    def ask(self, service: str, fields: Mapping[str, str]) -> Reply:
        """Put a message into a service, whose workers are started first, and wait for its end."""
        spec = self._declared.resolved(service)
        keys = self._store.keys(service)
        self._see_up(service)
        follower = Follower(self._store, keys.taskback, last_id(self._store, keys.taskback))
        line = Line(self._store, keys.data)
        try:
            admitted = visit.put(line, keys, Gate.of(spec), visit.visitor("test"), fields)
            check_admitted(admitted, spec)
            if admitted.status == "repeat" or not spec.tasks:
                return reply(fields, admitted.id, service)
            until = time.monotonic() + PATIENCE + spec.workers.timeout * spec.deliver.tries
            *notes, came = self._told(service, follower, admitted.id, until)
        finally:
            line.close()
            follower.close()
        noted = tuple(fields["_note"] for fields in notes if "_note" in fields)
        return reply(came, admitted.id, service, self._trace(service, admitted.id), noted)

    def put(self, service: str, fields: Mapping[str, str], ago: float) -> None:
        """Add to what a service has stored. Raises UsageError for one older than the last."""
        key = self._store.keys(service).data
        line = Line(self._store, key)
        try:
            add(line, key, fields, time.time() - ago)
        finally:
            line.close()

    def wait(self, seconds: float) -> None:
        """Raise UsageError: only a simulated clock can be moved."""
        raise UsageError(f"{seconds:g} s cannot be skipped where time is real")

    def _told(
        self, service: str, follower: Follower, message_id: str, until: float
    ) -> list[Mapping[str, str]]:
        """All that comes back for a message, its outcome last."""
        came: list[Mapping[str, str]] = []
        while time.monotonic() < until:
            for _, entry in followed({service: follower}, time.monotonic() + GLANCE):
                if entry.fields.get("_id") != message_id:
                    continue
                came.append(entry.fields)
                if "_outcome" in entry.fields:
                    return came
            self._see_up(service)
        raise ServiceError(
            f"{service} did not end the message in time; it said:\n{self._said(service)}"
        )

    def _trace(self, service: str, message_id: str) -> str:
        for entry in backwards(self._store, self._store.keys(service).dead):
            if entry.fields.get("_id") == message_id:
                return entry.fields.get("_trace", "")
        return ""

    def _see_up(self, service: str) -> None:
        """Start the service's workers, or see that they are still up."""
        if service not in self._ups:
            with self._output(service).open("wb") as output:
                self._ups[service] = self._up(service, output)
        elif self._ups[service].poll() is not None:
            raise ServiceError(f"{service} has ended; it said:\n{self._said(service)}")

    def _up(self, service: str, output: IO[bytes]) -> subprocess.Popen[bytes]:
        words = [sys.executable, "-P", "-m", "botcannon_core.cli.main", "up", service]
        path = os.pathsep.join(filter(None, [str(_HOUSE), os.environ.get("PYTHONPATH")]))
        own = {"BOTCANNON_STORE": f"unix://{self._path}", "PYTHONPATH": path}
        return subprocess.Popen(
            [*words, "--only=workers"],
            cwd=self._project,
            env={**os.environ, **self._declared.secrets(service), **own},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,  # a Ctrl-C is for the tests; they end it then
            preexec_fn=_dying_with_us(),
        )

    def _said(self, service: str) -> str:
        return self._output(service).read_text(errors="replace").strip()

    def _output(self, service: str) -> Path:
        return self._folder / f"{service.replace('/', '_')}.output"


def _likeness(project: Path, folder: Path) -> Path:
    """A folder with all that is in the project's, by links, but with a `.botcannon` of its own."""
    folder.mkdir()
    for one in project.iterdir():
        if one.name not in NOT_LINKED:
            (folder / one.name).symlink_to(one)
    return folder


def _started_server(path: str, folder: Path) -> subprocess.Popen[bytes]:
    """A server that answers on the socket `path` and writes nothing down. Raises StoreError."""
    words = [
        server_program(),
        "--port",
        "0",
        "--unixsocket",
        path,
        "--save",
        "",
        "--dir",
        str(folder),
    ]
    server = subprocess.Popen(
        words,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=_dying_with_us(),
    )
    until = time.monotonic() + PATIENCE
    while answer(path) != "ready":
        if server.poll() is not None or time.monotonic() > until:
            server.kill()
            raise StoreError("the server for the test does not start")
        time.sleep(0.005)
    return server


def _dying_with_us() -> Callable[[], None]:
    """What a child does first, so that nothing is left behind when the tests are killed."""
    return partial(die_with_parent, os.getpid(), signal.SIGTERM)


def _ended(process: subprocess.Popen[bytes]) -> None:
    """Wait for the end of a process that was told to, and insist on it."""
    try:
        process.wait(GRACE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
