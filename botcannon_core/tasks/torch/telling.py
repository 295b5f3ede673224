"""Telling: what a command gets as its `progress`, made fit to be said in a room.

Not here: how often it is heard (cannon.progress).
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from botcannon_core.chat.clean import safe

LONGEST = 2_000  # characters looked at; a note is one line of a few hundred


class Telling:
    """The progress of one command: what it, or a thread it left, says after its end is not heard."""

    def __init__(self, tell: Callable[..., None], hidden: Collection[str]) -> None:
        self._tell = tell
        self._hidden = hidden
        self._is_over = self._has_told = False

    def __call__(self, *said: object) -> None:
        """Say how far the command is: a text, a fraction from 0 to 1, or both."""
        if not self._is_over:
            self._has_told = True
            self._tell(*map(self._safe, said))

    def still(self, seconds: float) -> None:
        """Say that the command still runs, unless it speaks for itself."""
        if not (self._is_over or self._has_told):
            self._tell(f"still working, {seconds:.0f} s")

    def close(self) -> None:
        """The command has ended."""
        self._is_over = True

    def _safe(self, one: object) -> object:
        is_number = isinstance(one, int | float) and not isinstance(one, bool)
        return one if is_number else safe(str(one)[:LONGEST], self._hidden)
