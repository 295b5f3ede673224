"""Every verb that looks and handles, against services that run on the embedded store."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.collectors.on_a_pty import OnAPty

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60.0  # seconds until something that never happens is a failure
BOTCANNON = [sys.executable, "-P", "-m", "botcannon_core.cli.main"]
SECRET = "BOTCANNON_SECRET_GREETING_WORD"

COMPOSE = """\
namespace: STORY
services:
  work:
    collector: {file: bot, entry: Quiet}
    shell: {file: bot, entry: Shell, conf: {key: greeting}}
    tasks:
      - {file: bot, entry: Work, conf: {key: greeting, kwargs: {word: '!!SECRET!!'}}}
    deliver: {tries: 1}
    stop_grace: 5s
  bare:
    collector: {file: bot, entry: Quiet}
  bad:
    collector: {file: bot}
"""
BOT = """\
import time
from pathlib import Path

class Quiet:
    def read(self):
        return None
    def taskback(self, message):
        if Path("refuse").exists():
            raise ValueError("not now")
        with open("taken", "a") as file:
            print(message["text"], message.redelivered, file=file)

class Work:
    def __init__(self, word):
        self.word = word
    def task(self, message, results):
        text = message["text"]
        print("working on", text, flush=True)
        if text == "boom" and not Path("mended").exists():
            raise ValueError(f"boom of {self.word}")
        while text == "slow" and not Path("released").exists():
            time.sleep(0.02)
        return {"text": text.upper()}

class Shell:
    def __init__(self, word, ledger):
        self.word, self.ledger = word, ledger
    def count(self, service):
        return self.ledger.count(service)
"""

pytestmark = [pytest.mark.story, pytest.mark.xdist_group("verbs")]


def environment() -> dict[str, str]:
    ours = {n: v for n, v in os.environ.items() if not n.startswith(("BOTCANNON_", "PYTEST_"))}
    return ours | {"PYTHONPATH": str(ROOT), "LC_ALL": "C.UTF-8", SECRET: "s3cr3t"}


def wait_until(condition: Callable[[], object], what: str, patience: float = PATIENCE) -> None:
    deadline = time.monotonic() + patience
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


class Here:
    """A project in a folder, and its verbs as processes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, *words: str, code: int = 0, given: str = "") -> str:
        """Run a verb that ends with `code`; what it printed."""
        done = subprocess.run(
            [*BOTCANNON, *words],
            input=given,
            cwd=self.folder,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == code, f"{words}: {done.returncode}\n{done.stdout}{done.stderr}"
        assert "Traceback" not in done.stderr
        assert "s3cr3t" not in done.stdout + done.stderr
        return done.stdout if code in (0, 1) else done.stderr

    def json(self, *words: str) -> Any:
        return json.loads(self(*words, "--format=json"))

    @contextmanager
    def following(self, *words: str) -> Iterator[Callable[[str], str]]:
        """A verb that goes on; gives a function that reads on to the line that holds a text."""
        process = subprocess.Popen(
            [*BOTCANNON, *words],
            cwd=self.folder,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdout
        assert process.stderr
        lines = iter(process.stdout.readline, "")
        yield lambda text: next(line for line in lines if text in line)
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == 130
        assert process.stderr.read() == ""
        process.stdout.close()
        process.stderr.close()

    def touch(self, name: str) -> None:
        (self.folder / name).touch()

    def taken(self) -> list[str]:
        """What the collector took back."""
        file = self.folder / "taken"
        return file.read_text().splitlines() if file.exists() else []


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Here]:
    """`work` and `bare` run in the background; at the end nothing is left of them."""
    folder = tmp_path_factory.mktemp("bots")
    (folder / "app").mkdir()
    (folder / "app" / "bot.py").write_text(BOT)
    (folder / "cannon-compose.yml").write_text(COMPOSE)
    here = Here(folder)
    assert "up in the background: work, bare" in here("up", "work", "bare", "--detach")
    yield here
    assert here("down").startswith("ended: work, bare")
    assert here("ps") == "nothing is up\n"
    wait_until(lambda: not living_in(folder), "no process is left")
    assert not list(folder.rglob("*.sock"))


@pytest.fixture
def here(project: Here) -> Iterator[Here]:
    """The running project, with nothing in flight, nothing parked and nothing taken back."""
    yield project
    project.touch("released")
    wait_until(lambda: not project.json("pending", "work"), "nothing is in flight")
    project("drop", "work", "all")
    for name in ("released", "mended", "refuse", "taken"):
        (project.folder / name).unlink(missing_ok=True)


def test_what_runs_is_shown(here: Here) -> None:
    parts = [(row["service"], row["part"], row["state"]) for row in here.json("ps")]
    assert parts == [
        ("bare", "launcher", "ready"),
        ("bare", "intake", "running"),
        ("work", "launcher", "ready"),
        ("work", "intake", "running"),
        ("work", "pool", "ready"),
    ]
    rows = {row["service"]: row for row in here.json("ls")}
    assert (rows["work"]["state"], rows["bare"]["state"]) == ("ready", "ready")
    assert "lacks the key 'entry'" in rows["bad"]["problem"]
    assert "cannon-compose.yml:13" in here("config", code=2)

    here("stop", "bare")
    states = {row["service"]: row["state"] for row in here.json("ls")}
    assert states == {"work": "ready", "bare": "exited", "bad": None}
    here("start", "bare")
    here("restart", "work")
    assert here.json("ls")[0]["state"] == "ready"


def test_messages_sent_by_hand_are_answered_counted_and_shown(here: Here) -> None:
    (before,) = here.json("status", "work")
    entry = here("send", "work", "--text=hello").strip()
    answer = json.loads(here("send", "work", "--text=hi there", "--wait"))
    assert (answer["text"], answer["_outcome"]) == ("HI THERE", "done")
    parked = json.loads(here("send", "work", "--text=boom", "--wait", code=1))
    assert parked["_error"] == "ValueError: boom of ***"

    lines = here("tail", "work", "-n3").splitlines()
    assert entry in lines[0]
    assert 'text="hi there"' in lines[1]
    assert "text=HELLO" in here("tail", "work", "--channel=taskback")
    wait_until(lambda: parked["_error_id"] in here("logs", "work"), "the log has come", 3.0)
    assert "work.worker-1 | working on hello" in here("logs", "work")
    assert "ValueError: boom of ***" in here("logs", f"--id={parked['_error_id']}")
    (status,) = here.json("status", "work")
    names = ("backlog", "in_flight", "stored", "done", "parked", "dead")
    assert [status[name] - before[name] for name in names] == [0, 0, 3, 2, 1, 1]
    assert here.taken() == []  # all of it was ours
    assert here("shell", "work", "count", "work") == f"{status['stored']}\n"


def test_what_is_being_worked_on_is_shown(here: Here) -> None:
    entry = here("send", "work", "--text=slow").strip()
    wait_until(lambda: here.json("pending", "work"), "it is in flight")
    wait_until(lambda: here.json("pending", "work")[0]["state"] == "running", "it runs")
    (row,) = here.json("pending", "work")
    assert (row["id"], row["tries"], row["fields"]["text"]) == (entry, 1, "slow")
    assert entry in here("pending", "work")
    said = here("send", "work", "--text=slow", "--wait", "--timeout=0.1", code=1)
    assert said == ""
    here.touch("released")
    wait_until(lambda: not here.json("pending", "work"), "it is done")


def test_parked_messages_are_tried_again_or_dropped(here: Here) -> None:
    for text in ("boom", "boom"):
        here("send", "work", f"--text={text}", "--wait", code=1)
    first, second = here.json("dead", "work")[::-1]
    assert "boom of ***" in here("dead", "work")
    assert here("drop", "work", first["message_id"]).startswith(f"dropped: {first['message_id']}")
    here.touch("mended")
    assert second["message_id"] in here("retry", "work", second["error_id"])
    last = ("tail", "work", "--channel=taskback", "-n1")
    wait_until(lambda: f"_id={second['message_id']}" in here(*last), "it has ended")
    assert "_outcome=done" in here(*last)
    assert here.json("dead", "work") == []


def test_a_taskback_that_was_refused_is_delivered_again(here: Here) -> None:
    here.touch("refuse")
    # one that nobody visits with: it is the collector's
    answer = {"text": "HELLO", "_id": "1700000000000-0", "_from": "h:1:1", "_outcome": "done"}
    words = " ".join(f"{name} {value}" for name, value in answer.items())
    xadd(here.folder, f"XADD STORY|streams:{{work}}:taskback * {words}\r\n")
    wait_until(lambda: here.json("dead", "work"), "it is put aside")
    (row,) = here.json("dead", "work")
    assert (row["what"], row["message_id"]) == ("taskback", "1700000000000-0")
    (here.folder / "refuse").unlink()
    assert "the taskback of 1700000000000-0" in here("retry", "work", "all")
    wait_until(here.taken, "it is taken")
    assert here.taken() == ["HELLO True"]


def test_what_comes_is_followed(here: Here) -> None:
    here("send", "work", "--text=before", "--wait")
    with (
        here.following("tail", "work", "-f", "-n", "1", "--channel=taskback") as tailed,
        here.following("logs", "work", "-f", "-n1") as logged,
    ):
        assert "text=BEFORE" in tailed("text=")
        assert "working on before" in logged("working")
        here("send", "work", "--text=after", "--wait")
        assert "text=AFTER" in tailed("text=")
        assert "working on after" in logged("working")


def test_a_chat_in_a_pipe_gets_its_own_answers_in_order(here: Here) -> None:
    said = here("chat", "work", given="one\nboom\n\ntwo\n")
    error = said.splitlines()[1]
    assert said.splitlines() == ["ONE", error, "TWO"]
    assert error.startswith("error: ValueError: boom of *** (log ")
    assert here.taken() == []
    assert "no tasks" in here("chat", "bare", code=2)


def test_a_person_chats_with_a_running_service(here: Here) -> None:
    script = "from botcannon_core.cli.main import main; main(['chat', 'work'])"
    person = OnAPty(script, here.folder, **{SECRET: "s3cr3t", "PYTHONPATH": str(ROOT)})
    person.wait_for("Ctrl-D leaves.")
    person.type("hello\r")
    person.wait_for("HELLO")
    person.type("\x04")
    assert person.finish() == 0


def test_ctrl_c_ends_a_chat_and_not_the_service(here: Here) -> None:
    script = "from botcannon_core.cli.main import main; main(['chat', 'work'])"
    person = OnAPty(script, here.folder, **{SECRET: "s3cr3t", "PYTHONPATH": str(ROOT)})
    person.wait_for("> ")
    person.type("\x03")
    assert person.finish() == 130
    assert here.json("ls")[0]["state"] == "ready"


def test_without_anything_running_the_verbs_still_answer(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "bot.py").write_text(BOT)
    (tmp_path / "cannon-compose.yml").write_text(
        COMPOSE.replace("  bad:\n    collector: {file: bot}\n", "")
    )
    here = Here(tmp_path)
    assert here("yml", "cannon-compose.yml") == 'stored: greeting {"word": "***"}\n'
    assert here("ps") == "nothing is up\n"
    entry = here("send", "work", "--text=early").strip()
    assert here.json("status", "work")[0]["backlog"] == 1
    here("up", "--detach")
    wait_until(lambda: entry in here("tail", "work", "--channel=taskback"), "what waited is done")
    here("down")
    wait_until(lambda: not living_in(tmp_path), "no process is left")


def xadd(folder: Path, command: str) -> None:
    """Say one XADD to the embedded store."""
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(str(folder / ".botcannon" / "store.sock"))
        line.sendall(command.encode())
        assert line.recv(64)[:1] == b"$"
