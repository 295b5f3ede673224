"""The client of a store in memory: as much of the real one as a History asks.

Answers have the shapes of redis-py's, decoded. Not here: the commands themselves (commands).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from botcannon_core.ledger.stream import fields_of

Do = Callable[..., Any]
Entries = list[tuple[str, dict[str, str]]]


class Client:
    """Asks a database, one command after the other."""

    def __init__(self, do: Do) -> None:
        self._do = do

    def xrevrange(
        self,
        name: str,
        max: str | int = "+",  # noqa: A002 - redis-py's name
        min: str | int = "-",  # noqa: A002 - redis-py's name
        count: int | None = None,
    ) -> Entries:
        """The entries between two ids, the newest first."""
        limit = ("COUNT", count) if count is not None else ()
        return [
            (one, fields_of(words)) for one, words in self._do("XREVRANGE", name, max, min, *limit)
        ]

    def xlen(self, name: str) -> int:
        """How many entries there are."""
        return int(self._do("XLEN", name))

    def time(self) -> tuple[int, int]:
        """The store's time: seconds and microseconds."""
        seconds, micros = self._do("TIME")
        return int(seconds), int(micros)

    def scan_iter(self, match: str, count: int = 0) -> Iterator[str]:
        """The keys that a glob finds."""
        del count  # how many at a time; here all
        yield from self._do("KEYS", match)

    def pipeline(self, transaction: bool = True) -> Pipeline:
        """Collects questions and asks them together."""
        del transaction  # nobody else asks meanwhile
        return Pipeline(self._do)


class Pipeline(Client):
    """Questions that are answered together by `execute`. Use it as a context."""

    def __init__(self, do: Do) -> None:
        super().__init__(do)
        self._answers: list[Any] = []

    def __enter__(self) -> Pipeline:
        return self

    def __exit__(self, *_: object) -> None:
        self._answers = []

    def xrevrange(self, *args: Any, **kwargs: Any) -> Any:
        """Ask for the entries between two ids."""
        self._answers.append(super().xrevrange(*args, **kwargs))
        return self

    def execute(self) -> list[Any]:
        """The answers, in the order of the questions."""
        answers, self._answers = self._answers, []
        return answers
