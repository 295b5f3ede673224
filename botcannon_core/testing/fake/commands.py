"""The commands on streams that the ledger uses, on streams in memory.

With it a Database knows every command that the ledger says. Not here: the rules of a stream (streams),
our scripts (scripts), connections (store).
"""

from __future__ import annotations

from collections.abc import Sequence

from botcannon_core.testing.fake import streams
from botcannon_core.testing.fake.streams import FIRST, LAST, Group, Id, Stream, shown
from botcannon_core.testing.fake.values import Answer, Problem, Values, Waits

Words = Sequence[str]


class Database(Values):
    """The values of one server, and its clock; every answer comes from `do`."""

    def group(self, key: str, name: str) -> tuple[Stream, Group]:
        """A stream and one of its groups; refused with NOGROUP."""
        stream = self.value(key, Stream)
        if stream is None or name not in stream.groups:
            raise Problem(f"NOGROUP No such key '{key}' or consumer group '{name}'")
        return stream, stream.groups[name]

    def _xadd(self, key: str, *words: str) -> str:
        if words[0][0].isdigit():
            return self._xadd_at(key, *words)
        at = words.index("*")
        stream = self.made(key, Stream)
        added = stream.add(list(words[at + 1 :]), self.now())
        if words[:1] == ("MAXLEN",) and len(stream.entries) > int(words[at - 1]):
            stream.forget_before(list(stream.entries)[-int(words[at - 1])])
        return shown(added)

    def _xadd_at(self, key: str, one: str, *words: str) -> str:
        stream = self.made(key, Stream)
        if streams.id_of(one) <= stream.last:
            raise Problem(
                "ERR The ID specified in XADD is equal or smaller than the target stream top item"
            )
        stream.last = streams.id_of(one)
        stream.entries[stream.last] = list(words)
        return one

    def _xdel(self, key: str, *ids: str) -> int:
        entries = (self.value(key, Stream) or Stream()).entries
        return sum(entries.pop(streams.id_of(one), None) is not None for one in ids)

    def _xlen(self, key: str) -> int:
        return len((self.value(key, Stream) or Stream()).entries)

    def _xrange(self, key: str, low: str, high: str, *options: str) -> Answer:
        stream = self.value(key, Stream) or Stream()
        ids = stream.between(_bound(low, 0), _bound(high, LAST[1]))
        return _shown_entries(stream, ids[: _count(options)])

    def _xrevrange(self, key: str, high: str, low: str, *options: str) -> Answer:
        return self._xrange(key, low, high)[::-1][: _count(options)]

    def _xtrim(self, key: str, _minid: str, low: str) -> int:
        return (self.value(key, Stream) or Stream()).forget_before(streams.id_of(low))

    def _xgroup_create(self, key: str, name: str, start: str, *_mkstream: str) -> str:
        stream = self.made(key, Stream)
        if name in stream.groups:
            raise Problem("BUSYGROUP Consumer Group name already exists")
        stream.groups[name] = Group(stream.last if start == "$" else streams.id_of(start))
        return "OK"

    def _xgroup_destroy(self, key: str, name: str) -> int:
        return int((self.value(key, Stream) or Stream()).groups.pop(name, None) is not None)

    def _xgroup_delconsumer(self, key: str, name: str, consumer: str) -> int:
        _, group = self.group(key, name)
        gone = group.pending(consumer)
        for one in gone:
            del group.held[one]
        group.consumers = [other for other in group.consumers if other != consumer]
        return len(gone)

    def _xinfo_groups(self, key: str) -> Answer:
        return [
            ["name", name, "pending", len(group.held), "last-delivered-id", shown(group.last)]
            for name, group in self._there(key).groups.items()
        ]

    def _xinfo_consumers(self, key: str, name: str) -> Answer:
        self._there(key)
        _, group = self.group(key, name)
        return [["name", one, "pending", len(group.pending(one))] for one in group.consumers]

    def _there(self, key: str) -> Stream:
        stream = self.value(key, Stream)
        if stream is None:
            raise Problem("ERR no such key")
        return stream

    def _xreadgroup(self, _group: str, name: str, consumer: str, *words: str) -> Answer:
        options, (key, start) = words[: words.index("STREAMS")], words[-2:]
        stream, group = self.group(key, name)
        group.meet(consumer)
        if start != ">":
            return [[key, self._own(stream, group, consumer, start, _count(options))]]
        count = _count(options) or len(stream.entries)
        ids = stream.deliver(group, consumer, count, self.now())
        if not ids and "BLOCK" in options:
            raise Waits
        return [[key, _shown_entries(stream, ids)]] if ids else None

    def _own(
        self, stream: Stream, group: Group, consumer: str, start: str, count: int | None
    ) -> Answer:
        """What a consumer holds already, read again; of what was deleted only the id is left."""
        ids = group.pending(consumer, streams.after(streams.id_of(start)))[:count]
        for one in ids:
            group.held[one].since = self.now()
            group.held[one].count += one in stream.entries
        return [[shown(one), stream.entries.get(one)] for one in ids]

    def _xack(self, key: str, name: str, *ids: str) -> int:
        stream = self.value(key, Stream)
        if stream is None or name not in stream.groups:
            return 0
        held = stream.groups[name].held
        return sum(held.pop(streams.id_of(one), None) is not None for one in ids)

    def _xpending(self, key: str, name: str, *words: str) -> Answer:
        _, group = self.group(key, name)
        if not words:
            return self._summary(group)
        low, high, count, *owner = words
        ids = group.pending(owner[0] if owner else None, _bound(low, 0), _bound(high, LAST[1]))
        return [self._about(one, group) for one in ids[: int(count)]]

    def _summary(self, group: Group) -> Answer:
        ids = group.pending()
        if not ids:
            return [0, None, None, None]
        owners = sorted({held.owner for held in group.held.values()})
        by_owner = [[owner, str(len(group.pending(owner)))] for owner in owners]
        return [len(ids), shown(ids[0]), shown(ids[-1]), by_owner]

    def _about(self, one: Id, group: Group) -> Answer:
        held = group.held[one]
        return [shown(one), held.owner, int((self.now() - held.since) * 1000), held.count]

    def _xclaim(self, key: str, name: str, consumer: str, least: str, *words: str) -> Answer:
        stream, group = self.group(key, name)
        ids = [streams.id_of(word) for word in words if word[0].isdigit() and "-" in word]
        idle = int(words[words.index("IDLE") + 1]) / 1000 if "IDLE" in words else 0.0
        return self._claimed(
            stream, group, consumer, ids, int(least), self.now() - idle, "JUSTID" in words
        )

    def _xautoclaim(
        self, key: str, name: str, consumer: str, least: str, start: str, *options: str
    ) -> Answer:
        stream, group = self.group(key, name)
        ids = group.pending(None, streams.id_of(start))
        idle = [one for one in ids if self._is_idle(group, one, int(least))]
        chosen, rest = idle[: _count(options)], idle[_count(options) :]
        gone = [shown(one) for one in chosen if one not in stream.entries]
        claimed = self._claimed(stream, group, consumer, chosen, int(least), self.now(), False)
        return [shown(rest[0]) if rest else "0-0", claimed, gone]

    def _claimed(
        self,
        stream: Stream,
        group: Group,
        consumer: str,
        ids: list[Id],
        least: int,
        since: float,
        just_ids: bool,
    ) -> Answer:
        idle = [one for one in ids if one in group.held and self._is_idle(group, one, least)]
        claimed = stream.claim(group, consumer, idle, since, not just_ids)
        return [shown(one) for one in claimed] if just_ids else _shown_entries(stream, claimed)

    def _is_idle(self, group: Group, one: Id, milliseconds: int) -> bool:
        return (self.now() - group.held[one].since) * 1000 >= milliseconds


def _shown_entries(stream: Stream, ids: list[Id]) -> Answer:
    return [[shown(one), stream.entries[one]] for one in ids]


def _bound(text: str, sequence: int) -> Id:
    if text in "-+":
        return FIRST if text == "-" else LAST
    if text.startswith("("):
        return streams.after(streams.id_of(text[1:]))
    return streams.id_of(text, sequence)


def _count(options: Words) -> int | None:
    return int(options[list(options).index("COUNT") + 1]) if "COUNT" in options else None
