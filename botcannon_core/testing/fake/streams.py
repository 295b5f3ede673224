"""A stream in memory: entries, groups and who holds what, with the rules of a real server.

Pure data: ids are pairs of numbers, times are seconds. Not here: commands and their words (commands).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

Id = tuple[int, int]

FIRST: Id = (0, 0)
LAST: Id = (2**63, 2**63)


def id_of(text: str, sequence: int = 0) -> Id:
    """An id as its two numbers; `sequence` stands for a second one that is not written."""
    milliseconds, _, number = text.partition("-")
    return int(milliseconds), int(number) if number else sequence


def shown(one: Id) -> str:
    """An id as a server writes it."""
    return f"{one[0]}-{one[1]}"


def after(one: Id) -> Id:
    """The next id there could be."""
    return one[0], one[1] + 1


@dataclass
class Held:
    """A pending entry: whose it is, since when, and how often it was delivered."""

    owner: str
    since: float
    count: int = 1


@dataclass
class Group:
    """A consumer group: how far it has read, and what it holds."""

    last: Id = FIRST
    consumers: list[str] = field(default_factory=list)
    held: dict[Id, Held] = field(default_factory=dict)

    def meet(self, consumer: str) -> None:
        """A consumer is known from its first question on."""
        if consumer not in self.consumers:
            self.consumers.append(consumer)

    def pending(self, owner: str | None = None, low: Id = FIRST, high: Id = LAST) -> list[Id]:
        """What is held between two ids, by one consumer or by all, in order."""
        return sorted(
            one
            for one, held in self.held.items()
            if low <= one <= high and owner in (None, held.owner)
        )


@dataclass
class Stream:
    """Entries in the order of their ids, and the groups that read them."""

    entries: dict[Id, list[str]] = field(default_factory=dict)
    last: Id = FIRST
    groups: dict[str, Group] = field(default_factory=dict)

    def add(self, words: list[str], now: float) -> Id:
        """Store an entry under the next id: the time, or one more than the last."""
        self.last = max((int(now * 1000), 0), after(self.last))
        self.entries[self.last] = words
        return self.last

    def between(self, low: Id, high: Id) -> list[Id]:
        """The ids of the entries between two ids, in order."""
        return [one for one in self.entries if low <= one <= high]

    def deliver(self, group: Group, consumer: str, count: int, now: float) -> list[Id]:
        """Give a consumer the next entries that the group has not read."""
        new = self.between(after(group.last), LAST)[:count]
        for one in new:
            group.last = one
            group.held[one] = Held(consumer, now)
        return new

    def claim(
        self, group: Group, consumer: str, ids: Iterable[Id], since: float, counts: bool
    ) -> list[Id]:
        """Make pending entries a consumer's; those deleted from the stream are pending no more."""
        group.meet(consumer)
        claimed = []
        for one in ids:
            if one not in group.held:
                continue
            if one not in self.entries:
                del group.held[one]
                continue
            held = group.held[one]
            group.held[one] = Held(consumer, since, held.count + counts)
            claimed.append(one)
        return claimed

    def forget_before(self, low: Id) -> int:
        """Delete the entries below an id; how many there were."""
        old = [one for one in self.entries if one < low]
        for one in old:
            del self.entries[one]
        return len(old)
