"""The line on a real server: order, cuts, and servers that forget or refuse."""

import os
import select
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from botcannon_core.errors import StoreError
from botcannon_core.ledger.line import Cut, Line
from botcannon_core.ledger.refused import Refused
from botcannon_core.ledger.store import Store
from tests.ledger.server_here import Server, wait_until


@pytest.fixture
def server() -> Iterator[Server]:
    with tempfile.TemporaryDirectory(prefix="bc-") as folder:
        own = Server(Path(folder))
        yield own
        own.kill()


@pytest.fixture
def line(store: Store) -> Iterator[Line]:
    opened = Line(store, "T|x")
    yield opened
    opened.close()


def heard(line: Line, count: int, answers: list[Any]) -> list[Any]:
    deadline = time.monotonic() + 10
    while len(answers) < count:
        assert time.monotonic() < deadline, f"heard only {len(answers)} of {count}"
        line.hear(0.1)
    return answers


def test_answers_come_in_the_order_in_which_things_were_said(line: Line) -> None:
    answers: list[Any] = []
    for n in range(5000):
        line.say("ECHO", n, then=answers.append)
    assert heard(line, 5000, answers) == [str(n) for n in range(5000)]
    assert not line.unanswered


def test_nothing_is_sent_before_the_flush_and_everything_after_it(line: Line, store: Store) -> None:
    line.hear(1)
    line.say("SET", "T|a", "1")
    assert store.client().get("T|a") is None
    line.flush()
    wait_until(lambda: store.client().get("T|a") == "1", "it is stored")


def test_a_said_command_needs_nobody_to_hear_its_answer(store: Store) -> None:
    pid = os.fork()
    if pid == 0:
        mine = Line(store, "T|x")
        mine.say("SET", "T|last", "words")
        mine.flush()
        os.kill(os.getpid(), 9)
    os.waitpid(pid, 0)
    wait_until(lambda: store.client().get("T|last") == "words", "the last words are stored")


def test_hearing_when_nothing_was_said_gives_nothing(line: Line) -> None:
    wait_until(lambda: line.hear(0.01) == 0, "the scripts are loaded")
    assert not line.hear(0.0)


def test_an_error_of_the_server_goes_to_whoever_said_the_command(line: Line) -> None:
    answers: list[Any] = []
    line.say("SET", "T|a", "text")
    line.say("INCR", "T|a", then=answers.append)
    line.say("ECHO", "on", then=answers.append)
    wrong, after = heard(line, 2, answers)
    assert isinstance(wrong, Refused)
    assert "not an integer" in str(wrong)
    assert after == "on"


def test_a_refused_question_is_raised(line: Line) -> None:
    with pytest.raises(Refused, match="unknown command"):
        line.ask("NOSUCH")


def test_bytes_that_are_no_text_do_not_end_the_line(line: Line, store: Store) -> None:
    line.ask("SET", "T|a", b"good \xff\xfe bad")
    assert line.ask("GET", "T|a") == "good �� bad"


def test_text_that_is_no_text_can_be_said(line: Line) -> None:
    assert line.ask("ECHO", "half \udc80 of a pair") == "half ? of a pair"


def test_an_answer_that_comes_in_many_pieces_is_one_answer(line: Line) -> None:
    big = "x" * 30_000_000
    line.ask("SET", "T|big", big)
    assert line.ask("GET", "T|big") == big


def test_a_server_that_forgot_the_scripts_is_told_again(line: Line, store: Store) -> None:
    line.ask("PING")
    store.client().script_flush()
    answers: list[Any] = []
    for n in range(3):
        line.run("lease", (f"T|{n}",), f"me {n}", 10_000, "", then=answers.append)
    assert heard(line, 3, answers) == ["me 0", "me 1", "me 2"]
    assert [store.client().get(f"T|{n}") for n in range(3)] == answers


def test_a_script_is_asked_again_when_the_server_forgot_it(line: Line, store: Store) -> None:
    line.ask("PING")
    store.client().script_flush()
    assert line.ask_script("lease", (store.keys("s").key("lease"),), "me", 1000, "") == "me"


def test_a_question_that_is_not_answered_is_a_cut(server: Server) -> None:
    line = Line(server.store(), "T|x")
    line.ask("PING")
    server.freeze()
    with pytest.raises(Cut, match="no answer"):
        line.ask("PING", timeout=0.05)
    server.thaw()
    assert not line.is_open


def test_a_killed_server_is_a_cut_and_the_line_says_so_again(server: Server) -> None:
    line = Line(server.store(), "T|x")
    line.ask("PING")
    server.kill()
    with pytest.raises(Cut):
        line.hear(5)
    assert not line.is_open
    assert line.fileno() == -1
    with pytest.raises(Cut):
        line.hear()
    with pytest.raises(StoreError, match="is it running"):
        line.reopen()


def test_what_was_said_while_cut_is_said_when_it_is_open_again(server: Server) -> None:
    line = Line(server.store(), "T|x")
    line.ask("PING")
    server.kill()
    with pytest.raises(Cut):
        line.hear(5)
    answers: list[Any] = []
    line.say("ECHO", "late", then=answers.append)
    line.flush()
    with pytest.raises(StoreError):
        line.reopen()
    server.start()
    line.reopen()
    assert heard(line, 1, answers) == ["late"]


def test_what_was_not_answered_is_said_again_in_order(server: Server) -> None:
    line = Line(server.store(), "T|x")
    line.ask("PING")
    answers: list[Any] = []
    for n in range(300):
        line.say("SET", "T|last", n, "GET", then=answers.append)
        line.flush()
    server.kill()  # it has done some or all of it, and we have heard nothing
    with pytest.raises(Cut):
        heard(line, 300, answers)
    before = len(answers)
    server.start()
    line.reopen()
    heard(line, 300, answers)
    assert answers[before + 1 :] == [str(n) for n in range(before, 299)]
    assert line.ask("GET", "T|last") == "299"


def test_what_is_not_wanted_again_is_forgotten_on_opening(server: Server) -> None:
    line = Line(server.store(), "T|x")
    line.ask("PING")
    server.freeze()
    line.say("INCR", "T|n")
    line.close()
    server.thaw()
    line.reopen(again=False)
    line.ask("PING")
    assert line.ask("GET", "T|n") is None


def test_a_server_that_became_a_replica_is_a_cut(server: Server) -> None:
    line = Line(server.store(), "T|x")
    answers: list[Any] = []
    line.ask("PING")
    server.store().client().replicaof("127.0.0.1", "1")
    line.say("SET", "T|a", "1", then=answers.append)
    with pytest.raises(Cut, match="READONLY"):
        heard(line, 1, answers)
    server.store().client().replicaof("NO", "ONE")
    line.reopen()
    assert heard(line, 1, answers) == ["OK"]


# --- patience


def listen(line: Line) -> None:
    """Until it is cut."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        line.hear(0.05)


def test_a_line_without_a_word_for_too_long_is_cut_and_heals(server: Server) -> None:
    line = Line(server.store(), "T|x")
    line.ask("PING")
    line.patience = 0.2
    line.check()
    answers: list[Any] = []
    line.say("SET", "T|x", "1", then=answers.append)
    server.freeze()
    try:
        with pytest.raises(Cut, match="no answer for"):
            listen(line)
    finally:
        server.thaw()
    line.reopen()
    heard(line, 1, answers)
    line.close()


def test_what_comes_after_the_patience_is_over_is_not_believed(server: Server) -> None:
    line = Line(server.store(), "T|x")
    line.ask("PING")
    line.patience = 0.05
    answers: list[Any] = []
    line.say("GET", "T|x", then=answers.append)
    line.flush()
    wait_until(lambda: select.select([line], [], [], 0)[0], "the answer is there")
    begun = time.monotonic()
    while time.monotonic() - begun < 0.1:  # as if we were frozen
        pass
    with pytest.raises(Cut):
        line.hear()
    assert answers == []
    line.close()


def test_a_line_that_waits_for_nothing_has_all_the_time(server: Server) -> None:
    line = Line(server.store(), "T|x")
    line.ask("PING")
    line.patience = 0.01
    begun = time.monotonic()
    while time.monotonic() - begun < 0.05:
        pass
    line.check()
    assert line.is_open
    line.close()
