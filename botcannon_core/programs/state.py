"""What a run has come to, as its records say it: the same after a crash as without one.

A record is a small JSON object, and `take` is all that one can do: whoever runs a program notes a record
and takes it, whoever goes on takes all that were written. Pure. Not here: who decides what comes next
(running).

Between two records a piece of code runs, *begun* by `run` or `undo` and ended by `done`, `failed` or
`again`. If we die in between, nobody knows whether it did its work: the next try notes `died`, and what
was begun is *in doubt*.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

RECORDS = frozenset(
    {
        *{"start", "run", "undo", "done", "skipped", "failed", "again", "died"},
        *{"refused", "doubtful", "clear", "cleared", "stuck"},
    }
)
RUN = -1  # in the place where an undo has its number
Spot = tuple[int, int]
"""Which code: the number of an action, and RUN or the number of one of the parts that undo it."""


@dataclass
class State:
    """Where a run stands.

    `pool` are the values as packed texts, `at` the number of the action that comes next. `done` are
    those that have to be undone if the run fails, in their order, and `undone` the parts of that which
    are. `doubtful` are the actions of which nobody knows. `clearing` is one that is undone only to be
    run again, behind a pivot.
    """

    plan: str = ""
    pool: dict[str, str] = field(default_factory=dict)
    at: int = 0
    done: list[int] = field(default_factory=list)
    undone: set[Spot] = field(default_factory=set)
    begun: Spot | None = None
    doubt: Spot | None = None
    doubtful: list[int] = field(default_factory=list)
    clearing: int | None = None
    failure: dict[str, Any] | None = None
    errors: Counter[Spot] = field(default_factory=Counter)
    deaths: Counter[Spot] = field(default_factory=Counter)
    trace: list[dict[str, Any]] = field(default_factory=list)

    def take(self, record: Mapping[str, Any]) -> None:
        """Go on by one record. Raises ValueError for what is none."""
        what = record.get("what")
        if what not in RECORDS:
            raise ValueError(f"no record of a program: {what!r}")
        self._keep(record)
        getattr(self, f"_{what}")(record)

    def _keep(self, record: Mapping[str, Any]) -> None:
        """What the code has changed in the pool, whether it ended well or not."""
        self.pool |= record.get("set", {})
        for name in record.get("drop", ()):
            self.pool.pop(name, None)

    # --- the records ---------------------------------------------------------------------------------

    def _start(self, record: Mapping[str, Any]) -> None:
        """A run begins, with its args in the pool."""
        self.plan = record["plan"]

    def _run(self, record: Mapping[str, Any]) -> None:
        """The code of a step is about to run."""
        self._begin((record["action"], RUN), record, "run")

    def _undo(self, record: Mapping[str, Any]) -> None:
        """One of the parts that undo a step is about to run."""
        self._begin((record["action"], record["part"]), record, "undo")

    def _begin(self, spot: Spot, record: Mapping[str, Any], kind: str) -> None:
        line = {"step": record["step"], "kind": kind, "began": record["time"]}
        line |= {name: record[name] for name in ("of", "in_doubt") if name in record}
        self.trace.append(line)
        self.begun, self.doubt = spot, None

    def _done(self, record: Mapping[str, Any]) -> None:
        """It did its work."""
        action, part = self._end(record, "done")
        if part == RUN:
            self.done.append(action)
            self.at = action + 1
        else:
            self.undone.add((action, part))

    def _skipped(self, record: Mapping[str, Any]) -> None:
        """It had nothing to do: there is nothing to undo, either."""
        action, part = self._end(record, "skipped")
        if part == RUN:
            self.at = action + 1
        else:
            self.undone.add((action, part))

    def _failed(self, record: Mapping[str, Any]) -> None:
        """A step failed; `undo` says that it did its work and only its results are of no use."""
        action, _ = self._end(record, "failed")
        self.failure = record["error"]
        if record.get("undo"):
            self.done.append(action)

    def _again(self, record: Mapping[str, Any]) -> None:
        """It failed, or asked for it, and will be tried again."""
        self.errors[self._end(record, "again")] += 1

    def _died(self, _record: Mapping[str, Any]) -> None:
        """Whoever ran what was begun has died."""
        self.doubt = self._end({}, "killed")
        self.deaths[self.doubt] += 1

    def _refused(self, record: Mapping[str, Any]) -> None:
        """A check says no: args, or what a program gives. Nothing has run."""
        self.failure = record["error"]

    def _doubtful(self, record: Mapping[str, Any]) -> None:
        """A step that may have done its work counts as failed, and is undone as well."""
        self.failure = record["error"]
        self.done.append(record["action"])
        self.doubtful.append(record["action"])
        self.doubt = None

    def _clear(self, record: Mapping[str, Any]) -> None:
        """A step that may have done its work is undone, to be run again."""
        self.clearing = record["action"]
        self.doubt = None

    def _cleared(self, _record: Mapping[str, Any]) -> None:
        """It can be run again."""
        self.undone = {spot for spot in self.undone if spot[0] != self.clearing}
        self.clearing = None

    def _stuck(self, _record: Mapping[str, Any]) -> None:
        """The run was put aside; whoever tries again by hand has every try anew."""
        self.errors.clear()
        self.deaths.clear()

    def _end(self, record: Mapping[str, Any], how: str) -> Spot:
        if self.begun is None:
            raise ValueError("the end of something that was never begun")
        spot, self.begun = self.begun, None
        self.trace[-1] |= {"took": record.get("took"), "how": how}
        return spot
