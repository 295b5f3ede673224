"""The terminal as a door: what is typed becomes messages, what comes back is shown.

Only the collector stands here; how a person (screen) and a script (pipe) are served stands beside it,
and how a person is waited for (waiting). Until there is something to read or to show, neither of the
first two is imported: with an event loop and an editor they are most of an idle bot's memory.
"""

from __future__ import annotations

import getpass
import os
import pwd
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from botcannon_core.chat.answer import answer, attachment, note
from botcannon_core.collectors.terminal.surface import Complete, Surface
from botcannon_core.collectors.terminal.waiting import Keys, Waiting
from botcannon_core.errors import lacking
from botcannon_core.message import Message
from botcannon_core.raised import Halt

if TYPE_CHECKING:
    import asyncio

__all__ = ["Terminal", "open_surface"]


class Terminal:
    """A chat on the terminal `up` was started in, or on its stdin and stdout when they are piped.

    Every line is a message with `text`, `user`, `user_name`, `room`, `direct` and `network`. The
    taskback's `text` is shown, and the one line of an error. Ctrl-D, or the end of a piped stdin,
    ends it once everything is answered. `name` is its title (by default the project folder's),
    `shell` helps it to complete commands, those that `acl`, the service's access rules, may allow.
    """

    terminal = True
    every_outcome = True

    def __init__(
        self,
        shell: object | None = None,
        prompt: str = "> ",
        name: str | None = None,
        acl: object = None,
    ) -> None:
        self._who = _who()
        self._banner = banner(name or Path.cwd().name, shell)
        self._prompt = prompt
        self._complete = _completion(shell, acl, self._who)
        self._is_for_a_person = _is_for_a_person()
        self._keys = Keys()
        self._waiting = Waiting(self._banner, prompt, self._keys)
        self._surface: Surface | None = None  # opened when it is first used
        # One line at a time (piped): `_awaited` is the id of the line that is out. Its taskback can
        # overtake `stored`, which tells that id, so it waits in `_early` until then.
        self._awaited = ""
        self._early: dict[str, Message] = {}
        self._answered: asyncio.Event | None = None

    def doze(self) -> int | None:
        """Show the prompt; the descriptor on which the first key comes, or a script's first line."""
        if not self._is_for_a_person:
            return 0
        if not self._prompt.isprintable():  # the editor knows how to show it
            return None
        self._waiting.show()
        return 0

    async def read(self) -> AsyncIterator[dict[str, str]]:
        """The next line, as soon as it may be sent."""
        surface, answered = self._opened()
        if surface.one_at_a_time:
            await answered.wait()
        line = await surface.next_line()
        if line is None:
            raise Halt
        answered.clear()
        yield {"text": line, **self._who}

    async def stored(self, message: Message) -> None:
        """Learn the id of the line that is out."""
        self._awaited = message.id
        early = self._early.pop(message.id, None)
        self._early.clear()
        if early is not None:
            await self.taskback(early)

    async def taskback(self, message: Message) -> None:
        """Show the answer; a script gets answers to its own lines alone, in their order."""
        surface, answered = self._opened()
        if surface.one_at_a_time and message.id != self._awaited:
            self._early[message.id] = message
            return
        surface.note(message.id, "")
        if text := _shown(message):
            await surface.show(text)
        answered.set()

    def note(self, message: Message) -> None:
        """Show how far a line is that still runs; a script is told nothing of that."""
        surface, _ = self._opened()
        surface.note(message.id, note(message))

    def close(self) -> None:
        """Leave the terminal as it was."""
        if self._waiting.is_shown:
            self._waiting.leave()
        if self._surface is not None:
            self._surface.close()
        self._keys.give_back()

    def _opened(self) -> tuple[Surface, asyncio.Event]:
        """What carries the conversation, and whether the line that is out was answered."""
        if self._answered is None:
            import asyncio  # 30 ms and 10 MB, which whoever dozes does without

            self._answered = asyncio.Event()
            self._answered.set()
        if self._surface is None:
            text = "" if self._waiting.is_shown else self._banner
            self._surface = open_surface(text, self._prompt, self._complete, self._keys)
            if self._waiting.is_shown:  # until now, for the editor took a moment to come
                self._waiting.make_room()
        return self._surface, self._answered


def open_surface(
    banner: str, prompt: str = "> ", complete: Complete | None = None, keys: Keys | None = None
) -> Surface:
    """What fits this process's stdin and stdout: a Screen if somebody sits there, else a Pipe.

    Raises UsageError if a Screen would be right but its library is missing.
    """
    # both bring an event loop, and an optional extra takes 70 ms: not before they are used
    if not _is_for_a_person():
        from botcannon_core.collectors.terminal.pipe import Pipe

        return Pipe()
    from botcannon_core.collectors.terminal.screen import Screen

    return Screen(banner, prompt, complete, keys)


def banner(name: str, shell: object | None = None) -> str:
    """Three lines for whoever sits down: its name, what it is, how to leave."""
    title = name if "NO_COLOR" in os.environ else f"\033[1m{name}\033[0m"
    about = "What you type is sent, a line at a time."
    if shell is not None:
        purpose = (type(shell).__doc__ or "").strip().partition("\n")[0]
        about = f"{purpose} Type help for more.".strip()
    return f"{title}\n{about}\nCtrl-D leaves."


def _is_for_a_person() -> bool:
    """Whether somebody sits at stdin and stdout. Raises UsageError if there is no editor for them."""
    if not all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout)):
        return False
    if find_spec("prompt_toolkit") is None:
        raise lacking("a chat on the terminal", "prompt_toolkit>=3.0.50")
    return True


def _completion(shell: object | None, acl: object, who: Mapping[str, str]) -> Complete | None:
    if shell is None or not sys.stdin or not sys.stdin.isatty():
        return None

    def words(typed: list[str]) -> Sequence[str]:
        # only a person presses Tab
        from botcannon_core.chat.acl import Asker, Gate, rules
        from botcannon_core.chat.walk import complete

        return complete(shell, typed, gate=Gate(rules(acl), Asker.of(who)))

    return words


def _shown(message: Message) -> str:
    """The text of an answer, and a line for a file, which a terminal cannot show."""
    text = answer(message) or ""
    try:
        file = attachment(message)
    except ValueError as error:
        return f"{text}\n{error}".strip("\n")
    about = f"({file.name}, {len(file.content):,} bytes: no files on a terminal)" if file else ""
    return f"{text}\n{about}".strip("\n") if about else text


def _who() -> dict[str, str]:
    try:
        login = getpass.getuser()
        full = pwd.getpwnam(login).pw_gecos.partition(",")[0]
    except (KeyError, OSError):  # a user id without an entry, as in many containers
        login, full = str(os.getuid()), ""
    return {
        "user": login,
        "user_name": full or login,
        "room": "terminal",
        "direct": "1",
        "network": "terminal",
    }
