"""What the model test knows: consumers and an intake that it drives by hand, and what the store holds.

Nothing here decides what is right; that is the test's.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

from botcannon_core.cannon.job import Job
from botcannon_core.cannon.stock import Stock
from botcannon_core.ledger import stream
from botcannon_core.ledger.keys import Keys
from botcannon_core.ledger.line import Line
from botcannon_core.ledger.refused import Refused
from botcannon_core.ledger.stream import Reader

Id = tuple[int, int]


def id_of(text: str) -> Id:
    milliseconds, _, number = text.partition("-")
    return int(milliseconds), int(number)


class Prompt(Reader):
    """A reader that never blocks, so that a test always knows when it has been answered."""

    def ask(self, count: int, block: float = 0.0) -> None:
        super().ask(count, 0.0)


@dataclass
class Lives:
    """Stands where `cannon.life` does: who drives just now, and who is dead."""

    me: str = "h1:1:1"
    dead: set[str] = field(default_factory=set)

    def host(self) -> str:
        return self.me.split(":")[0]

    def own_life(self) -> str:
        return self.me

    def is_over_here(self, life: str) -> bool:
        return life in self.dead and life.split(":")[0] == self.host()


@dataclass
class Consumer:
    """One life of a pool, without its workers: `out` is what they would be running."""

    name: str
    stock: Stock
    line: Line
    out: dict[str, Job] = field(default_factory=dict)

    def lost(self, job: Job, why: str) -> None:
        self.out.pop(job.entry, None)

    def hear(self) -> None:
        """Hear everything that was said to us, and what that makes us say."""
        while self.line.unanswered:
            self.line.hear(1.0)

    def hear_reader(self) -> None:
        self.stock.reader.line.flush()
        while self.stock.reader.is_asked:
            self.stock.reader.line.hear(1.0)
        self.stock.hear()


@dataclass
class Seen:
    """The store as it is now."""

    entries: dict[str, dict[str, str]]
    owners: dict[str, str]  # of pending entries
    last: Id
    outcomes: Counter[str]  # of a message: how often one was written
    parked: dict[str, str]  # entry in dead -> message
    tries: dict[str, str]
    counts: dict[str, int]

    def message(self, entry: str) -> str:
        return self.entries[entry].get("_id", entry)

    @property
    def undelivered(self) -> list[str]:
        return [entry for entry in self.entries if id_of(entry) > self.last]

    @property
    def live(self) -> Counter[str]:
        """Of each message that is not settled: how many entries there are (never more than one)."""
        pending = [e if e not in self.entries else self.message(e) for e in self.owners]
        return Counter([*pending, *map(self.message, self.undelivered)])

    @property
    def backlog(self) -> int:
        """What admission believes to be unsettled."""
        given = self.counts.get
        ended = sum(given(name, 0) for name in ("done", "skipped", "parked", "lost"))
        return given("stored", 0) + given("retried", 0) - ended


def look(line: Line, keys: Keys) -> Seen:
    """Read all of it."""
    heard: list[Any] = []
    for words in (
        ("XRANGE", keys.data, "-", "+"),
        ("XPENDING", keys.data, stream.POOL, "-", "+", 10_000),
        ("XINFO", "GROUPS", keys.data),
        ("XRANGE", keys.taskback, "-", "+"),
        ("XRANGE", keys.dead, "-", "+"),
        ("HGETALL", keys.key("tries")),
        ("HGETALL", keys.key("counts")),
    ):
        line.say(*words, then=heard.append)
    while line.unanswered:
        line.hear(1.0)
    data, pending, groups, back, dead, tries, counts = heard
    lasts = [about["last-delivered-id"] for about in stream.described(groups)]
    return Seen(
        {one.id: one.fields for one in stream.entries(data)},
        {} if isinstance(pending, Refused) else {one[0]: one[1] for one in pending},
        id_of(lasts[0]) if lasts else (0, 0),
        Counter(one.fields["_id"] for one in stream.entries(back)),
        {one.id: one.fields["_id"] for one in stream.entries(dead)},
        stream.fields_of(tries),
        {name: int(text) for name, text in stream.fields_of(counts).items()},
    )


def age(line: Line, keys: Keys, seen: Seen) -> None:
    """Let every pending entry look as if nobody had touched it for a day."""
    by_owner: dict[str, list[str]] = defaultdict(list)
    for entry, owner in seen.owners.items():
        by_owner[owner].append(entry)
    for owner, held in by_owner.items():
        idle = ("IDLE", 86_400_000, "JUSTID")
        line.ask("XCLAIM", keys.data, stream.POOL, owner, 0, *held, *idle)
