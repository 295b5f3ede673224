"""How commands speak to a launcher: over a real socket, also with those who cannot speak."""

import json
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from botcannon_core.cannon import control
from botcannon_core.cannon.control import Ear, Words
from botcannon_core.errors import UsageError


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "run"


@pytest.fixture
def ear(folder: Path) -> Iterator[Ear]:
    def answer(words: Words) -> Words:
        return {"pid": os.getpid(), "heard": words["verb"]}

    made = Ear(folder, answer)
    yield made
    made.close()


def path_of(folder: Path) -> Path:
    return folder / f"{os.getpid()}.sock"


def test_a_word_is_answered(ear: Ear, folder: Path) -> None:
    hears = threading.Thread(target=ear.hear)
    hears.start()
    assert control.tell(path_of(folder), {"verb": "pid"}) == {"pid": os.getpid(), "heard": "pid"}
    hears.join()


def test_only_its_user_may_speak_to_it(ear: Ear, folder: Path) -> None:
    assert folder.stat().st_mode & 0o777 == 0o700
    assert path_of(folder).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"no line",
        b"not json\n",
        b"5\n",
        b"[]\n",
        b"null\n",
        b"{}\n",
        b"\xff\xfe\n",
        b"[" * 60_000 + b"\n",
        b"x" * 200_000,
        json.dumps({"verb": []}).encode() + b"\n",
    ],
    ids=lambda said: repr(said[:12]),
)
def test_a_confused_caller_is_dropped(ear: Ear, folder: Path, said: bytes) -> None:
    def call() -> None:
        with socket.socket(socket.AF_UNIX) as caller:
            caller.connect(str(path_of(folder)))
            try:
                caller.sendall(said)
                caller.shutdown(socket.SHUT_WR)
                caller.recv(100)
            except OSError:
                pass

    calls = threading.Thread(target=call)
    calls.start()
    ear.hear()
    calls.join()


def test_a_silent_caller_is_dropped_after_a_while(
    ear: Ear, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "ANSWER_SECONDS", 0.05)
    with socket.socket(socket.AF_UNIX) as caller:
        caller.connect(str(path_of(folder)))
        ear.hear()


def test_a_path_too_long_for_a_socket_is_no_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path / ("d" * 100) / ("e" * 100)
    deep.mkdir(parents=True)
    monkeypatch.chdir(deep)
    ear = Ear(deep / "run", lambda _: {"pid": 1})
    hears = threading.Thread(target=ear.hear)
    hears.start()
    assert control.tell(path_of(deep / "run"), {"verb": "pid"}) == {"pid": 1}
    hears.join()
    ear.close()


def test_nobody_there_is_told(folder: Path) -> None:
    with pytest.raises(UsageError, match="no `up` answers"):
        control.tell(folder / "1.sock", {"verb": "pid"})


def test_the_sockets_of_the_dead_are_removed(ear: Ear, folder: Path) -> None:
    pid = os.fork()
    if pid == 0:
        Ear(folder, lambda words: words)
        os._exit(0)
    os.waitpid(pid, 0)
    assert (folder / f"{pid}.sock").exists()
    hears = threading.Thread(target=ear.hear)
    hears.start()
    assert control.launchers(folder) == {os.getpid(): path_of(folder)}
    hears.join()
    assert not (folder / f"{pid}.sock").exists()


def test_a_launcher_that_is_stuck_keeps_its_socket(
    ear: Ear, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "ANSWER_SECONDS", 0.05)
    assert control.launchers(folder) == {}
    assert path_of(folder).exists()


def test_closing_takes_the_socket_away(ear: Ear, folder: Path) -> None:
    ear.close()
    assert list(folder.iterdir()) == []
