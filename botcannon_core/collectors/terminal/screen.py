"""The terminal for a person: a prompt with history and completion, replies printed above it.

No full-screen program: what was said stays in the terminal's own scrollback. Brings prompt_toolkit,
an optional extra, so it is imported only where somebody types.
"""

from __future__ import annotations

import os
import signal
import sys
import termios
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from prompt_toolkit import PromptSession
from prompt_toolkit.application import run_in_terminal
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.output.vt100 import Vt100_Output
from prompt_toolkit.shortcuts import CompleteStyle

from botcannon_core.collectors.terminal.surface import Complete, put
from botcannon_core.collectors.terminal.waiting import Keys

MOST_NOTES = 3  # lines above the prompt; of more, the latest
HISTORY = Path(".botcannon/history-terminal")  # in the project folder, where all processes run


class Screen:
    """Asks a person for lines, and shows replies above the one being typed."""

    one_at_a_time = False

    def __init__(
        self,
        banner: str,
        prompt: str = "> ",
        complete: Complete | None = None,
        keys: Keys | None = None,
        history: Path = HISTORY,
    ) -> None:
        self._banner = banner
        self._prompt = prompt
        self._notes: dict[str, str] = {}  # what is still running, the latest last
        self._keys = keys or Keys()
        self._session: PromptSession[str] = PromptSession(
            history=_history(history),
            completer=_Words(complete) if complete else None,
            # completions appear above the prompt: a menu below would keep lines empty for itself
            complete_style=CompleteStyle.READLINE_LIKE,
            complete_while_typing=False,
            key_bindings=_bindings(),
            output=_output(),
        )

    async def next_line(self) -> str | None:
        """The next line that is not blank; None once the person has left."""
        try:
            self._begin()
            while not (line := (await self._ask()).strip()):
                pass
        except (EOFError, OSError, termios.error):  # Ctrl-D, or the terminal itself is gone
            self.close()
            return None
        except BaseException:  # cancelled: the service stops
            self.close()
            raise
        return line

    async def show(self, text: str) -> None:
        """Print `text` above the prompt, at once."""
        await run_in_terminal(lambda: _print(text))

    def note(self, about: str, text: str) -> None:
        """Show `text` right above the prompt until it changes; an empty one takes it away."""
        if self._notes.pop(about, "") == text:
            return  # there was none, and there is none
        if text:
            self._notes[about] = text
        self._session.app.invalidate()

    def close(self) -> None:
        """Give the terminal its usual mode back, in which Ctrl-C is a signal again."""
        self._keys.give_back()

    def _begin(self) -> None:
        # Raw until the conversation ends, not only while a prompt is up: what is typed while the last
        # line is being stored would be echoed across the screen.
        self._keys.take()
        if self._banner:
            _print(self._banner)
            self._banner = ""

    async def _ask(self) -> str:
        # signals and stray exceptions stay with the process that runs us
        return await self._session.prompt_async(
            self._message, handle_sigint=False, set_exception_handler=False
        )

    def _message(self) -> str:
        return "".join(
            [f"{text}\n" for text in list(self._notes.values())[-MOST_NOTES:]] + [self._prompt]
        )


class _Words(Completer):
    """Completes the last word of the line."""

    def __init__(self, complete: Complete) -> None:
        self._complete = complete

    def get_completions(self, document: Document, _event: CompleteEvent) -> Iterator[Completion]:
        """Every word the last one may become."""
        words = document.text_before_cursor.split(" ")
        for word in self._complete([*filter(None, words[:-1]), words[-1]]):
            # `--option=` goes on without a space
            end = "" if word.endswith("=") else " "
            yield Completion(f"{word}{end}", start_position=-len(words[-1]), display=word)


def _bindings() -> KeyBindings:
    keys = KeyBindings()

    @keys.add("c-c")
    def _clear_or_stop(event: KeyPressEvent) -> None:
        if event.current_buffer.text:
            event.current_buffer.reset()
        else:  # in raw mode the key is no signal: give our group the one it would have got
            os.kill(0, signal.SIGINT)

    return keys


def _output() -> Vt100_Output:
    """Our stdout, never asked where its cursor stands.

    Nothing is drawn below the prompt, so that is not needed, and an answer that comes late would
    end up in somebody's shell.
    """
    terminal = Vt100_Output.from_pty(sys.stdout, os.environ.get("TERM"))
    terminal.enable_cpr = False
    return terminal


def _history(path: Path) -> History:
    """What was typed before, kept in a file that only its owner reads; else only while we run."""
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError:
        return InMemoryHistory()
    return FileHistory(path)


def _print(text: str) -> None:
    with suppress(OSError):  # the terminal is gone, and the next key read will say so
        put(text)
