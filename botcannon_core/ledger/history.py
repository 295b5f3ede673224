"""The `ledger` handle: what a class that names `ledger` gets to look into any service's history.

It only reads, over a connection of its own that is opened at first use. Not here: the groups and lines
by which messages are worked on (stream).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from botcannon_core.ledger.keys import CHANNELS, services_in, services_pattern
from botcannon_core.ledger.store import Store
from botcannon_core.message import Message

Channel = Literal["data", "taskback", "log", "dead"]


class History:
    """Reads what services have stored. Every method raises StoreError when the store cannot be used.

    A message's id and time are those it got when it was stored, on a taskback and in `dead` too; spans
    and order go by the store's clock and by when the entry came into its channel. What has been
    trimmed (see `keep:`) is gone. Notes on how far a message is are no history.
    """

    def __init__(self, open: Callable[[], Store]) -> None:  # noqa: A002 - what it does
        self._open = open
        self._opened: Store | None = None

    def services(self) -> list[str]:
        """The names of all services that have ever stored something, sorted."""
        store = self._store
        with store.asking() as client:
            found = client.scan_iter(match=services_pattern(store.namespace), count=1000)
            return services_in(store.namespace, found)

    def latest(self, service: str, channel: Channel = "data") -> Message | None:
        """The newest message, or None if there is none."""
        key = self._key(service, channel)
        with self._store.asking() as client:
            entries: Any = client.xrevrange(key, count=1)
            if entries and "_note" in entries[0][1]:  # one a message that runs, if all of them tell
                entries = client.xrevrange(key, count=1000)
        found = _messages(entries, service, channel)
        return found[0] if found else None

    def last(
        self, service: str, seconds: float, channel: Channel = "data", limit: int = 10_000
    ) -> list[Message]:
        """The messages of the last `seconds`, oldest first; of more than `limit` the newest ones."""
        end = self._now()
        return self.between(service, end - seconds, end, channel, limit)

    def between(
        self,
        service: str,
        start: float,
        end: float,
        channel: Channel = "data",
        limit: int = 10_000,
    ) -> list[Message]:
        """The messages from `start` to `end`, seconds since the epoch, both included; oldest first.

        Of more than `limit` only the newest ones.
        """
        key = self._key(service, channel)
        if end < start or limit < 1:
            return []
        with self._store.asking() as client:
            entries: Any = client.xrevrange(key, max=_id(end), min=_id(start), count=limit)
        return _messages(entries[::-1], service, channel)

    def sample(
        self, service: str, seconds: float, points: int = 200, channel: Channel = "data"
    ) -> list[Message]:
        """At most `points` messages spread evenly over the last `seconds`, oldest first: for charts.

        The span is cut into that many slots of equal length; each gives its newest message, if it has
        one. It costs the same however much was stored.
        """
        key = self._key(service, channel)
        end = _id(self._now())
        width = max(1, int(seconds * 1000) // max(1, points))  # milliseconds
        with self._store.asking() as client, client.pipeline(transaction=False) as asked:
            for slot in range(points - 1, -1, -1):
                newest = end - slot * width
                asked.xrevrange(key, max=max(0, newest), min=max(0, newest - width + 1), count=1)
            found: Any = asked.execute()
        return _messages([entry for entries in found for entry in entries], service, channel)

    def count(self, service: str, channel: Channel = "data") -> int:
        """How many messages are kept."""
        key = self._key(service, channel)
        with self._store.asking() as client:
            return int(client.xlen(key))

    def close(self) -> None:
        """Close the connection; the next question opens another."""
        opened, self._opened = self._opened, None
        if opened is not None:
            opened.close()

    @property
    def _store(self) -> Store:
        if self._opened is None:
            self._opened = self._open()
        return self._opened

    def _key(self, service: str, channel: str) -> str:
        if channel not in CHANNELS:
            raise ValueError(f"no channel {channel!r}; there are {', '.join(CHANNELS)}")
        return self._store.keys(service).key(channel)

    def _now(self) -> float:
        """The store's time, which made the ids; this host's may differ."""
        with self._store.asking() as client:
            answer: Any = client.time()
        # a cluster's answer comes by node
        seconds, micros = answer if isinstance(answer, tuple) else next(iter(answer.values()))
        return int(seconds) + int(micros) / 1e6


def _id(seconds: float) -> int:
    return max(0, round(seconds * 1000))  # a message's own time finds it again


def _messages(entries: Any, service: str, channel: Channel) -> list[Message]:
    return [
        _message(id, fields, service, channel)
        for id, fields in entries  # noqa: A001
        if "_note" not in fields
    ]


def _message(entry: str, fields: dict[str, str], service: str, channel: Channel) -> Message:
    # a line of the log may speak of a message, but is not one
    own = entry if channel == "log" else fields.get("_id", entry)
    if channel == "data":
        fields = {name: text for name, text in fields.items() if not name.startswith("_")}
    return Message(fields, own, service)
