"""The terminal as a door: what is typed becomes messages, what comes back is shown.

Only the collector stands here; how a person (screen) and a script (pipe) are served stands beside it.
"""

from __future__ import annotations

import asyncio
import getpass
import os
import pwd
import sys
from collections.abc import AsyncIterator, Mapping
from functools import partial
from pathlib import Path

from botcannon_core.chat.answer import answer, attachment, note
from botcannon_core.collectors.terminal.pipe import Pipe
from botcannon_core.collectors.terminal.surface import Complete, Surface
from botcannon_core.errors import UsageError
from botcannon_core.message import Message
from botcannon_core.roles import Halt

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
        complete = _completion(shell, acl, self._who)
        self._surface = open_surface(banner(name or Path.cwd().name, shell), prompt, complete)
        # One line at a time (piped): `_awaited` is the id of the line that is out. Its taskback can
        # overtake `stored`, which tells that id, so it waits in `_early` until then.
        self._awaited = ""
        self._early: dict[str, Message] = {}
        self._answered = asyncio.Event()
        self._answered.set()

    async def read(self) -> AsyncIterator[dict[str, str]]:
        """The next line, as soon as it may be sent."""
        if self._surface.one_at_a_time:
            await self._answered.wait()
        line = await self._surface.next_line()
        if line is None:
            raise Halt
        self._answered.clear()
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
        if self._surface.one_at_a_time and message.id != self._awaited:
            self._early[message.id] = message
            return
        self._surface.note(message.id, "")
        if text := _shown(message):
            await self._surface.show(text)
        self._answered.set()

    def note(self, message: Message) -> None:
        """Show how far a line is that still runs; a script is told nothing of that."""
        self._surface.note(message.id, note(message))

    def close(self) -> None:
        """Leave the terminal as it was."""
        self._surface.close()


def open_surface(banner: str, prompt: str = "> ", complete: Complete | None = None) -> Surface:
    """What fits this process's stdin and stdout: a Screen if somebody sits there, else a Pipe.

    Raises UsageError if a Screen would be right but its library is missing.
    """
    if not all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout)):
        return Pipe()
    try:  # an optional extra that takes 70 ms to import, and useless in a pipe
        from botcannon_core.collectors.terminal.screen import Screen
    except ModuleNotFoundError as error:
        if error.name != "prompt_toolkit":
            raise
        raise UsageError(
            "a chat on the terminal needs prompt_toolkit: pip install 'botcannon[terminal]'"
        ) from error
    return Screen(banner, prompt, complete)


def banner(name: str, shell: object | None = None) -> str:
    """Three lines for whoever sits down: its name, what it is, how to leave."""
    title = name if "NO_COLOR" in os.environ else f"\033[1m{name}\033[0m"
    about = "What you type is sent, a line at a time."
    if shell is not None:
        purpose = (type(shell).__doc__ or "").strip().partition("\n")[0]
        about = f"{purpose} Type help for more.".strip()
    return f"{title}\n{about}\nCtrl-D leaves."


def _completion(shell: object | None, acl: object, who: Mapping[str, str]) -> Complete | None:
    if shell is None or not sys.stdin or not sys.stdin.isatty():
        return None
    # only a person presses Tab
    from botcannon_core.chat.acl import Asker, Gate, rules
    from botcannon_core.chat.walk import complete

    return partial(complete, shell, gate=Gate(rules(acl), Asker.of(who)))


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
