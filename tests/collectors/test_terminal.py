import asyncio
import os
import pwd
import sys
import tempfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from botcannon_core.chat.answer import answer
from botcannon_core.collectors.terminal import Terminal, banner, open_surface
from botcannon_core.collectors.terminal.pipe import Pipe
from botcannon_core.errors import UsageError
from botcannon_core.message import Message, checked_fields
from botcannon_core.roles import Halt
from tests.collectors.fake_intake import FakeIntake


class FakeSurface:
    """Lines from a list, replies into a list."""

    def __init__(self, lines: list[str], one_at_a_time: bool = True) -> None:
        self.one_at_a_time = one_at_a_time
        self.lines = lines
        self.shown: list[str] = []
        self.noted: list[tuple[str, str]] = []
        self.closed = 0

    async def next_line(self) -> str | None:
        return self.lines.pop(0) if self.lines else None

    async def show(self, text: str) -> None:
        self.shown.append(text)

    def note(self, about: str, text: str) -> None:
        self.noted.append((about, text))

    def close(self) -> None:
        self.closed += 1


def terminal_on(surface: Any) -> Terminal:
    terminal = Terminal()
    terminal._surface = surface
    return terminal


def shout(message: Message) -> dict[str, str]:
    return {"text": message["text"].upper(), "_outcome": "done"}


@pytest.fixture
def pipes() -> Iterator[tuple[Pipe, Callable[[bytes], None], Callable[[], str]]]:
    """A Pipe, a way to write its whole input, and a way to read all it wrote."""
    source, feed = os.pipe()
    drain, sink = os.pipe()

    def write(data: bytes) -> None:
        os.write(feed, data)
        os.close(feed)

    def read() -> str:
        os.close(sink)
        with open(drain, encoding="utf-8") as file:
            return file.read()

    yield Pipe(source, sink), write, read
    os.close(source)


async def lines_of(surface: Any) -> list[str]:
    lines = []
    while (line := await surface.next_line()) is not None:
        lines.append(line)
    return lines


# --- the collector


def test_what_is_running_is_noted_until_it_is_answered() -> None:
    surface = FakeSurface(["slow"])
    intake = FakeIntake(terminal_on(surface), shout)
    intake.notes = ["half", "nearly"]
    asyncio.run(intake.run())
    assert surface.noted == [("1000-0", "… half"), ("1000-0", "… nearly"), ("1000-0", "")]
    assert surface.shown == ["SLOW"]


def test_a_file_is_named_where_it_cannot_be_shown() -> None:
    def charted(message: Message) -> dict[str, str]:
        encoded = "iVBORw==" if message["text"] == "chart" else "no base64"
        return {"text": "", "file_name": "c.png", "file_base64": encoded, "_outcome": "done"}

    surface = FakeSurface(["chart", "broken"])
    asyncio.run(FakeIntake(terminal_on(surface), charted).run())
    assert surface.shown == [
        "(c.png, 4 bytes: no files on a terminal)",
        "c.png could not be sent: its content is no base64",
    ]


def test_a_line_is_a_message_that_says_who_typed_it() -> None:
    (message,) = asyncio.run(FakeIntake(terminal_on(FakeSurface(["hello"])), shout).run())
    assert message["text"] == "hello"
    assert message["user"] == pwd.getpwuid(os.getuid()).pw_name
    assert (message["room"], message["direct"], message["network"]) == ("terminal", "1", "terminal")
    assert checked_fields(message, "terminal")


def test_a_user_without_a_name_is_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise OSError("no username set in the environment")

    monkeypatch.setattr("getpass.getuser", nobody)
    (message,) = asyncio.run(FakeIntake(terminal_on(FakeSurface(["hello"])), shout).run())
    assert message["user"] == message["user_name"] == str(os.getuid())


@pytest.mark.parametrize("answer_first", [False, True])
def test_replies_of_a_script_come_in_order(answer_first: bool) -> None:
    surface = FakeSurface(["one", "two", "three"])
    asyncio.run(FakeIntake(terminal_on(surface), shout, answer_first).run())
    assert surface.shown == ["ONE", "TWO", "THREE"]
    assert surface.closed == 1


def test_a_script_waits_for_the_answer_before_its_next_line() -> None:
    surface = FakeSurface(["one", "two"])
    terminal = terminal_on(surface)

    async def run() -> None:
        intake = FakeIntake(terminal)  # answers nothing
        await intake.turn()
        second = asyncio.ensure_future(intake.turn())
        for _ in range(5):
            await asyncio.sleep(0)
        assert surface.lines == ["two"]
        await terminal.taskback(Message({"text": "ONE", "_outcome": "done"}, "1000-0"))
        await second
        assert surface.lines == []

    asyncio.run(run())


def test_a_person_need_not_wait_for_the_answer() -> None:
    surface = FakeSurface(["one", "two"], one_at_a_time=False)

    async def run() -> None:
        intake = FakeIntake(terminal_on(surface))
        await intake.turn()
        await intake.turn()

    asyncio.run(run())
    assert surface.lines == []


def test_a_script_ends_after_its_last_answer() -> None:
    surface = FakeSurface(["one"])
    terminal = terminal_on(surface)

    async def run() -> None:
        intake = FakeIntake(terminal)
        await intake.turn()
        end = asyncio.ensure_future(intake.turn())
        for _ in range(5):
            await asyncio.sleep(0)
        assert not end.done()
        await terminal.taskback(Message({"text": "ONE", "_outcome": "done"}, "1000-0"))
        with pytest.raises(Halt):
            await end

    asyncio.run(run())


def test_an_answer_left_over_from_another_life_is_not_a_scripts_answer() -> None:
    surface = FakeSurface(["one"])
    terminal = terminal_on(surface)

    async def run() -> None:
        await terminal.taskback(Message({"text": "stale", "_outcome": "done"}, "7-0"))
        await FakeIntake(terminal, shout).run()

    asyncio.run(run())
    assert surface.shown == ["ONE"]


# --- what is shown


def test_a_parked_message_is_one_line_with_its_id() -> None:
    fields = {"_outcome": "parked", "_error": "ZeroDivisionError: by zero", "_error_id": "a1b2"}
    assert answer(Message(fields)) == "error: ZeroDivisionError: by zero (log a1b2)"


def test_a_parked_message_answers_a_script_like_any_other() -> None:
    surface = FakeSurface(["one", "two"])

    def fail_first(message: Message) -> dict[str, str]:
        parked = {"_outcome": "parked", "_error": "it broke"}
        return parked if message["text"] == "one" else shout(message)

    asyncio.run(FakeIntake(terminal_on(surface), fail_first).run())
    assert surface.shown == ["error: it broke", "TWO"]


@pytest.mark.parametrize(
    "fields",
    [
        {"_outcome": "skipped", "text": "asked"},
        {"_outcome": "done", "_empty": "1", "text": "asked"},
        {"_outcome": "done"},
        {"_outcome": "done", "text": ""},
    ],
)
def test_an_outcome_without_a_reply_shows_nothing(fields: dict[str, str]) -> None:
    assert answer(Message(fields)) is None


def test_the_banner_has_three_lines_and_the_shells_own_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Greeter:
        """Says hello.

        And more.
        """

    monkeypatch.setenv("NO_COLOR", "1")
    assert banner("my bot", Greeter()).splitlines() == [
        "my bot",
        "Says hello. Type help for more.",
        "Ctrl-D leaves.",
    ]
    assert len(banner("my bot").splitlines()) == 3
    monkeypatch.delenv("NO_COLOR")
    assert banner("my bot").startswith("\033[1mmy bot\033[0m\n")


# --- the pipe


def test_a_pipe_gives_lines_that_are_not_blank(pipes: Any) -> None:
    pipe, write, _ = pipes
    write(b"one\r\n\n   \n  two \nthree")
    assert asyncio.run(lines_of(pipe)) == ["one", "two", "three"]


def test_a_pipe_takes_lines_longer_than_a_read_and_bytes_that_are_no_text(pipes: Any) -> None:
    pipe, write, _ = pipes
    long = "é" * 40_000
    asyncio.run(_feed(write, f"{long}\n".encode() + b"\xff\xfe\n", pipe, [long, "��"]))


async def _feed(write: Callable[[bytes], None], data: bytes, pipe: Pipe, wanted: list[str]) -> None:
    """Write from a thread: the data is more than a pipe holds."""
    writing = asyncio.get_running_loop().run_in_executor(None, write, data)
    lines = await lines_of(pipe)
    await writing
    assert lines == wanted


def test_a_reply_is_written_at_once(pipes: Any) -> None:
    pipe, _, read = pipes
    asyncio.run(pipe.show("héllo\nworld"))
    assert read() == "héllo\nworld\n"


def test_a_reply_nobody_reads_ends_the_input(pipes: Any) -> None:
    pipe, write, _ = pipes
    source, sink = os.pipe()
    os.close(source)
    pipe._sink = sink
    write(b"one\ntwo\n")

    async def run() -> list[str]:
        first = await pipe.next_line()
        await pipe.show("nobody hears this")
        return [first, *await lines_of(pipe)]

    assert asyncio.run(run()) == ["one"]
    os.close(sink)


def test_a_plain_file_and_dev_null_are_pipes_too() -> None:
    with tempfile.TemporaryFile() as file, open(os.devnull, "rb") as null:
        file.write(b"one\ntwo\n")
        file.seek(0)
        assert asyncio.run(lines_of(Pipe(file.fileno()))) == ["one", "two"]
        assert asyncio.run(lines_of(Pipe(null.fileno()))) == []


def test_a_closed_stdin_is_an_end() -> None:
    source, sink = os.pipe()
    os.close(sink)
    os.close(source)
    assert asyncio.run(lines_of(Pipe(source))) == []


def test_a_wait_for_a_line_can_be_called_off(pipes: Any) -> None:
    pipe, write, _ = pipes

    async def run() -> str | None:
        waiting = asyncio.ensure_future(pipe.next_line())
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        write(b"one\n")
        return await pipe.next_line()

    assert asyncio.run(run()) == "one"


# --- which surface


def test_without_a_terminal_the_surface_is_a_pipe() -> None:
    assert isinstance(open_surface("banner"), Pipe)


def test_a_missing_library_is_named_with_the_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    class Tty:
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdin", Tty())
    monkeypatch.setattr(sys, "stdout", Tty())
    monkeypatch.delitem(sys.modules, "botcannon_core.collectors.terminal.screen", raising=False)
    monkeypatch.setitem(sys.modules, "prompt_toolkit", None)
    with pytest.raises(UsageError, match=r"into app/requirements.txt"):
        open_surface("banner")
