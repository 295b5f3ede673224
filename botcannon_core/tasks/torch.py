"""Torch: the task that runs a message's text as a command against the service's shell.

What a command is, who may be reached and how an answer looks is the chat room's; here is what needs a
process: what the command prints, on any descriptor and from any child, is caught and becomes part of
the reply. Not here: deadlines and the death of workers, which are the pool's.
"""

from __future__ import annotations

import os
import select
import sys
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from botcannon_core.chat.clean import fitted
from botcannon_core.chat.command import run
from botcannon_core.chat.render import EMPTY
from botcannon_core.errors import MessageError
from botcannon_core.message import Message
from botcannon_core.roles import Skip

_CHUNK = 65_536  # bytes: what a pipe holds on Linux
_PIPEFULS = 16  # a pipe may have been made larger: up to 1 MiB
_PRINTED = 1 << 20  # bytes kept of what a command prints; more is read and dropped


class Torch:
    """A chat bot's brain: every message's text is a command on the methods of the shell.

    `in_key` names the field that holds the text, `out_key` the result that gets the reply. A reply has
    at most `max_output` characters, a list or generator in it at most `max_items` entries. `hidden`
    are texts that are shown as `***`.
    """

    def __init__(
        self,
        shell: object,
        in_key: str = "text",
        out_key: str = "text",
        max_output: int = 4_000,
        max_items: int = 100,
        hidden: Collection[str] = (),
    ) -> None:
        self._shell = shell
        self._in_key, self._out_key = in_key, out_key
        self._max_output = _positive("max_output", max_output)
        self._max_items = _positive("max_items", max_items)
        self._hidden = frozenset(str(secret) for secret in hidden)

    def task(self, message: Message, results: dict[str, Any]) -> dict[str, str]:
        """The reply to the message's text; raises Skip if it has none, and what the command raises."""
        text = results.get(self._in_key, message.get(self._in_key))
        if text is None:
            raise Skip
        if not isinstance(text, str):
            raise MessageError(f"torch: {self._in_key!r} holds a {type(text).__name__}, not text")
        return {self._out_key: self._reply(text)}

    def _reply(self, text: str) -> str:
        printed = Printed()
        try:
            with printed.caught():
                reply = run(self._shell, text, hidden=self._hidden, max_items=self._max_items)
        except BaseException as error:
            if said := printed.text:
                error.add_note(f"printed before: {fitted(said, self._max_output, self._hidden)}")
            raise
        said = printed.text.strip("\n")
        return self._fitted(said, "" if reply.silent and said else reply.text) or EMPTY

    def _fitted(self, printed: str, result: str) -> str:
        """Both as one reply; what was printed may not push the result out of it."""
        if not printed:
            return fitted(result, self._max_output, self._hidden)
        room = max(self._max_output // 2, self._max_output - len(printed) - 1)
        shown = fitted(result, room, self._hidden)
        before = fitted(printed, self._max_output - len(shown) - 1, self._hidden)
        return "\n".join(filter(None, (before, shown)))


def _positive(name: str, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(f"torch: {name} must be a whole number above 0, not {value!r}")
    return value


class Printed:
    """Catches what is written to descriptors 1 and 2, by this process and its children.

    A thread drains a pipe, so that a command may print for ever without filling memory. The end of
    the catching is a byte on a second pipe and not the end of the first, which a grandchild may hold
    open for long.
    """

    def __init__(self, limit: int = _PRINTED) -> None:
        self._limit = limit
        self._kept = bytearray()

    @property
    def text(self) -> str:
        """What was caught so far, as text; bytes that are none are replaced."""
        return self._kept.decode(errors="replace")

    @contextmanager
    def caught(self) -> Iterator[None]:
        """While this is open, nothing printed leaves the process."""
        reader, writer = os.pipe()
        asleep, wake = os.pipe()
        drain = threading.Thread(target=self._drain, args=(reader, asleep), daemon=True)
        drain.start()
        try:
            with _turned(writer):
                yield
        finally:
            os.write(wake, b".")
            drain.join()
            for descriptor in (reader, writer, asleep, wake):
                os.close(descriptor)

    def _drain(self, reader: int, asleep: int) -> None:
        os.set_blocking(reader, False)
        poll = select.poll()
        for descriptor in (reader, asleep):
            poll.register(descriptor, select.POLLIN)
        while asleep not in dict(poll.poll()):
            self._take(reader)
        # what is in the pipe now was printed by the command; a grandchild may go on for ever
        for _ in range(_PIPEFULS):
            if not self._take(reader):
                return

    def _take(self, reader: int) -> bool:
        """Keep a chunk if there is room; tell whether there was one."""
        try:
            chunk = os.read(reader, _CHUNK)
        except BlockingIOError:
            return False
        self._kept += chunk[: max(0, self._limit - len(self._kept))]
        return bool(chunk)


@contextmanager
def _turned(writer: int) -> Iterator[None]:
    """Descriptors 1 and 2, and Python's own streams, lead to `writer`."""
    streams = sys.stdout, sys.stderr
    for stream in streams:
        _flush(stream)
    saved = [(target, os.dup(target)) for target in (1, 2)]
    for target in (1, 2):
        os.dup2(writer, target)
    # fresh streams, line by line: what Python and its children print stays in order
    sys.stdout = open(1, "w", buffering=1, encoding="utf-8", errors="replace", closefd=False)  # noqa: SIM115 - lives as long as the block
    sys.stderr = open(2, "w", buffering=1, encoding="utf-8", errors="replace", closefd=False)  # noqa: SIM115 - as above
    try:
        yield
    finally:
        for stream in (sys.stdout, sys.stderr, *streams):
            _flush(stream)
        sys.stdout, sys.stderr = streams
        for target, descriptor in saved:
            os.dup2(descriptor, target)
            os.close(descriptor)


def _flush(stream: Any) -> None:
    with suppress(Exception):  # a stream that the command closed has nothing left to say
        stream.flush()
