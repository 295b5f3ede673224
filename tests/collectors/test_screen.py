import stat
from pathlib import Path

import pytest

from tests.collectors.on_a_pty import OnAPty

pytest.importorskip("prompt_toolkit", reason="the extra 'terminal' is not installed")

# A launcher and its child, as in `up`: the child owns the terminal, the launcher waits for it.
SCRIPT = """
import asyncio, os, signal, termios
from botcannon_core.collectors.terminal import open_surface
from botcannon_core.collectors.terminal.screen import Screen

def echoes():
    return termios.tcgetattr(0)[3] & termios.ECHO

def complete(words):
    return [w for w in ('cpu', 'memory', 'meter') if w.startswith(words[-1]) and len(words) == 1]

async def later(screen):
    while not screen._session.default_buffer.text:
        await asyncio.sleep(0.01)
    await screen.show('a reply from afar')

async def child():
    screen = Screen('my bot\\nsays hello\\nCtrl-D leaves.', complete=complete)
    task = asyncio.ensure_future(later(screen))
    while (line := await screen.next_line()) is not None:
        if line == 'cancel':
            waiting = asyncio.ensure_future(screen.next_line())
            await asyncio.sleep(0.1)
            waiting.cancel()
            break
        await screen.show(f'you said {line}')
    task.cancel()
    await asyncio.gather(task, *([waiting] if line else []), return_exceptions=True)
    print('the end,', 'sane' if echoes() else 'raw', flush=True)

pid = os.fork()
if pid:
    signal.signal(signal.SIGINT, lambda *_: os.write(1, b'asked to stop'))
    os._exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
signal.signal(signal.SIGINT, signal.SIG_IGN)
asyncio.run(child())
"""


@pytest.fixture
def screen(tmp_path: Path) -> OnAPty:
    on_a_pty = OnAPty(SCRIPT, tmp_path)
    on_a_pty.wait_for("> ")
    return on_a_pty


def leave(screen: OnAPty) -> None:
    screen.type("\x04")
    screen.wait_for("the end, sane")
    assert screen.finish() == 0


def test_a_banner_then_a_prompt_then_replies_and_a_sane_end(tmp_path: Path) -> None:
    screen = OnAPty(SCRIPT, tmp_path)
    assert "my bot\r\nsays hello\r\nCtrl-D leaves.\r\n" in screen.wait_for("> ")
    screen.type("hello\r")
    screen.wait_for("you said hello\r\n")
    screen.wait_for("> ")
    leave(screen)


def test_a_reply_stands_above_the_line_being_typed(screen: OnAPty) -> None:
    screen.type("half a li")
    screen.wait_for("a reply from afar\r\n")
    assert "half a li" in screen.wait_for("li")  # drawn again below the reply
    screen.type("ne\r")
    screen.wait_for("you said half a line")
    leave(screen)


def test_tab_completes_a_command_or_lists_those_it_may_be(screen: OnAPty) -> None:
    screen.type("c\t\r")
    screen.wait_for("you said cpu")
    screen.type("me\t")
    screen.wait_for("memory")
    screen.type("m\t\r")
    screen.wait_for("you said memory")
    leave(screen)


def test_ctrl_c_clears_a_line_and_on_an_empty_one_asks_the_launcher_to_stop(
    screen: OnAPty,
) -> None:
    screen.type("rubbish\x03fine\r")
    assert "asked to stop" not in screen.wait_for("you said fine")
    screen.type("\x03")
    screen.wait_for("asked to stop")
    leave(screen)


def test_a_blank_line_says_nothing(screen: OnAPty) -> None:
    screen.type("  \r\rhello\r")
    assert "you said" not in screen.wait_for("you said hello").removesuffix("you said hello")
    leave(screen)


def test_lines_typed_ahead_are_all_taken(screen: OnAPty) -> None:
    screen.type("one\rtwo\rthree\r")
    for line in ("one", "two", "three"):
        screen.wait_for(f"you said {line}")
    leave(screen)


def test_a_prompt_that_is_called_off_leaves_a_sane_terminal(screen: OnAPty) -> None:
    screen.type("cancel\r")
    screen.wait_for("the end, sane")
    assert screen.finish() == 0


def test_what_was_typed_is_remembered_for_its_owner_alone(screen: OnAPty, tmp_path: Path) -> None:
    screen.type("hello\r")
    screen.wait_for("you said hello")
    leave(screen)
    history = tmp_path / ".botcannon" / "history-terminal"
    assert stat.S_IMODE(history.stat().st_mode) == 0o600
    assert stat.S_IMODE(history.parent.stat().st_mode) == 0o700
    again = OnAPty(SCRIPT, tmp_path)
    again.wait_for("> ")
    again.type("\x1b[A\r")
    again.wait_for("you said hello")
    leave(again)


def test_a_terminal_that_hangs_up_is_an_end(tmp_path: Path) -> None:
    script = """
import asyncio, signal
from botcannon_core.collectors.terminal.screen import Screen

async def talk():
    screen = Screen('my bot')
    line = await screen.next_line()
    await screen.show('nobody sees this')
    open('line', 'w').write(repr(line))

signal.signal(signal.SIGHUP, signal.SIG_IGN)
asyncio.run(talk())
"""
    screen = OnAPty(script, tmp_path)
    screen.wait_for("> ")
    assert screen.hang_up() == 0
    assert (tmp_path / "line").read_text() == "None"


def test_a_history_that_cannot_be_kept_costs_only_the_history(tmp_path: Path) -> None:
    (tmp_path / ".botcannon").write_text("no folder")
    screen = OnAPty(SCRIPT, tmp_path)
    screen.wait_for("> ")
    leave(screen)


NOTES = """
import asyncio
from botcannon_core.collectors.terminal.screen import Screen

async def work(screen):
    typed = lambda text: screen._session.default_buffer.text == text
    for expected, note in (("", "half"), ("ab", "nearly"), ("abc", "")):
        while not typed(expected):
            await asyncio.sleep(0.01)
        screen.note("1", note and f"… {note}")
    await screen.show("done with it")

async def main():
    screen = Screen("my bot")
    working = asyncio.ensure_future(work(screen))
    while await screen.next_line() is not None:
        pass
    await working

asyncio.run(main())
"""


def test_a_note_stands_above_the_line_being_typed_until_it_is_over(tmp_path: Path) -> None:
    screen = OnAPty(NOTES, tmp_path)
    screen.wait_for("half")
    screen.wait_for("> ")
    screen.type("ab")
    screen.wait_for("nearly")
    screen.type("c")
    screen.wait_for("done with it")
    assert "…" not in screen.wait_for("> abc")
    screen.type("\r\x04")
    assert screen.finish() == 0
