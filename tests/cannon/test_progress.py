"""What a task says of how far it is: as text, seldom enough, and never of what has ended."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from botcannon_core.cannon import progress as told_by
from botcannon_core.cannon.progress import Progress, told


@pytest.mark.parametrize(
    ("said", "text"),
    [
        (("copying",), "copying"),
        ((0.4,), "40%"),
        (("copying", 0.4), "copying (40%)"),
        ((0.4, "copying"), "copying (40%)"),
        ((0,), "0%"),
        ((1,), "100%"),
        ((7.0, "x"), "x (100%)"),
        ((-1,), "0%"),
        ((float("nan"),), "0%"),
        (("step", True), "step True"),
        (("", 0.5), "50%"),
        ((), ""),
    ],
)
def test_what_is_said_becomes_one_text(said: tuple[object, ...], text: str) -> None:
    assert told(*said) == text


def until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain until {what}"
        time.sleep(0.005)


@pytest.fixture
def heard() -> list[str]:
    return []


@pytest.fixture
def progress(heard: list[str], monkeypatch: pytest.MonkeyPatch) -> Progress:
    """One whose message has begun."""
    monkeypatch.setattr(told_by, "PAUSE_SECONDS", 0.1)
    made = Progress(heard.append, ["s3cret"])
    made.begin()
    return made


def test_the_latest_is_told_when_it_is_time(progress: Progress, heard: list[str]) -> None:
    for n in range(1000):
        progress(f"step {n}")
    assert heard == []
    until(lambda: heard, "it is told")
    assert heard == ["step 999"]


def test_a_flood_is_told_seldom(progress: Progress, heard: list[str]) -> None:
    end = time.monotonic() + 0.55
    while time.monotonic() < end:
        progress(0.5)
    assert 1 <= len(heard) <= 5


def test_nothing_is_told_of_what_has_ended(progress: Progress, heard: list[str]) -> None:
    progress("too late")
    progress.end()
    progress("later still")
    progress.begin()
    until(lambda: threading.active_count() == 1 or heard, "no timer runs")
    time.sleep(0.12)  # longer than any timer of the message before
    assert heard == []


def test_secrets_and_line_ends_are_not_told(progress: Progress, heard: list[str]) -> None:
    progress("the\n s3cret \x1b[31mstep", 0.5)
    until(lambda: heard, "it is told")
    assert heard == ["the *** [31mstep (50%)"]


def test_a_pool_that_is_gone_fails_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(told_by, "PAUSE_SECONDS", 0.0)

    def gone(_text: str) -> None:
        raise BrokenPipeError

    progress = Progress(gone)
    progress.begin()
    progress("half")
    progress.end()


def test_no_note_is_sent_in_the_middle_of_an_ask(
    heard: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(told_by, "PAUSE_SECONDS", 0.0)
    progress = Progress(heard.append)
    progress.begin()
    note = threading.Thread(target=lambda: progress("half"))

    def ask(kind: str, body: object) -> list[str]:
        note.start()
        note.join(0.05)  # it waits for us
        return [kind, str(body), *heard]

    assert progress.beside(ask)("memory", 5) == ["memory", "5"]
    note.join()
    assert heard == ["half"]
