"""What a conversation on a terminal needs of whatever carries it: lines in, texts out.

Two things play this role: a `Screen` for a person and a `Pipe` for a script. Neither knows of
collectors, so a chat attached to a running service uses them as well.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Protocol

Complete = Callable[[list[str]], Sequence[str]]
"""From the words typed so far, the last one unfinished or empty, to what that one may become."""


class Surface(Protocol):
    """Where lines are typed and replies are shown."""

    one_at_a_time: bool
    """A line is given only after the one before it was answered, so that replies come in order."""

    async def next_line(self) -> str | None:
        """The next line that is not blank, or None when there will never be another."""
        ...

    async def show(self, text: str) -> None:
        """Show `text` at once, without tearing a line that is being typed."""
        ...

    def note(self, about: str, text: str) -> None:
        """Keep `text` in sight, instead of the last one about the same; an empty one takes it away."""
        ...

    def close(self) -> None:
        """Leave the terminal as it was found; safe to call twice."""
        ...


def put(text: str, descriptor: int = 1) -> None:
    """Write all of `text` and a newline, unbuffered; raises OSError when nobody reads any more."""
    data = memoryview(f"{text}\n".encode(errors="replace"))
    while data:
        data = data[os.write(descriptor, data) :]
