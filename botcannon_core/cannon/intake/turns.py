"""Turns: whose message is stored next, when people ask a bot more than it can do at once.

The stream is worked off in its own order, and whoever comes after a crowd would wait for all of it. So
only some messages of a bot are on their way at a time; of those that wait here everybody has one in
turn, and who had none goes first. What waits here is not stored, and the outside was not told that it
is. With no end in sight (no pool is up, or all work is long) everything may pass.
"""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping

from botcannon_core.compose.spec import ServiceSpec

LEAST_AHEAD = 16  # messages on their way at once, and for more workers
AHEAD_OF_EACH = 2  # of each worker: none may have to wait for us
PATIENCE_SECONDS = 1.0  # without any end, then waiting here is good for nobody
MOST_WAITING = 1_000

Fields = dict[str, str]
Asker = tuple[str, str]


class Turns:
    """Lets messages pass, `ahead` of them on their way at a time."""

    def __init__(self, ahead: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._ahead = ahead
        self._clock = clock
        self._waiting: OrderedDict[Asker, deque[Fields]] = OrderedDict()  # in the order of turns
        self._new: deque[Asker] = deque()  # those who had none before: before all others
        self._hurried: deque[Fields] = deque()  # these wait for nobody
        self._under_way = 0
        self._moved_at = clock()  # when one passed or ended
        self._is_open = False
        self.count = 0  # of those that wait

    @staticmethod
    def of(service: ServiceSpec) -> Turns | None:
        """Turns for a bot, that is a service with a shell; for another one there are none."""
        if service.shell is None or not service.tasks:
            return None
        return Turns(max(LEAST_AHEAD, AHEAD_OF_EACH * service.workers.max))

    @property
    def is_full(self) -> bool:
        """True when no more should wait."""
        return self.count >= MOST_WAITING

    def put(self, fields: Fields) -> None:
        """One more that wants to pass."""
        asker = _asker(fields)
        if asker not in self._waiting:
            self._waiting[asker] = deque()
            self._new.append(asker)
        self._waiting[asker].append(fields)
        self.count += 1

    def hurry(self, fields: Fields) -> None:
        """One more that waits for nobody; and what the same person said before it, in the same room."""
        asker, room = _asker(fields), fields.get("room")
        lane = self._waiting.get(asker, deque())
        self._hurried += [one for one in lane if one.get("room") == room]
        self._hurried.append(fields)
        self.count += 1
        others = deque(one for one in lane if one.get("room") != room)
        if others:
            self._waiting[asker] = others
        elif lane:
            del self._waiting[asker]
            self._new = deque(one for one in self._new if one != asker)

    def next(self, at_once: bool = False) -> Fields | None:
        """The next that may pass now, if one may; `at_once`: each may."""
        if not self.count:
            return None
        if self._hurried:
            self.count -= 1
            self.passed()
            return self._hurried.popleft()
        if not at_once and not self._has_room():
            return None
        asker = self._new.popleft() if self._new else next(iter(self._waiting))
        lane = self._waiting.pop(asker)
        fields = lane.popleft()
        if lane:
            self._waiting[asker] = lane
        self.count -= 1
        self.passed()
        return fields

    def passed(self) -> None:
        """One more is on its way."""
        self._under_way += 1
        self._moved_at = self._clock()

    def ended(self) -> None:
        """One that had passed has ended."""
        self._under_way = max(0, self._under_way - 1)
        self._moved_at = self._clock()
        self._is_open = False

    def _has_room(self) -> bool:
        if self._under_way >= self._ahead and self._clock() - self._moved_at > PATIENCE_SECONDS:
            # until one ends; and counted anew, for what we never heard of would count for ever
            self._is_open, self._under_way = True, 0
        return self._is_open or self._under_way < self._ahead


def has_turn(fields: Mapping[str, str]) -> bool:
    """True for what somebody said; else there is nobody whose turn it could be."""
    return bool(fields.get("user") or fields.get("room"))


def _asker(fields: Mapping[str, str]) -> Asker:
    return fields.get("network", ""), fields.get("user") or fields.get("room", "")
