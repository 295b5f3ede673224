"""A conversation: what is remembered of one asker in one room, and the few words that refer to it.

`more` shows the rest of a long answer, `!!` says the last command again, `yes` and `no` answer a
command that asks back, `cancel` ends what runs. All of it lies in a memory with time limits, for the
next line may meet another process. Pure but for that memory. Not here: running a command (command) and
whether one asks back (acl).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from botcannon_core.chat.acl import Asker
from botcannon_core.chat.clean import paged
from botcannon_core.chat.parse import unfenced
from botcannon_core.digest import digest

CONFIRM_SECONDS = 120.0
LAST_SECONDS = 3_600.0
HINT = " (say more)"


class Memory(Protocol):
    """Where a conversation is kept: texts by key, each for some seconds."""

    def get(self, key: str) -> str | None:
        """The text under a key, unless there is none or its time is over."""
        ...

    def put(self, key: str, value: str, seconds: float) -> None:
        """Remember a text for so long."""
        ...

    def drop(self, key: str) -> bool:
        """Forget it; of all who do so, only the first hears True."""
        ...


@dataclass(frozen=True)
class Turn:
    """What a line comes to: a command to run, with the yes said to it so far, or a reply at once.

    An empty reply is none: what is to be said, something else says.
    """

    command: str = ""
    reply: str | None = None
    confirmed: frozenset[str] = frozenset()


class Talk:
    """One asker's conversation in one room. `asks_back`: commands may wait for a yes.

    `cancel` ends what the asker has running, and tells whether there was anything.
    """

    def __init__(
        self,
        memory: Memory,
        asker: Asker,
        asks_back: bool = False,
        cancel: Callable[[], bool] = lambda: False,
    ) -> None:
        who = json.dumps([asker.network, asker.room, asker.user])
        # a digest, for keys are short and people's ids may be anything
        self._key = f"talk:{digest(who)}"
        self._memory = memory
        self._asks_back = asks_back
        self._cancel = cancel

    def hear(self, line: str, limit: int, knows: Callable[[str], bool]) -> Turn:
        """What `line` comes to; a page of an answer has at most `limit` characters.

        `knows` tells whether the shell has a command of that name: it is the shell's if nothing else is
        meant.
        """
        word = unfenced(line).strip().lower()
        if word in ("yes", "no"):
            return self._answered(word, line, knows(word))
        if word == "cancel":
            return self._cancelled(line, knows(word))
        if word == "more":
            return self._more(line, limit, knows(word))
        if word == "!!":
            last = self._last().get("text")
            return self._begin(last) if last else Turn(reply="there is no command to say again")
        return self._begin(line)

    def ask_back(self, command: str, spelled: str, confirmed: frozenset[str]) -> str:
        """Let `command` wait for a yes to what it was understood as; the question for the asker."""
        pending = {"text": command, "confirmed": sorted({*confirmed, spelled}), "as": spelled}
        self._memory.put(f"{self._key}:pending", json.dumps(pending), CONFIRM_SECONDS)
        return f"this will run: {spelled}\nsay yes within {CONFIRM_SECONDS / 60:g} minutes, or no"

    def keep(self, command: str, rest: str) -> None:
        """Remember the rest of a long answer for `more`."""
        self._remember(command, rest)

    def _begin(self, command: str) -> Turn:
        if self._asks_back:
            self._memory.drop(f"{self._key}:pending")  # something else was said: that is no yes
        self._remember(command, "")
        return Turn(command)

    def _answered(self, word: str, line: str, is_command: bool) -> Turn:
        pending = self._take_pending()
        if pending is None:
            nothing = "there is nothing that waits for an answer of yours"
            return self._begin(line) if is_command else Turn(reply=nothing)
        if word == "no":
            return Turn(reply=f"not run: {pending['as']}")
        return Turn(pending["text"], confirmed=frozenset(pending["confirmed"]))

    def _cancelled(self, line: str, is_command: bool) -> Turn:
        pending = self._take_pending()
        if pending is not None:
            return Turn(reply=f"not run: {pending['as']}")
        if self._cancel():
            return Turn(reply="")  # what was ended is answered itself
        nothing = "nothing of yours is running"
        return self._begin(line) if is_command else Turn(reply=nothing)

    def _take_pending(self) -> dict[str, Any] | None:
        """What waits for a yes, once: two who say it at the same time run it no more than one does."""
        key = f"{self._key}:pending"
        found = self._memory.get(key) if self._asks_back else None
        if found is None or not self._memory.drop(key):
            return None
        pending: dict[str, Any] = json.loads(found)
        return pending

    def _more(self, line: str, limit: int, is_command: bool) -> Turn:
        last = self._last()
        if not last.get("rest"):
            return self._begin(line) if is_command else Turn(reply="there is no more")
        page, rest = paged(last["rest"], limit, hint=HINT)
        self._remember(last["text"], rest)
        return Turn(reply=page)

    def _last(self) -> dict[str, str]:
        found: dict[str, str] = json.loads(self._memory.get(f"{self._key}:last") or "{}")
        return found

    def _remember(self, command: str, rest: str) -> None:
        said = json.dumps({"text": command, "rest": rest})
        self._memory.put(f"{self._key}:last", said, LAST_SECONDS)
