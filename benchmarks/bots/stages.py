"""A bot that tells when it was forked, constructed, begun and ended, by the clock that all share.

What it knows of its fork comes from Python's hooks around `os.fork`: nothing of botcannon is touched.
"""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from botcannon_core import Halt, Message

WARM_UP = 20
PAUSE_SECONDS = 0.01

moments: dict[
    str, float
] = {}  # of this process: a worker inherits what the forker saw before the fork


def _note(name: str) -> None:
    moments[name] = time.time()


os.register_at_fork(
    before=lambda: _note("fork"),
    after_in_parent=lambda: _note("forked_one_before"),
    after_in_child=lambda: _note("born"),
)


class Stages:
    """Does nothing, and gives every moment it knows of."""

    def __init__(self) -> None:
        _note("constructed")

    def task(self, message: Message, results: dict[str, Any]) -> dict[str, Any]:
        """The moments, in seconds since the epoch."""
        _note("begun")
        return {"moments": {**moments, "ended": time.time()}, "worker": os.getpid()}


class Asker:
    """Asks one question after the other, and keeps each answer's moments with its own."""

    def __init__(self, count: int) -> None:
        self.left = count + WARM_UP
        self.asked = 0.0
        self.seen: list[dict[str, Any]] = []

    def read(self) -> Iterator[dict[str, str]]:
        """The next question, unless one is open."""
        if not self.left:
            raise Halt
        if not self.asked:
            self.asked = time.time()
            yield {"n": str(self.left)}

    def taskback(self, message: Message) -> None:
        """The answer."""
        back = time.time()
        told = {"asked": self.asked, **json.loads(message["moments"]), "back": back}
        self.seen.append({"worker": message["worker"], "moments": told})
        self.left -= 1
        time.sleep(PAUSE_SECONDS)
        self.asked = 0.0

    def close(self) -> None:
        """Leave it all in a file."""
        Path("seen.json").write_text(json.dumps(self.seen[WARM_UP:]))
