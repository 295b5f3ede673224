"""The demo end to end on the embedded store: through a pipe, and by a person at a terminal."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60.0  # seconds until something that never happens is a failure

pytestmark = pytest.mark.story


def botcannon() -> list[str]:
    """The words that start it: the script where its environment is made, else this Python."""
    if (ROOT / ".venv" / "stamp").exists():
        return [str(ROOT / "botcannon")]
    return [sys.executable, "-P", "-m", "botcannon_core.cli.main"]


def environment() -> dict[str, str]:
    ours = {n: v for n, v in os.environ.items() if not n.startswith(("BOTCANNON_", "PYTEST_"))}
    return ours | {"PYTHONPATH": str(ROOT), "LC_ALL": "C.UTF-8"}


def wait_until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain until {what}"
        time.sleep(0.02)


def living_in(folder: Path) -> list[str]:
    """The command lines of all processes that work in a folder."""
    found = []
    for process in psutil.process_iter(["cwd", "cmdline", "status"]):
        about = process.info
        if about["status"] != psutil.STATUS_ZOMBIE and (about["cwd"] or "").startswith(str(folder)):
            found.append(" ".join(about["cmdline"] or ()))
    return found


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Path]:
    """The demo's files in a folder of their own; nothing may live on in it."""
    folder = tmp_path / "demo"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "app", folder / "app", ignore=ignored)
    shutil.copy2(ROOT / "cannon-compose.yml", folder)
    yield folder
    wait_until(lambda: not living_in(folder), "no process is left")
    assert not list(folder.rglob("*.sock"))


def piped(folder: Path, lines: str, *services: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*botcannon(), "up", *services],
        input=lines,
        capture_output=True,
        text=True,
        cwd=folder,
        env=environment(),
        timeout=PATIENCE,
        check=False,
    )


# --- through a pipe


def test_piped_lines_are_answered_in_order_and_nothing_else_is_printed(demo: Path) -> None:
    run = piped(demo, "memory now\nhelp\n\ncpu last 5m\nno such thing\n", "sensors", "chat")
    assert run.returncode == 0, run.stderr
    memory, about, *rest = run.stdout.splitlines()
    assert re.fullmatch(r"memory \d+ % \(.* used\), swap \d+ %", memory)
    assert about == "Tells how this machine is doing, now and over time."
    assert any(line.startswith("cpu ") for line in rest)
    assert rest[-1].startswith("unknown command 'no'")


def test_without_sensors_the_chat_says_how_to_start_them(demo: Path) -> None:
    run = piped(demo, "cpu last 5m\n", "chat")
    assert run.stdout == (
        "No readings yet. To take some, start the sensors: ./botcannon up sensors\n"
    )
    assert run.returncode == 0, run.stderr


def test_history_outlives_the_sensors(demo: Path) -> None:
    assert piped(demo, "memory now\n").returncode == 0
    later = piped(demo, "history memory 1h\n", "chat")
    assert later.stdout.startswith("memory ")


def test_nothing_to_say_is_a_good_end(demo: Path) -> None:
    run = piped(demo, "")
    assert (run.returncode, run.stdout) == (0, "")


def test_a_reader_that_leaves_ends_it_quietly(demo: Path) -> None:
    up = subprocess.Popen(
        [*botcannon(), "up"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=demo,
        env=environment(),
    )
    assert up.stdin
    assert up.stdout
    assert up.stderr
    up.stdin.write("help\n")
    up.stdin.flush()
    assert up.stdout.readline()
    up.stdout.close()
    up.stdin.write("memory now\n" * 3)
    up.stdin.flush()  # stays open: the end comes from stdout
    assert up.wait(PATIENCE) == 0
    assert "Traceback" not in up.stderr.read()
    up.stderr.close()
    up.stdin.close()


# --- at a terminal


class Tmux:
    """A terminal of 100 by 40 in which one command runs."""

    def __init__(self, folder: Path, command: str) -> None:
        self._name = f"botcannon-{os.getpid()}-{folder.parent.name}"
        size = ("-x", "100", "-y", "40")
        self._run("-f", "/dev/null", "new-session", "-d", *size, "-c", str(folder), command)

    def type(self, *keys: str) -> None:
        """Press keys, by tmux's names for them."""
        self._run("send-keys", *keys)

    def screen(self) -> str:
        """What stands on the screen."""
        return self._run("capture-pane", "-p").rstrip()

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Wait until the screen matches."""
        deadline = time.monotonic() + PATIENCE
        while not (match := re.search(pattern, screen := self.screen(), re.MULTILINE)):
            assert time.monotonic() < deadline, f"{pattern!r} never came; the screen:\n{screen}"
            time.sleep(0.02)
        return match

    def close(self) -> None:
        """End tmux and what still runs in it."""
        self._run("kill-server")

    def _run(self, *words: str) -> str:
        command = ["tmux", "-u", "-L", self._name, *words]
        done = subprocess.run(
            command, capture_output=True, text=True, env=environment(), timeout=PATIENCE, check=True
        )
        return done.stdout


@pytest.fixture
def terminal(demo: Path) -> Iterator[Tmux]:
    """The demo, started by a person; its exit code is shown at the end."""
    if not shutil.which("tmux"):
        pytest.skip("tmux is not installed")
    tmux = Tmux(demo, f"{' '.join(botcannon())} up; echo exit code $?; exec cat")
    tmux.wait_for(r"^> *\Z")
    yield tmux
    tmux.close()


def test_a_person_is_greeted_completes_asks_and_leaves(terminal: Tmux, demo: Path) -> None:
    assert terminal.screen().splitlines() == [
        "demo",
        "Tells how this machine is doing, now and over time. Type help for more.",
        "Ctrl-D leaves.",
        ">",
    ]
    terminal.type("mem", "Tab")
    terminal.wait_for("^> memory$")
    terminal.type("n", "Tab", "Enter")
    terminal.wait_for(r"^memory \d+ % \(")
    terminal.wait_for(r"^> *\Z")
    terminal.type("cpu last 5m", "Enter")
    terminal.wait_for("^cpu over ")
    terminal.wait_for("[▁▂▃▄▅▆▇█]")
    terminal.type("C-d")
    terminal.wait_for("^exit code 0$")
    wait_until(lambda: len(living_in(demo)) <= 1, "only the terminal's own shell is left")
    assert "cpu last 5m" in (demo / ".botcannon" / "history-terminal").read_text()


def test_a_reply_does_not_tear_the_line_being_typed(terminal: Tmux) -> None:
    terminal.type("help", "Enter", "half a line")
    terminal.wait_for("^'help NAME' tells more.$")
    terminal.wait_for(r"^> half a line\Z")
    terminal.type("C-c")  # clears it
    terminal.wait_for(r"^> *\Z")
    terminal.type("C-d")
    terminal.wait_for("^exit code 0$")


def test_ctrl_c_on_an_empty_line_ends_it(terminal: Tmux) -> None:
    terminal.type("C-c")
    terminal.wait_for("^exit code 130$")
