"""Collectors for the benchmarks: one that says much, one that asks and waits, one that has no news."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

from botcannon_core import Halt, Message

WARM_UP = 20  # questions that are not counted
RESTS = (0.0, 0.01)  # seconds before each question: none, and until everything has gone to sleep


class Feed:
    """Yields `count` messages as fast as it can, and ends.

    With `waits` it begins when the file `go` is there, and has no more news afterwards: a service that
    goes on, as most do, and not one that drains.
    """

    def __init__(self, count: int, waits: bool = False) -> None:
        self.count = count
        self.waits = waits
        self.has_said_all = False

    def read(self) -> Iterator[dict[str, str] | None]:
        """All messages in one go."""
        if self.has_said_all and not self.waits:
            raise Halt
        if self.has_said_all or (self.waits and not Path("go").exists()):
            yield None
            return
        for number in range(self.count):
            yield {"n": str(number)}
        self.has_said_all = True


class Ping:
    """Asks one question after the other, `count` for each of the rests; notes each answer's seconds."""

    def __init__(self, count: int) -> None:
        self.rests = [0.0] * WARM_UP + [rest for rest in RESTS for _ in range(count)]
        self.count = count
        self.seconds: list[float] = []
        self.begin = 0.0

    def read(self) -> Iterator[dict[str, str]]:
        """The next question, unless one is open."""
        asked = len(self.seconds)
        if asked == len(self.rests):
            raise Halt
        if not self.begin:
            if rest := self.rests[asked]:
                time.sleep(rest)
            self.begin = time.perf_counter()
            yield {"n": str(asked)}

    def taskback(self, message: Message) -> None:
        """The answer."""
        self.seconds.append(time.perf_counter() - self.begin)
        self.begin = 0.0

    def close(self) -> None:
        """Leave what was measured in a file: a list for each of the rests."""
        counted = self.seconds[WARM_UP:]
        series = [counted[at : at + self.count] for at in range(0, len(counted), self.count)]
        Path("seconds.json").write_text(json.dumps(series))


class First:
    """Asks once, and writes down when the answer came, by the clock that all processes share."""

    def __init__(self) -> None:
        self.has_asked = False

    def read(self) -> Iterator[dict[str, str]]:
        """The only question."""
        if not self.has_asked:
            self.has_asked = True
            yield {"n": "1"}

    def taskback(self, message: Message) -> None:
        """The answer."""
        Path("answered").write_text(str(time.monotonic()))
        raise Halt
