"""What a run is given: the code of its steps, its journal, its rule for trying again, and who looks on.

Not here: what it does with them (running).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from botcannon_core.programs.calling import Call, call


class Journal(Protocol):
    """Where the records of a run are kept: see ledger.journal."""

    def load(self) -> list[str]:
        """The records of the tries before."""
        ...

    def write(self, *records: str) -> None:
        """Put these down, safely."""
        ...


@dataclass(frozen=True)
class Rule:
    """How often what must not be given up is tried, and how long to wait, in seconds."""

    tries: int = 3
    backoff: float = 1.0
    backoff_max: float = 60.0

    def pause(self, failures: int) -> float:
        """Before the next try, after so many failures."""
        pause: float = min(self.backoff_max, self.backoff * 2 ** min(failures - 1, 30))
        return pause


@dataclass(frozen=True)
class Moment:
    """A step is about to `run` or to `undo` another (`how` is empty), or has just ended.

    `of` is the step that is undone, `pool` what every step sees; `error` is one line.
    """

    kind: str
    step: str
    of: str
    pool: Mapping[str, Any]
    how: str = ""
    error: str = ""


@dataclass(frozen=True)
class Means:
    """The code of each step by key, the journal, the rule; `hidden` texts are told to nobody.

    `seen` is told each moment, and what it raises ends the turn; `now` is the time in seconds since the
    epoch.
    """

    code: Mapping[str, Any]
    journal: Journal
    rule: Rule = Rule()
    hidden: Collection[str] = ()
    seen: Callable[[Moment], None] = lambda _moment: None
    call: Call = call
    now: Callable[[], float] = time.time
