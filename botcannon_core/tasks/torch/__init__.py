"""Torch: the task that runs a message's text as a command against the service's shell.

What a command is, who may be reached and how an answer looks is the chat room's; here is what needs a
process: what the command prints is caught and becomes part of the reply, files are read, and it may say
how far it is. Not here: deadlines and the death of workers, which are the pool's.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection
from contextlib import closing, suppress
from functools import partial
from typing import Any

from botcannon_core.chat import acl as access
from botcannon_core.chat import audit
from botcannon_core.chat.acl import Asker, Gate
from botcannon_core.chat.answer import INVALID, MOST_FILE_BYTES
from botcannon_core.chat.bind import unheard
from botcannon_core.chat.clean import LONGEST_REST, fitted, paged
from botcannon_core.chat.command import Reply, Walk, run
from botcannon_core.chat.parse import Word
from botcannon_core.chat.render import EMPTY
from botcannon_core.chat.said import Line, spelled
from botcannon_core.chat.talk import HINT, Memory, Talk, Turn
from botcannon_core.chat.walk import find
from botcannon_core.errors import MessageError
from botcannon_core.file import File
from botcannon_core.message import Message
from botcannon_core.raised import Skip
from botcannon_core.tasks.torch import files
from botcannon_core.tasks.torch.printed import Printed
from botcannon_core.tasks.torch.telling import Telling


class Torch:
    """A chat bot's brain: every message's text is a command on the methods of the shell.

    `in_key` names the field that holds the text, `out_key` the result that gets the reply. A reply has
    at most `max_output` characters, a list or generator in it at most `max_items` entries, a file that
    comes with it at most `max_file` bytes. `hidden` are texts that are shown as `***`, `acl` are the
    access rules of the service, and `memory` keeps what `more`, `!!` and `yes` refer to: without it, or
    from nobody known, these words and `cancel` mean nothing. `progress` is what commands may call to
    tell how far they are, `cancel` ends what the sender of a message has running. Each line leaves an
    audit line in the log; one that is no command is marked by the result `invalid`.
    """

    def __init__(
        self,
        shell: object,
        in_key: str = "text",
        out_key: str = "text",
        max_output: int = 4_000,
        max_items: int = 100,
        max_file: int = MOST_FILE_BYTES,
        hidden: Collection[str] = (),
        acl: object = None,
        memory: Memory | None = None,
        progress: Callable[..., None] = unheard,
        cancel: Callable[[Message], bool] = lambda _message: False,
    ) -> None:
        self._shell = shell
        self._progress = progress
        self._cancel = cancel
        self._rules = access.rules(acl)
        self._memory = memory
        self._in_key, self._out_key = in_key, out_key
        self._max_output = _positive("max_output", max_output)
        self._max_items = _positive("max_items", max_items)
        self._max_file = _positive("max_file", max_file)
        self._hidden = frozenset(str(secret) for secret in hidden)

    def task(self, message: Message, results: dict[str, Any]) -> dict[str, str]:
        """The reply to the message's text; raises Skip if it has none, and what the command raises."""
        text = results.get(self._in_key, message.get(self._in_key))
        if text is None:
            raise Skip
        if not isinstance(text, str):
            raise MessageError(f"torch: {self._in_key!r} holds a {type(text).__name__}, not text")
        asker = Asker.of(message)  # never of the results: who asks is not for a task to say
        gate = Gate(self._rules, asker)
        talk = self._talk(message, asker, gate)
        with _Audited(asker, message.id, text, self._hidden) as audited:
            turn = talk.hear(text, self._max_output, self._knows) if talk else Turn(text)
            if turn.reply is not None:
                audited.outcome = "told"
                if not turn.reply:
                    raise Skip
                return {self._out_key: turn.reply}
            gate = Gate(self._rules, asker, turn.confirmed)
            return self._answered(turn.command, gate, talk, audited)

    def _talk(self, message: Message, asker: Asker, gate: Gate) -> Talk | None:
        if self._memory is None or not asker.user:
            return None
        return Talk(self._memory, asker, gate.asks_back, partial(self._cancel, message))

    def _knows(self, word: str) -> bool:
        return find(self._shell, Word(word)) is not None

    def _answered(
        self, command: str, gate: Gate, talk: Talk | None, audited: _Audited
    ) -> dict[str, str]:
        reply, said = self._run(command, gate, audited.walk)
        audited.outcome = reply.kind
        if reply.kind == "confirm":
            return {self._out_key: self._asked_back(command, reply, gate, talk)}
        file, trouble = files.fields(reply.file, self._max_file, _typed(reply.line))
        page, rest = self._paged(said, _text(reply, said, trouble, bool(file)), talk)
        if talk and rest:
            talk.keep(command, rest)
        is_command = reply.kind not in ("refused", "forbidden")
        marks = {} if is_command else {INVALID: "1"}
        return {self._out_key: page or ("" if file else EMPTY), **file, **marks}

    def _run(self, command: str, gate: Gate, walk: Walk) -> tuple[Reply, str]:
        """The reply to a command, and what it printed."""
        telling = Telling(self._progress, self._hidden)
        printed = Printed(still=telling.still)
        try:
            with printed.caught(), closing(telling):
                reply = run(
                    self._shell,
                    command,
                    hidden=self._hidden,
                    max_items=self._max_items,
                    gate=gate,
                    walk=walk,
                    progress=telling,
                )
        except BaseException as error:
            if said := printed.text:
                error.add_note(f"printed before: {fitted(said, self._max_output, self._hidden)}")
            raise
        return reply, printed.text.strip("\n")

    def _asked_back(self, command: str, reply: Reply, gate: Gate, talk: Talk | None) -> str:
        understood = spelled(reply.line)
        if talk is None:
            return "this runs only after a yes, and here nobody can be asked for one"
        question = talk.ask_back(command, understood, gate.confirmed)
        return fitted(question, self._max_output, self._hidden)

    def _paged(self, printed: str, result: str, talk: Talk | None) -> tuple[str, str]:
        """Both as one reply and the rest of it; what was printed may not push the result out."""
        keep, hint = (LONGEST_REST, HINT) if talk else (0, "")
        if not printed:
            return paged(result, self._max_output, self._hidden, keep, hint)
        room = max(self._max_output // 2, self._max_output - len(printed) - 1)
        shown, rest = paged(result, room, self._hidden, keep, hint)
        room = self._max_output - len(shown) - 1
        before, unseen = paged(printed, room, self._hidden, keep, hint)
        return "\n".join(filter(None, (before, shown))), "\n".join(filter(None, (unseen, rest)))


class _Audited:
    """Writes the audit line around one command: its beginning at once, its end when it is known."""

    def __init__(self, asker: Asker, message_id: str, text: str, hidden: Collection[str]) -> None:
        self._begun = audit.begun(asker, message_id, text, hidden)
        self._hidden = hidden
        self._since = time.monotonic()
        self.walk = Walk()
        self.outcome = "failed"

    def __enter__(self) -> _Audited:
        _log(self._begun)
        return self

    def __exit__(self, *_error: object) -> None:
        took = time.monotonic() - self._since
        names, line = self.walk.names, self.walk.line
        _log(audit.ended(self.outcome, names, line, took, self._hidden))


def _text(reply: Reply, printed: str, trouble: str, has_file: bool) -> str:
    """What is said beside what was printed: the result, unless a file stands for it."""
    if has_file or trouble:
        text = reply.file.text if isinstance(reply.file, File) else ""
        return f"{text}\n{trouble}".strip("\n")
    return "" if reply.silent and printed else reply.text


def _typed(line: Line) -> list[str]:
    """Every text of a command, also each of those in a list."""
    return [text for one in line for text in one.texts]


def _log(text: str) -> None:
    with suppress(
        OSError
    ):  # nobody reads the log any more, and the command is answered all the same
        os.write(2, text.encode(errors="replace"))


def _positive(name: str, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(f"torch: {name} must be a whole number above 0, not {value!r}")
    return value
