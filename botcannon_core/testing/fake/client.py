"""The client of a store in memory: as much of the real one as a History asks.

Not here: the commands themselves (commands), which a History asks for over a connection.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

Do = Callable[..., Any]


class Client:
    """Asks a database, one command after the other."""

    def __init__(self, do: Do) -> None:
        self._do = do

    def scan_iter(self, match: str, count: int = 0) -> Iterator[str]:
        """The keys that a glob finds."""
        del count  # how many at a time; here all
        yield from self._do("KEYS", match)
