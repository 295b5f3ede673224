"""Torch and long work: progress that is fit to be shown, `cancel`, and files as answers."""

from __future__ import annotations

import base64
import os
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, ClassVar

import pytest

from botcannon_core.file import File
from botcannon_core.ledger.memory import forgetful
from botcannon_core.message import Message
from botcannon_core.roles import Skip
from botcannon_core.tasks.torch import Torch, files, printed
from botcannon_core.tasks.torch.telling import Telling
from tests.chat.victims import declared

showing = declared("showing")
ANN = {"user": "U1", "room": "ops", "network": "irc"}
RULES = [{"allow": "lines", "who": "*", "confirm": True}, {"allow": "*", "who": "*"}]


class Room:
    """A service's torch as its askers meet it, and all that it told or was asked to end meanwhile."""

    def __init__(self, runs: bool = False, **kwargs: Any) -> None:
        self.heard: list[tuple[object, ...]] = []
        self.wishes: list[str] = []
        self.runs = runs
        self.kwargs = {"memory": forgetful(), "shell": showing.Long(), **kwargs}

    def results(self, line: str, **who: str) -> dict[str, str]:
        def cancel(message: Message) -> bool:
            self.wishes.append(message.id)
            return self.runs

        torch = Torch(progress=lambda *one: self.heard.append(one), cancel=cancel, **self.kwargs)
        return torch.task(Message({"text": line, **ANN, **who}, "17-0"), {})

    def say(self, line: str, **who: str) -> str:
        return self.results(line, **who)["text"]


# --- progress


def test_what_a_command_tells_is_safe_to_be_shown() -> None:
    room = Room(hidden=["s3cret"])
    assert room.say("copy s3cret@everyone") == "***@\u200beveryone is copied"
    assert room.heard == [("copying ***@\u200beveryone", 0.5), ("copying ***@\u200beveryone", 1.0)]


def test_what_a_command_left_behind_tells_nothing_any_more() -> None:
    heard: list[object] = []
    telling = Telling(heard.append, ())
    telling("one")
    telling.close()
    thread = threading.Thread(target=telling, args=("two",))
    thread.start()
    thread.join()
    assert heard == ["one"]


class Patient:
    """Waits for what the room has heard, and tells something itself if asked to."""

    heard: ClassVar[list[tuple[object, ...]]] = []

    def wait(self, count: int, progress: Any) -> str:
        print("begun")
        deadline = time.monotonic() + 10
        while len(self.heard) < count:
            assert time.monotonic() < deadline
            time.sleep(0.002)
        return "waited"

    def speak(self, progress: Any) -> str:
        progress("on my way")
        time.sleep(0.1)  # several times the time after which it would be spoken for
        return "spoken"


Patient.__module__ = Patient.wait.__module__ = Patient.speak.__module__ = "app.patient"


def test_a_long_command_that_says_nothing_is_said_to_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(printed, "LONG_SECONDS", 0.02)
    room = Room(shell=Patient())
    monkeypatch.setattr(Patient, "heard", room.heard)
    assert room.say("wait 3") == "begun\nwaited"
    assert room.heard[:3] == [("still working, 0 s",)] * 3


def test_a_command_that_speaks_is_not_spoken_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(printed, "LONG_SECONDS", 0.02)
    room = Room(shell=Patient())
    assert room.say("speak") == "spoken"
    assert room.heard == [("on my way",)]


def test_how_long_it_runs_is_told_in_seconds() -> None:
    heard: list[object] = []
    telling = Telling(heard.append, ())
    telling.still(10.0)
    telling.still(30.0)
    telling.close()
    telling.still(90.0)
    assert heard == ["still working, 10 s", "still working, 30 s"]


def test_printing_and_telling_do_not_meet() -> None:
    shell = showing.Long()
    shell_class = type(shell)

    def both(self: Any, progress: Any) -> str:
        print("printed")
        progress("told")
        os.write(1, b"written\n")
        return "done with it"

    both.__module__ = "app.showing"
    shell_class.both = both
    try:
        room = Room()
        assert room.say("both") == "printed\nwritten\ndone with it"
        assert room.heard == [("told",)]
    finally:
        del shell_class.both


# --- cancel


def test_what_is_ended_answers_for_itself() -> None:
    room = Room(runs=True)
    with pytest.raises(Skip):
        room.say(" `Cancel` ")
    assert room.wishes == ["17-0"]


def test_there_may_be_nothing_to_end() -> None:
    assert Room().say("cancel") == "nothing of yours is running"


def test_a_command_of_that_name_is_run_if_nothing_else_is_meant() -> None:
    class Orders:
        def cancel(self) -> str:
            return "the order is cancelled"

    Orders.__module__ = Orders.cancel.__module__ = "app.orders"
    assert Room(shell=Orders()).say("cancel") == "the order is cancelled"
    with pytest.raises(Skip):
        Room(shell=Orders(), runs=True).say("cancel")


def test_cancel_is_a_no_to_what_waits_for_a_yes() -> None:
    room = Room(acl=RULES)
    assert room.say("lines").startswith("this will run: lines")
    assert room.say("cancel") == "not run: lines"
    assert room.wishes == []
    assert "nothing that waits" in room.say("yes")


def test_cancel_is_no_last_command_and_ends_no_pages() -> None:
    room = Room(max_output=40)
    room.say("copy " + "x" * 100)
    room.say("cancel")
    assert room.say("more").startswith("x")
    assert room.say("!!").startswith("x")


def test_nobody_known_ends_nothing() -> None:
    room = Room(runs=True)
    assert room.say("cancel", user="").startswith("unknown command 'cancel'")
    assert room.wishes == []


# --- files


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project folder that is not in the temporary one."""
    (tmp_path / "tmp").mkdir()
    project = tmp_path / "project"
    (project / ".botcannon").mkdir(parents=True)
    (project / ".botcannon" / "key").write_text("secret")
    (project / "made.txt").write_text("made")
    (tmp_path / "outside.txt").write_text("outside")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    monkeypatch.chdir(project)
    return project


def content(results: dict[str, str]) -> bytes:
    return base64.b64decode(results["file_base64"])


def test_a_file_goes_with_its_text() -> None:
    results = Room().results("chart")
    assert (results["text"], results["file_name"]) == ("the last hour", "chart.png")
    assert content(results) == b"\x89PNG\x00"
    assert content(Room().results("notes")) == "grüße".encode()
    assert Room().results("notes")["text"] == ""


def test_what_was_printed_is_said_with_a_file() -> None:
    assert Room().say("spoken") == "drawing"


def test_a_view_that_is_a_file_goes_as_one() -> None:
    assert content(Room().results("plot")) == b"\x89PNG"


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("empty", "empty.txt is empty"),
        ("big", "big.bin is larger than the 1,000 bytes that are sent"),
        ("lying", "far.txt could not be read: No such file or directory"),
    ],
)
def test_a_file_that_does_not_go_is_told(line: str, text: str) -> None:
    assert Room(max_file=1_000).results(line) == {"text": text}


def test_a_path_that_a_command_gives_is_sent(here: Path) -> None:
    results = Room().results("made")
    assert (results["text"], results["file_name"]) == ("", "made.txt")
    assert content(results) == b"made"
    kept = here.parent / "tmp" / "kept.txt"
    kept.write_text("kept")
    assert files.is_sendable(kept)


def test_a_path_is_text_where_it_could_be_somebodys_choice(here: Path) -> None:
    (here / "link").symlink_to(here.parent / "outside.txt")
    os.mkfifo(here / "pipe")
    lines = ["made.txt", "./made.txt", "../outside.txt", ".botcannon/key", "link", "pipe", "."]
    for name in lines:
        assert Room().results(f"report {name}") == {"text": str(Path(name))}
    assert Room().results("secret") == {"text": ".botcannon/key"}


def test_what_was_typed_leads_a_path_nowhere_else(here: Path) -> None:
    """A command that looks into a folder of its own sends what lies in there, not beside it."""
    (here / "reports").mkdir()
    (here / "reports" / "may.txt").write_text("may")
    assert content(Room().results("find may.txt")) == b"may"
    assert Room().results("find ../made.txt") == {"text": "reports/../made.txt"}
    assert Room().results("first made.txt,other.txt") == {"text": "made.txt"}


def test_a_path_to_nothing_is_text(here: Path) -> None:
    (here / "made.txt").unlink()
    assert Room().results("made") == {"text": "made.txt"}
    assert Room().results("report nowhere.txt") == {"text": "nowhere.txt"}


def test_a_pipe_is_not_waited_for(here: Path) -> None:
    os.mkfifo(here / "pipe")
    fields, why = files.fields(File("x", here / "pipe"), 100, ())
    assert (fields, why) == ({}, "x is empty")
