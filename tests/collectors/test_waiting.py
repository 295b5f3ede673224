"""The terminal that nobody has touched yet: no editor is loaded, and no key is lost to that."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.collectors.on_a_pty import PATIENCE, OnAPty

pytest.importorskip("prompt_toolkit", reason="the extra 'terminal' is not installed")

# What an intake does with a terminal that dozes; the launcher waits for it, as in `up`.
SCRIPT = """
import os, select, signal, sys, termios
from botcannon_core.collectors.terminal import Terminal
from botcannon_core.message import Message

HEAVY = ("asyncio", "prompt_toolkit", "botcannon_core.chat.walk")

def echoes():
    return not os.isatty(0) or bool(termios.tcgetattr(0)[3] & termios.ECHO)

def answer(message):
    return {"_outcome": "done", "text": f"you said {message['text']!r}"}

pid = os.fork()
if pid:
    signal.signal(signal.SIGINT, lambda *_: os.write(1, b"asked to stop"))
    os._exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
signal.signal(signal.SIGINT, signal.SIG_IGN)
terminal = Terminal(name="my bot", prompt=os.environ.get("PROMPT", "> "))
door = terminal.doze()
news = os.open("news", os.O_RDWR)  # a way to be woken by something else than a key
woken = select.select([door, news], [], [])[0] if door is not None else [door]
open("loaded", "w").write(" ".join(name for name in HEAVY if name in sys.modules))
what = os.read(news, 10).decode() if news in woken else ""

async def talk():
    from tests.collectors.fake_intake import FakeIntake

    if what:
        await terminal.taskback(Message({"_outcome": "done", "text": what}, "1-0"))
    await FakeIntake(terminal, answer).run()

if what == "stop":
    terminal.close()
else:
    import asyncio

    asyncio.run(talk())
print("the end,", "sane" if echoes() else "raw", flush=True)
"""


def started(folder: Path, script: str = SCRIPT, **environment: str) -> OnAPty:
    os.mkfifo(folder / "news")
    return OnAPty(script, folder, NO_COLOR="1", **environment)


def tell(folder: Path, what: str) -> None:
    """Wake the script by something that is no key."""
    (folder / "news").write_text(what)


def leave(screen: OnAPty) -> None:
    screen.type("\x04")
    screen.wait_for("the end, sane")
    assert screen.finish() == 0


@pytest.fixture
def screen(tmp_path: Path) -> OnAPty:
    screen = started(tmp_path)
    about = "What you type is sent, a line at a time."
    assert f"my bot\r\n{about}\r\nCtrl-D leaves.\r\n> " in screen.wait_for("> ")
    return screen


def test_banner_and_prompt_stand_there_before_anything_is_loaded(
    screen: OnAPty, tmp_path: Path
) -> None:
    screen.type("x")
    screen.wait_for("x")
    assert (tmp_path / "loaded").read_text() == ""
    screen.type("\x03")
    leave(screen)


def test_the_first_key_and_all_that_is_typed_with_it_reach_the_editor(screen: OnAPty) -> None:
    screen.type("hello\r")
    screen.wait_for("you said 'hello'")
    screen.type("again\r")
    screen.wait_for("you said 'again'")
    leave(screen)


def test_lines_typed_at_once_are_all_taken_and_each_is_shown_with_its_prompt(
    screen: OnAPty,
) -> None:
    screen.type("one\rtwo\r")
    assert "my bot" not in screen.wait_for("you said 'one'")  # the banner has been shown
    screen.wait_for("you said 'two'")
    leave(screen)


def test_a_paste_as_the_first_thing_is_one_line_to_be_looked_at(screen: OnAPty) -> None:
    screen.type("\x1b[200~first\nsecond\x1b[201~")
    screen.wait_for("second")
    screen.type("\r")
    screen.wait_for("you said 'first\\nsecond'")
    leave(screen)


def test_an_arrow_key_as_the_first_one_is_whole(screen: OnAPty, tmp_path: Path) -> None:
    screen.type("\x1b[A")  # no history yet: nothing, and none of its bytes is a letter
    screen.type("hello\r")
    screen.wait_for("you said 'hello'")
    leave(screen)


def test_ctrl_c_as_the_first_key_asks_the_launcher_to_stop(screen: OnAPty) -> None:
    screen.type("\x03")
    screen.wait_for("asked to stop")
    leave(screen)


def test_ctrl_d_as_the_first_key_leaves(screen: OnAPty) -> None:
    leave(screen)


def test_an_answer_that_comes_before_the_first_key_stands_above_the_prompt(
    screen: OnAPty, tmp_path: Path
) -> None:
    tell(tmp_path, "from afar")
    shown = screen.wait_for("from afar\r\n")
    assert "> from" not in shown  # the prompt has made room
    screen.wait_for("> ")
    assert (tmp_path / "loaded").read_text() == ""
    screen.type("hello\r")
    screen.wait_for("you said 'hello'")
    leave(screen)


def test_a_service_that_stops_before_the_first_key_leaves_a_sane_terminal(
    screen: OnAPty, tmp_path: Path
) -> None:
    tell(tmp_path, "stop")
    assert screen.wait_for("the end, sane") == "\r\nthe end, sane"  # below the prompt
    assert screen.finish() == 0


def test_what_was_typed_before_the_prompt_stood_there_is_not_lost(tmp_path: Path) -> None:
    waits = "import select; print('starting'); select.select([0], [], [])\n"  # for a line
    screen = started(tmp_path, waits + SCRIPT)
    screen.wait_for("starting")
    screen.type("early\r")
    screen.wait_for("you said 'early'")
    leave(screen)


def test_a_prompt_that_is_more_than_text_is_left_to_the_editor(tmp_path: Path) -> None:
    screen = started(tmp_path, PROMPT="say\n> ")
    screen.wait_for("say")
    screen.wait_for("> ")
    screen.type("hello\r")
    screen.wait_for("you said 'hello'")
    leave(screen)


def test_a_terminal_that_hangs_up_before_the_first_key_is_an_end(tmp_path: Path) -> None:
    ignores = "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
    last = 'os.open("over", os.O_CREAT)\n'
    screen = started(tmp_path, ignores + SCRIPT.replace("print(", last + "print("))
    screen.wait_for("> ")
    screen.hang_up()
    assert (tmp_path / "over").exists()


def test_a_script_is_waited_for_without_an_event_loop(tmp_path: Path) -> None:
    folder = {"cwd": tmp_path, "env": {**os.environ, "PYTHONPATH": os.getcwd()}}
    os.mkfifo(tmp_path / "news")
    piped = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        input="one\ntwo\n",
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
        **folder,
    )
    assert piped.stdout == "you said 'one'\nyou said 'two'\nthe end, sane\n"
    assert (tmp_path / "loaded").read_text() == ""
