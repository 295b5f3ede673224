"""What is done to a service's streams, as plain functions that say it on a line.

Each promise that needs several steps to happen together is one script in lua/. Not here: who decides
that something is done (the pool) or what a message means (the chain).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from botcannon_core.ledger import lanes
from botcannon_core.ledger.keys import Keys
from botcannon_core.ledger.line import Line, Store, Then
from botcannon_core.ledger.refused import Refused

POOL = "pool"  # the group that works on `data`
INTAKE = "intake"  # the group that brings `taskback` home

NOBODY = "nobody"  # the consumer that holds what a pool handed back
BLOCK_SECONDS = 5.0
ANSWER_SECONDS = 5.0  # in which the store answers whatever it is asked, or counts as gone
LOG_LINES = 10_000  # kept per service
TRIM_AT_ONCE = 200  # entries looked at by one trim, so that the server is never held up
MOST_TRIMS = 32  # said together by who is far behind, with others' commands in between


@dataclass(slots=True)
class Entry:
    """One entry of a stream: its id in that stream and its fields."""

    id: str
    fields: dict[str, str]


@dataclass(slots=True)
class Ending:
    """How an entry ended: the answer, what goes to `dead` if it is parked, and its lane, if any."""

    entry: str
    taskback: Mapping[str, str]
    dead: Mapping[str, str] = field(default_factory=dict)
    lane: str | None = None


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of endings: which entries were not ours any more, and those next in their lanes."""

    lost: frozenset[str] = frozenset()
    following: list[Entry] = field(default_factory=list)
    refusal: str = ""  # what the store said, if it would not settle


@dataclass(frozen=True, slots=True)
class Tries:
    """How often an entry was begun, and when its next try is due in seconds since the epoch."""

    count: int = 0
    due: float = 0.0


def patience(lease: float) -> float:
    """Seconds in which the store must answer whoever holds leases of so many seconds."""
    return max(1.0, min(ANSWER_SECONDS, lease / 3))


def begin(line: Line, keys: Keys, consumer: str, tries: Mapping[str, int]) -> None:
    """Count a try of each entry, before it runs. Said before the run, heard after: a killed pool has
    said it.

    The number is the try's own, 1 for the first, so that it is counted once however often it is said.
    """
    words = [word for pair in tries.items() for word in pair]
    line.run("begin", (keys.data, keys.key("tries")), POOL, consumer, *words)


def postpone(line: Line, keys: Keys, consumer: str, entry: str, due: float) -> None:
    """Note when the next try is due, in seconds since the epoch, for whoever takes over."""
    line.run("postpone", (keys.data, keys.key("tries")), POOL, consumer, entry, f"{due:.3f}")


def earlier_tries(
    line: Line, keys: Keys, held: list[str], then: Callable[[list[Tries]], None]
) -> None:
    """How often each entry was begun and when it is due again; `then` gets it in the same order."""

    def heard(answer: Any) -> None:
        words = [None] * (2 * len(held)) if isinstance(answer, Refused) else answer
        then(
            [
                Tries(int(n or 0), float(d or 0))
                for n, d in zip(words[::2], words[1::2], strict=True)
            ]
        )

    names = [name for entry in held for name in (entry, f"{entry}:due")]
    line.say("HMGET", keys.key("tries"), *names, then=heard)


def settle(
    line: Line,
    keys: Keys,
    consumer: str,
    heir: str,
    endings: Sequence[Ending],
    then: Callable[[Settled], None],
) -> None:
    """Messages have ended, well or parked; `then` gets what became of that.

    `heir` is the consumer that gets the next in a lane.
    """
    names = [keys.data, keys.taskback, keys.key("tries"), keys.key("counts"), keys.dead]
    args: list[str | int] = [POOL, consumer, heir, len(endings), endings[-1].entry]
    for one in endings:
        lane = 0
        if one.lane is not None:
            names.append(lanes.key_of(keys, one.lane))
            lane = len(names)
        told, dead = pairs(one.taskback), pairs(one.dead)
        args += [one.entry, one.taskback["_outcome"], lane, len(dead), *dead, len(told), *told]

    def heard(answer: Any) -> None:
        if isinstance(answer, Refused):
            then(Settled(refusal=f"the store refused: {answer}"))
        else:
            then(Settled(frozenset(answer[0]), entries(answer[1])))

    line.run("settle", tuple(names), *args, then=heard)


def renew(line: Line, keys: Keys, consumer: str, held: Iterable[str], then: Then) -> None:
    """Keep the lease on `held`; `then` gets the entries that somebody else has taken over."""
    line.run("renew", (keys.data,), POOL, consumer, *held, then=then)


def adopt(line: Line, keys: Keys, consumer: str, dead: str, count: int, then: Then) -> None:
    """Take over up to `count` entries of a dead consumer; `then` gets them, see `entries`."""
    line.run("adopt", (keys.data,), POOL, consumer, dead, count, then=then)


def acknowledge(line: Line, stream: str, group: str, entry: str) -> None:
    """An entry was dealt with by this group."""
    line.say("XACK", stream, group, entry)


def is_settled(line: Line, stream: str, group: str) -> bool:
    """True when the group has read and acknowledged all that is in the stream. Waits for the store."""
    newest = line.ask("XREVRANGE", stream, "+", "-", "COUNT", 1)
    if not newest:
        return True
    for about in described(line.ask("XINFO", "GROUPS", stream)):
        if about["name"] == group:
            return not about["pending"] and _order(about["last-delivered-id"]) >= _order(
                newest[0][0]
            )
    return False


def make_group(line: Line, stream: str, group: str, start: str = "0") -> None:
    """Make sure that the group exists, from the stream's beginning: what was queued before counts."""
    line.say("XGROUP", "CREATE", stream, group, start, "MKSTREAM")  # BUSYGROUP is fine


def heal(line: Line, keys: Keys) -> None:
    """Set the counted backlog right, if everything is settled."""
    line.run("heal", (keys.data, keys.key("counts")), POOL)


def trim(
    line: Line, stream: str, messages: int, before: float, group: str = "", steps: int = 1
) -> None:
    """Forget settled entries beyond `messages`, or from before the time `before` in seconds, in steps.

    With a `group`, nothing is settled as long as there is no such group. After so many `steps` twice as
    many are made until it has caught up, as a busy loop hears its answers only now and then.
    """
    oldest = f"{max(0, int(before * 1000))}-0"

    def heard(forgotten: Any) -> None:
        if isinstance(forgotten, int) and forgotten >= TRIM_AT_ONCE - 1:
            trim(line, stream, messages, before, group, min(MOST_TRIMS, steps * 2))

    for step in range(steps):
        then = heard if step == steps - 1 else None
        line.run("trim", (stream,), messages, oldest, TRIM_AT_ONCE, group, then=then)


def write_log(line: Line, keys: Keys, fields: Mapping[str, str]) -> None:
    """Add one line to the service's log."""
    line.say("XADD", keys.log, "MAXLEN", "~", LOG_LINES, "*", *pairs(fields))


def entries(answer: Any) -> list[Entry]:
    """The entries in an answer of XRANGE, XCLAIM or a script; those deleted meanwhile are left out."""
    return [Entry(id, fields_of(words)) for id, words in answer or () if words]  # noqa: A001


def described(answer: Any) -> list[dict[str, Any]]:
    """What XINFO says of each group or consumer, as dicts; nothing if it refused."""
    if isinstance(answer, Refused):
        return []
    return [dict(zip(words[::2], words[1::2], strict=True)) for words in answer]


def fields_of(words: list[str]) -> dict[str, str]:
    """`[field, value, ...]` as a dict."""
    return dict(zip(words[::2], words[1::2], strict=True))


class Reader:
    """Reads one stream through a group, one question at a time, on a line of its own.

    States: *idle*, *asked* (a question is out and may block), *draining* (after a cut, or at the
    start: entries that the server had already assigned to this consumer come before new ones).
    """

    def __init__(
        self, store: Store, stream: str, group: str, consumer: str, start: str = "0"
    ) -> None:
        self._start = start  # where the group begins if it must be made
        self._stream = stream
        self._group = group
        self._consumer = consumer
        self._heard: list[Entry] = []
        self._drained_to: str | None = "0"
        self._over: set[str] = set()  # acknowledged while draining
        self.is_asked = False
        self.lost = 0  # entries that were deleted from the stream before they were acknowledged
        self.line = Line(store, stream)
        self.line.patience = BLOCK_SECONDS + ANSWER_SECONDS
        make_group(self.line, stream, group, start)

    @property
    def is_draining(self) -> bool:
        """True while entries of before a cut may still come."""
        return self._drained_to is not None

    def ask(self, count: int, block: float = BLOCK_SECONDS) -> None:
        """Ask for up to `count` entries, waiting up to `block` seconds for the first."""
        words: list[Any] = ["XREADGROUP", "GROUP", self._group, self._consumer, "COUNT", count]
        if self._drained_to is None and block > 0:
            words += ["BLOCK", int(block * 1000)]
        words += ["STREAMS", self._stream, self._drained_to or ">"]
        self.is_asked = True
        self.line.say(*words, then=self._take)
        self.line.flush()

    def over(self, entry: str) -> None:
        """An entry was acknowledged on another line: an answer from before does not bring it again."""
        if self.is_draining:
            self._over.add(entry)

    def hear(self, timeout: float = 0.0) -> list[Entry]:
        """The entries that have come, waiting up to `timeout` seconds. Raises Cut."""
        self.line.hear(timeout)
        heard, self._heard = self._heard, []
        return heard

    def reopen(self) -> None:
        """Connect anew; own entries of before come first again. Raises StoreError."""
        self.line.reopen(again=False)
        self._drained_to = "0"
        self.is_asked = False
        make_group(self.line, self._stream, self._group, self._start)

    def _take(self, answer: Any) -> None:
        self.is_asked = False
        if isinstance(answer, Refused):
            if not str(answer).startswith("NOGROUP"):
                raise answer
            # flushed or failed over: nothing is remembered, so it is simply made again
            make_group(self.line, self._stream, self._group, self._start)
            return
        came = answer[0][1] if answer else []
        if self._drained_to is not None:
            self._drained_to = came[-1][0] if came else None
            came = [one for one in came if one[0] not in self._over]
        if self._drained_to is None:
            self._over.clear()
        for entry, words in came:
            if self._start != "0":
                self._start = entry  # a group of our own is made again where we were
            if words is None:
                self.lost += 1
                acknowledge(self.line, self._stream, self._group, entry)
            else:
                self._heard.append(Entry(entry, fields_of(words)))


def _order(entry: str) -> tuple[int, int]:
    milliseconds, _, number = entry.partition("-")
    return int(milliseconds), int(number or 0)


def pairs(fields: Mapping[str, str]) -> list[str]:
    """A dict as `[field, value, ...]`."""
    return [word for pair in fields.items() for word in pair]
