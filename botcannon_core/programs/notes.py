"""The notes of a run: each is taken by the state at once, and safe in the journal after `flush`.

So the state is always what the journal says, whoever has written it. Not here: what they mean (state).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from botcannon_core.programs.means import Journal
from botcannon_core.programs.state import State


class Notes:
    """A state and the journal behind it; `now` in seconds since the epoch."""

    def __init__(self, journal: Journal, now: Callable[[], float]) -> None:
        self.state = State()
        self._journal = journal
        self._now = now
        self._unwritten: list[str] = []

    def load(self) -> State:
        """The state that the tries before have come to."""
        for record in self._journal.load():
            self.state.take(json.loads(record))
        return self.state

    def note(self, what: str, **more: Any) -> None:
        """Something happens."""
        record = {"what": what, **more}
        self.state.take(record)
        self._unwritten.append(json.dumps(record, ensure_ascii=False, separators=(",", ":")))

    def begin(self, what: str, **more: Any) -> None:
        """Something begins now; returns when the note is safe."""
        self.note(what, time=self._time(), **more)
        self.flush()

    def end(self, what: str, **more: Any) -> None:
        """What was begun has ended."""
        took = self._time() - float(self.state.trace[-1]["began"])
        self.note(what, took=round(max(0.0, took), 3), **more)

    def flush(self) -> None:
        """Make all notes safe."""
        if self._unwritten:
            self._journal.write(*self._unwritten)
            self._unwritten.clear()

    def _time(self) -> float:
        return round(self._now(), 3)
