"""The log: on the screen, in a file and in a stream, whatever the text holds."""

import io
import os
from pathlib import Path

import pytest

from botcannon_core.cannon import log as logs
from botcannon_core.cannon.log import Log
from botcannon_core.ledger.keys import Keys
from botcannon_core.ledger.line import Line
from botcannon_core.ledger.store import Store

KEYS = Keys("T", "chat")


class Screen(io.StringIO):
    def __init__(self, is_terminal: bool = False) -> None:
        super().__init__()
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal


def said(text: str, part: str = "pool") -> dict[str, str]:
    return {"part": part, "level": "info", "text": text}


def test_every_line_names_who_said_it(tmp_path: Path) -> None:
    screen = Screen()
    log = Log(tmp_path, screen)
    log.write(KEYS, None, said("one\ntwo"))
    log.say("hello")
    assert screen.getvalue().splitlines() == [
        "chat.pool    | one",
        "chat.pool    | two",
        "botcannon    | hello",
    ]
    assert [line.split(" ", 2)[2] for line in log.path.read_text().splitlines()] == [
        "chat.pool | one",
        "chat.pool | two",
        "botcannon | hello",
    ]


def test_without_a_screen_the_file_is_written(tmp_path: Path) -> None:
    log = Log(tmp_path / "deep" / "er", None)
    log.write(KEYS, None, said("kept"))
    assert "kept" in log.path.read_text()


def test_colours_and_escapes_go_to_terminals_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    screen, pipe = Screen(is_terminal=True), Screen()
    text = "\x1b[31mred\x1b[0m \x1b]0;title\x07bell\x07 \x00nul \x1b(Bcharset"
    first = Log(tmp_path, screen)
    first.write(KEYS, None, said(text))
    Log(tmp_path, pipe).write(KEYS, None, said(text))
    assert "\x1b[31mred" in screen.getvalue()
    assert "\x1b" not in pipe.getvalue()
    assert "\x00" not in pipe.getvalue()
    assert "red bell" in pipe.getvalue()
    assert "\x1b" not in first.path.read_text()
    monkeypatch.setenv("NO_COLOR", "1")
    plain = Screen(is_terminal=True)
    Log(tmp_path, plain).write(KEYS, None, said("plain"))
    assert "\x1b" not in plain.getvalue()


def test_secrets_are_shown_nowhere(tmp_path: Path, store: Store) -> None:
    line = Line(store, KEYS.data)
    screen = Screen()
    log = Log(tmp_path, screen)
    log.write(KEYS, line, said("password hunter2!"), ("hunter2",))
    line.ask("PING")
    assert "hunter2" not in screen.getvalue() + log.path.read_text()
    [(_, fields)] = store.client().xrange(KEYS.log)
    assert fields == {"part": "pool", "level": "info", "text": "password ***!"}


def test_what_is_said_while_the_store_is_away_comes_into_the_stream_when_it_is_back(
    tmp_path: Path, store: Store
) -> None:
    line = Line(store, KEYS.data)
    log = Log(tmp_path, None)
    line.close()
    for n in range(logs.MOST_MISSED + 2):
        log.write(KEYS, line, said(f"line {n}"))
    line.reopen()
    log.catch_up(KEYS, line)
    log.write(KEYS, line, said("back"))
    line.ask("PING")
    texts = [fields["text"] for _, fields in store.client().xrange(KEYS.log)]
    assert texts == [*(f"line {n}" for n in range(2, logs.MOST_MISSED + 2)), "back"]


def test_half_of_a_character_pair_is_written_everywhere(tmp_path: Path, store: Store) -> None:
    line = Line(store, KEYS.data)
    log = Log(tmp_path, None)
    log.write(KEYS, line, said("half \udc80"))
    line.ask("PING")
    assert "half ?" in log.path.read_text()
    assert store.client().xrange(KEYS.log)[0][1]["text"] == "half ?"


def test_a_screen_that_nobody_reads_any_more_is_forgotten(tmp_path: Path) -> None:
    read_end, write_end = os.pipe()
    screen = os.fdopen(write_end, "w")
    os.close(read_end)
    log = Log(tmp_path, screen)
    for n in range(3):
        log.write(KEYS, None, said(f"line {n}"))
    assert "line 2" in log.path.read_text()
    with pytest.raises(BrokenPipeError):
        screen.close()


def test_a_full_disk_ends_nothing(tmp_path: Path) -> None:
    (tmp_path / "up.log").symlink_to("/dev/full")
    log = Log(tmp_path, None)
    log.write(KEYS, None, said("lost"))


def test_a_large_file_is_put_aside_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "LARGEST_FILE_BYTES", 10)
    for n in range(3):
        log = Log(tmp_path, None)
        log.write(KEYS, None, said(f"run {n}"))
        log.close()
    assert "run 2" in (tmp_path / "up.log").read_text()
    assert "run 1" in (tmp_path / "up.log.1").read_text()
    assert len(list(tmp_path.iterdir())) == 2
