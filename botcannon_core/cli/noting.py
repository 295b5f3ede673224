"""Notes on the command line: how far a message is, on stderr, so that stdout has its answer alone.

On a terminal it is one line that changes and goes away; elsewhere a line each, ten seconds apart.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TextIO

PAUSE_SECONDS = 10.0


class Noting:
    """Shows notes about one message; use it as a context."""

    def __init__(
        self, out: TextIO | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._out = out or sys.stderr
        self._changes = self._out.isatty()
        self._clock = clock
        self._due = 0.0
        self._stands = False

    def __enter__(self) -> Noting:
        return self

    def __exit__(self, *_error: object) -> None:
        if self._stands:
            self._write("\r\x1b[K")

    def show(self, text: str) -> None:
        """Show how far the message is."""
        if self._changes:
            self._write(f"\r\x1b[K{text[:78]}")
            self._stands = True
        elif self._clock() >= self._due:
            self._due = self._clock() + PAUSE_SECONDS
            self._write(f"{text}\n")

    def _write(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()
