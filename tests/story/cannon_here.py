"""A project in a temporary folder whose `up` is started, watched, and killed in parts.

Not a fixture: tests that want one make it with `project`.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import redis

from botcannon_core.cannon.life import is_running
from botcannon_core.ledger import keeper
from botcannon_core.ledger.keys import Keys
from botcannon_core.ledger.presence import present

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 40.0  # seconds until something that never happens is a failure
BOTCANNON = [sys.executable, "-P", "-m", "botcannon_core.cli.main"]

FEED = '''
import asyncio, json, os
from botcannon_core import Halt


class Feed:
    """Reads the lines that are appended to the file `feed`; a line `halt` is the last one.

    What was stored is remembered over its own death, as an outside that wants it acknowledged would.
    """

    def __init__(self):
        self.seen = len(open("stored").readlines()) if os.path.exists("stored") else 0

    def start(self):
        self.note("start", pid=os.getpid())

    def read(self):
        if not os.path.exists("feed"):
            return
        for line in open("feed").readlines()[self.seen:]:
            if not line.endswith("\\\\n"):
                return
            if line == "halt\\\\n":
                raise Halt
            if line == "crash\\\\n":
                open("feed", "w").close()
                self.seen = 0
                raise ValueError("the line broke")
            yield json.loads(line)

    def stored(self, message):
        self.seen += 1
        with open("stored", "a") as file:
            file.write(message.id + "\\\\n")

    def taskback(self, message):
        if message.get("refuse"):
            raise RuntimeError("cannot take it")
        self.note("answer", id=message.id, redelivered=message.redelivered, **message)

    def close(self):
        self.note("close", pid=os.getpid())

    def note(self, kind, **more):
        with open("notes", "a") as file:
            file.write(json.dumps({"kind": kind, **more}) + "\\\\n")


class AsyncFeed(Feed):
    async def read(self):
        for item in Feed.read(self):
            yield item
        await asyncio.sleep(0.005)
'''.replace("\\\\", "\\")

WORK = '''
import ctypes, os, signal, subprocess, sys, time
from botcannon_core import Park, Retry, Skip


class Work:
    """Does what its message says, and counts how often each message came."""

    def task(self, message, results):
        do = getattr(self, message.get("do", "fine"))
        with open("tries", "a") as file:
            file.write(message.get("n", message.id) + "\\\\n")
        return do(message)

    def fine(self, message):
        return {"pid": os.getpid()}

    def nothing(self, message):
        return None

    def skip(self, message):
        raise Skip

    def park(self, message):
        raise Park("not for me")

    def retry(self, message):
        if open("tries").read().split().count(message["n"]) < 3:
            raise Retry(0.01)
        return {"pid": os.getpid()}

    def throw(self, message):
        raise ValueError("bad \\udc80 number")

    def leave(self, message):
        os._exit(3)

    def segfault(self, message):
        ctypes.string_at(0)

    def overrun(self, message):
        time.sleep(1000)

    def deaf(self, message):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(1000)

    def wrong(self, message):
        return ["no", "dict"]

    def much(self, message):
        return {str(n): n for n in range(5000)}

    def big(self, message):
        return {"big": message["text"] * 2}

    def slow(self, message):
        while not os.path.exists("release"):
            time.sleep(0.005)
        print("released")
        return {"pid": os.getpid()}

    def helped(self, message):
        """Slow, with a helper in its own group, and deaf to SIGTERM."""
        subprocess.Popen(["sleep", "1000"], stdout=subprocess.DEVNULL)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        return self.slow(message)

    def once(self, message):
        """Slow the first time only."""
        if open("tries").read().split().count(message["n"]) == 1:
            return self.slow(message)
        return {"pid": os.getpid()}
'''.replace("\\\\", "\\")


ABOVE = {"forker": "pool", "seat": "forker", "worker": "seat"}


def wait_until(condition: Callable[[], Any], what: str, patience: float = PATIENCE) -> Any:
    deadline = time.monotonic() + patience
    while not (found := condition()):
        assert time.monotonic() < deadline, f"waited in vain until {what}"
        time.sleep(0.01)
    return found


class Project:
    """A project folder, and at most one `up` of it at a time."""

    def __init__(self, folder: Path, service: str) -> None:
        self.folder = folder
        self.keys = Keys("T", "work")
        self.process: subprocess.Popen[bytes] | None = None
        (folder / "app").mkdir()
        (folder / "app" / "feed.py").write_text(FEED)
        (folder / "app" / "work.py").write_text(WORK)
        self.declare(service)

    def declare(self, service: str) -> None:
        """Write the compose file: `service` is what stands under its only service."""
        lines = "".join(f"    {line}\n" for line in service.strip().splitlines())
        (self.folder / "cannon-compose.yml").write_text(
            f"namespace: T\nservices:\n  work:\n{lines}"
        )

    # --- running

    def up(self, *words: str) -> subprocess.Popen[bytes]:
        """Start `up`, in a session of its own; what it prints is in `text`."""
        with (self.folder / "printed").open("ab") as printed:
            self.process = subprocess.Popen(
                [*BOTCANNON, "up", *words],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=printed,
                env=environment(),
                start_new_session=True,
            )
        return self.process

    def code(self) -> int:
        """Wait for the end of `up`; its exit code."""
        assert self.process is not None
        return self.process.wait(PATIENCE)

    def signal(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    @property
    def text(self) -> str:
        return (self.folder / "printed").read_text(errors="replace")

    def until(self, condition: Callable[[], Any], what: str) -> Any:
        try:
            return wait_until(condition, what)
        except AssertionError as error:
            alive = "\n".join(map(described, self.ours()))
            raise AssertionError(f"{error}\n{self.text}\nalive:\n{alive}") from None

    # --- feeding and seeing

    def feed(self, *lines: dict[str, str] | str) -> None:
        with (self.folder / "feed").open("a") as file:
            for line in lines:
                file.write((line if isinstance(line, str) else json.dumps(line)) + "\n")

    def notes(self, kind: str = "answer") -> list[dict[str, Any]]:
        path = self.folder / "notes"
        lines = path.read_text().splitlines() if path.exists() else []
        return [note for note in map(json.loads, lines) if note["kind"] == kind]

    def answers(self) -> dict[str, dict[str, Any]]:
        """The answers that came home, by the number of their message."""
        return {note["n"]: note for note in self.notes()}

    def tries(self, n: str) -> int:
        path = self.folder / "tries"
        return path.read_text().split().count(n) if path.exists() else 0

    def client(self) -> Any:
        path = str(self.folder / ".botcannon" / "store.sock")
        return redis.Redis(unix_socket_path=path, decode_responses=True, protocol=2)

    def stream(self, channel: str) -> list[dict[str, str]]:
        return [fields for _, fields in self.client().xrange(self.keys.key(channel))]

    def outcomes(self) -> dict[str, list[str]]:
        """How each message ended, by its number; more than one only if it ended more than once."""
        found: dict[str, list[str]] = {}
        for fields in self.stream("taskback"):
            found.setdefault(fields["n"], []).append(fields["_outcome"])
        return found

    # --- processes

    def pid_of(self, part: str) -> int:
        """The process of a part: launcher, intake, pool, forker, seat, worker, keeper or store."""
        if part == "launcher":
            assert self.process is not None
            return self.process.pid
        if part in ABOVE:
            above = psutil.Process(self.pid_of(ABOVE[part]))
            below = self.until(above.children, f"there is a {part}")
            return int(below[0].pid)
        if part in ("keeper", "store"):
            word = "botcannon_core" if part == "keeper" else "store.sock"
            server = next(p for p in living_in(self.folder) if is_server(p))
            parent = server.parent()
            assert parent is not None, word
            return int(server.pid if part == "store" else parent.pid)
        return int(
            self.until(lambda: [p for p in self._present() if p.part == part], f"{part} is there")[
                0
            ].pid
        )

    def _present(self) -> list[Any]:
        try:
            return [p for p in present(self.client(), self.keys) if is_running(p.pid)]
        except redis.RedisError:
            return []

    def state(self) -> str:
        """What the launcher says of its service."""
        return next((p.state for p in self._present() if p.part == "service"), "")

    def kill(self, part: str) -> None:
        os.kill(self.pid_of(part), signal.SIGKILL)

    def ours(self) -> list[psutil.Process]:
        """Whatever lives of this project, the store included."""
        session = self.process.pid if self.process is not None else -1
        return [p for p in psutil.process_iter() if _is_of(p, self.folder, session)]

    def is_over(self) -> bool:
        """True when no process of it is left but the store's, which stays for a moment."""
        return not [p for p in self.ours() if not is_store(p)]

    def is_silent(self) -> bool:
        """True when no process of it is left at all, and no socket."""
        return not self.ours() and not [*(self.folder / ".botcannon").rglob("*.sock")]


def described(process: psutil.Process) -> str:
    """What a process is, and what it does just now."""
    try:
        waits = Path(f"/proc/{process.pid}/wchan").read_text()
        words = " ".join(process.cmdline())[-60:]
        return f"{process.pid} of {process.ppid()}: {process.status()} {waits} {words}"
    except (psutil.Error, OSError):
        return f"{process.pid}: gone"


def is_server(process: psutil.Process) -> bool:
    try:
        return "valkey-server" in " ".join([process.name(), *process.cmdline()])
    except psutil.Error:
        return False


def is_store(process: psutil.Process) -> bool:
    """True for the server and for its keeper, which is there for a moment longer."""
    try:
        return is_server(process) or keeper.__file__ in process.cmdline()
    except psutil.Error:
        return False


def living_in(folder: Path) -> list[psutil.Process]:
    return [p for p in psutil.process_iter() if _is_of(p, folder, -1)]


def _is_of(process: psutil.Process, folder: Path, session: int) -> bool:
    try:
        if process.status() == psutil.STATUS_ZOMBIE or not process.cmdline():
            return False  # it has ended, or is just about to
        return process.cwd().startswith(str(folder)) or os.getsid(process.pid) == session
    except (psutil.Error, ProcessLookupError, PermissionError):
        return False


def environment() -> dict[str, str]:
    ours = {n: v for n, v in os.environ.items() if not n.startswith(("BOTCANNON_", "PYTEST_"))}
    return ours | {"PYTHONPATH": str(ROOT), "LC_ALL": "C.UTF-8"}


@contextmanager
def project(service: str) -> Iterator[Project]:
    """A project with a short path; afterwards nothing of it may be left."""
    folder = Path(tempfile.mkdtemp(prefix="bc-"))
    made = Project(folder, service)
    try:
        yield made
        if made.process is not None and made.process.poll() is None:
            made.signal(signal.SIGTERM)
            made.code()
        wait_until(made.is_over, f"nothing is left of {made.ours()}", 10)
    finally:
        for process in made.ours():
            process.kill()
        shutil.rmtree(folder, ignore_errors=True)
