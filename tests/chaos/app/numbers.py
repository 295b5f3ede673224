"""The service that is put under fire: a finite collector with a book, and a task that dies as ordered.

What each message does stands in `orders.json`; what happened is written into `book.txt` (by the
collector) and `runs.txt` (by the tasks), one whole line at a time. Not here: who kills it, who judges.
"""

import ctypes
import json
import os
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from botcannon_core import Halt, Message

AT_ONCE = 10  # messages of one read(): those that a killed intake may yield again
GREEDY_BYTES = 10_000_000
# A forker and its pool, known as it imports this: later one of them may be dead, and others adopt us.
ABOVE = (os.getpid(), os.getppid())
SLACK = 3600.0  # seconds: for ever, as a test sees it


class Book:
    """Lines that survive a kill: each is one write at the end of a file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def write(self, *words: object) -> None:
        """Add a line: the words, then the time."""
        line = "\t".join(str(word).replace("\t", " ") for word in (*words, f"{time.time():.4f}"))
        os.write(self._descriptor, line.encode() + b"\n")


class Numbers:
    """Yields every message of the orders that is not stored yet, and notes every answer."""

    every_outcome = True

    def __init__(self, folder: str) -> None:
        self._book = Book(Path(folder, "book.txt"))
        orders = json.loads(Path(folder, "orders.json").read_text())
        stored = {line.split("\t")[1] for line in _lines(self._book.path) if line[:3] == "sto"}
        self._left = deque(one for one in orders if one["number"] not in stored)
        self._book.write("began", os.environ["BOTCANNON_HOST"], os.getpid())

    def read(self) -> Iterator[dict[str, str]]:
        """The next few messages."""
        if not self._left:
            raise Halt
        for _ in range(min(AT_ONCE, len(self._left))):
            yield self._left.popleft()

    def stored(self, message: Message) -> None:
        """It need not be yielded again."""
        self._book.write("stored", message["number"], message.id, os.getpid())

    def taskback(self, message: Message) -> None:
        """An answer came home."""
        told = (message.outcome, int(message.redelivered), os.getpid(), message.error or "")
        self._book.write("back", message["number"], message.id, *told)


def _lines(path: Path) -> list[str]:
    """The lines that are whole."""
    return path.read_text().split("\n")[:-1]


class Work:
    """Notes when a run begins and ends, and in between does what its message orders."""

    def __init__(self, folder: str) -> None:
        self._book = Book(Path(folder, "runs.txt"))
        self._who = (os.getpid(), os.getpgid(0), *ABOVE, os.environ["BOTCANNON_HOST"])

    def task(self, message: Message, results: dict[str, Any]) -> dict[str, Any]:
        """Work for a while, or die."""
        self._book.write("begin", message["number"], message.id, *self._who)
        if "poison" in message:
            POISONS[message["poison"]]()
        time.sleep(float(message["seconds"]))
        self._book.write("end", message["number"], message.id, *self._who)
        return {"square": int(message["number"]) ** 2}


class WorkTogether(Work):
    """The same, while others do in the same process."""

    async def task(self, message: Message, results: dict[str, Any]) -> dict[str, Any]:  # type: ignore[override]  # a chain takes both
        """Work for a while, raise, or never end."""
        import asyncio

        self._book.write("begin", message["number"], message.id, *self._who)
        if message.get("poison") == "raise":
            _raise()
        await asyncio.sleep(SLACK if "poison" in message else float(message["seconds"]))
        self._book.write("end", message["number"], message.id, *self._who)
        return {"square": int(message["number"]) ** 2}


def _raise() -> None:
    raise ValueError("a poisonous message")


def _eat() -> None:
    eaten = []
    while True:
        eaten.append(b"x" * GREEDY_BYTES)


POISONS = {
    "raise": _raise,
    "exit": lambda: os._exit(7),
    "segfault": lambda: ctypes.string_at(0),
    "for ever": lambda: time.sleep(SLACK),
    "memory": _eat,
}
