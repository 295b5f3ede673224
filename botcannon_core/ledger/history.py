"""The `ledger` handle: what a class that names `ledger` gets to look into any service's history.

It only reads, over a connection of its own that is opened at first use. Not here: the groups and lines
by which messages are worked on (stream).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Literal

from botcannon_core.ledger.asker import Asker
from botcannon_core.ledger.direct import Command
from botcannon_core.ledger.keys import CHANNELS, services_in, services_pattern
from botcannon_core.ledger.store import Store
from botcannon_core.ledger.stream import Entry, entries
from botcannon_core.message import Message

NOTE = "_note"  # the field of an entry that only says how far a message is
PAGE = 1000  # entries asked for at once where notes stand among them: one a message that runs

Channel = Literal["data", "taskback", "log", "dead"]


class History:
    """Reads what services have stored. Every method raises StoreError when the store cannot be used.

    A message's id and time are those it got when it was stored, on a taskback and in `dead` too; spans
    and order go by the store's clock and by when the entry came into its channel. What has been
    trimmed (see `keep:`) is gone. Notes on how far a message is are no history.
    """

    def __init__(self, open: Callable[[], Store]) -> None:  # noqa: A002 - what it does
        self._open = open
        self._opened: tuple[Store, Asker] | None = None

    def services(self) -> list[str]:
        """The names of all services that have ever stored something, sorted."""
        store, _ = self._both
        with store.asking() as client:  # which goes round all nodes of a cluster
            found = client.scan_iter(match=services_pattern(store.namespace), count=1000)
            return services_in(store.namespace, found)

    def latest(self, service: str, channel: Channel = "data") -> Message | None:
        """The newest message, or None if there is none."""
        key = self._key(service, channel)
        found = _messages(self._entries(key, "+", "-", 1), service, channel)
        return found[0] if found else None

    def last(
        self, service: str, seconds: float, channel: Channel = "data", limit: int = 10_000
    ) -> list[Message]:
        """The messages of the last `seconds`, oldest first; of more than `limit` the newest ones."""
        end = self._now(self._key(service, channel))
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
        found = self._entries(key, _id(end), _id(start), limit)
        return _messages(found[::-1], service, channel)

    def sample(
        self, service: str, seconds: float, points: int = 200, channel: Channel = "data"
    ) -> list[Message]:
        """At most `points` messages spread evenly over the last `seconds`, oldest first: for charts.

        The span is cut into that many slots of equal length; each gives its newest message, if it has
        one. It costs the same however much was stored.
        """
        key = self._key(service, channel)
        end = _id(self._now(key))
        width = max(1, int(seconds * 1000) // max(1, points))  # milliseconds
        ends = [end - slot * width for slot in range(points - 1, -1, -1)]
        asked = [_newest(key, max(0, last), max(0, last - width + 1), 1) for last in ends]
        found = self._ask(key, *asked)
        return _messages([one for answer in found for one in entries(answer)], service, channel)

    def count(self, service: str, channel: Channel = "data") -> int:
        """How many messages are kept."""
        key = self._key(service, channel)
        return int(self._ask(key, ("XLEN", key))[0])

    def warm(self) -> None:
        """Import what the first question will need, for children that are forked; opens nothing."""
        self._both[0].warm()

    def close(self) -> None:
        """Close the connection; the next question opens another."""
        opened, self._opened = self._opened, None
        if opened is not None:
            for one in opened:
                one.close()

    @property
    def _both(self) -> tuple[Store, Asker]:
        if self._opened is None:
            store = self._open()
            self._opened = store, Asker(store)
        return self._opened

    def _ask(self, key: str, *commands: Command) -> list[Any]:
        return self._both[1].ask(key, *commands)

    def _entries(self, key: str, last: int | str, first: int | str, most: int) -> list[Entry]:
        """The newest `most` of these that are no notes, the newest first."""
        found: list[Entry] = []
        page = most
        while True:
            came = entries(self._ask(key, _newest(key, last, first, page))[0])
            found += [one for one in came if NOTE not in one.fields]
            if len(found) >= most or len(came) < page:
                return found[:most]
            last, page = f"({came[-1].id}", max(most - len(found), PAGE)

    def _key(self, service: str, channel: str) -> str:
        if channel not in CHANNELS:
            raise ValueError(f"no channel {channel!r}; there are {', '.join(CHANNELS)}")
        return self._both[0].keys(service).key(channel)

    def _now(self, key: str) -> float:
        """The time of the server that makes the ids of `key`; this host's may differ."""
        [(seconds, micros)] = self._ask(key, ("TIME",))
        return int(seconds) + int(micros) / 1e6


def _newest(key: str, last: int | str, first: int | str, most: int) -> Command:
    return ("XREVRANGE", key, last, first, "COUNT", most)


def _id(seconds: float) -> int:
    return max(0, round(seconds * 1000))  # a message's own time finds it again


def _messages(found: Iterable[Entry], service: str, channel: Channel) -> list[Message]:
    return [
        _message(one.id, one.fields, service, channel) for one in found if NOTE not in one.fields
    ]


def _message(entry: str, fields: dict[str, str], service: str, channel: Channel) -> Message:
    # a line of the log may speak of a message, but is not one
    own = entry if channel == "log" else fields.get("_id", entry)
    if channel == "data":
        fields = {name: text for name, text in fields.items() if not name.startswith("_")}
    return Message(fields, own, service)
