"""Following streams: what comes into them from now on, until one has seen enough.

Each stream has a line of its own, so that it works with any store, a cluster too, and outlives the
store's restarts. It belongs to no group and acknowledges nothing: looking changes nothing.
"""

from __future__ import annotations

import select
import time
from collections.abc import Iterator, Mapping
from typing import Any

from botcannon_core.errors import StoreError
from botcannon_core.ledger.line import Line
from botcannon_core.ledger.line import Store as Lines
from botcannon_core.ledger.refused import Refused
from botcannon_core.ledger.stream import Entry, entries

AT_ONCE = 1000
BLOCK_SECONDS = 5.0
MEND_SECONDS = 0.2  # between two attempts to reach the store again
SILENCE_SECONDS = 5.0  # of a store that should have answered by now
OUTAGE_SECONDS = 60.0  # after which we say that it is gone


class Follower:
    """Reads one stream from just after the entry `after` on.

    States: *asked* (a question is out and waits in the store) or *cut* (`cut_since` says when; each
    `hear` tries to connect again, and raises StoreError once it has been too long).
    """

    def __init__(self, store: Lines, key: str, after: str) -> None:
        self._key = key
        self._after = after
        self._came: list[Entry] = []
        self._line = Line(store, key)
        self._cut_since = 0.0
        self._refused = ""
        self._asked_at = 0.0
        self._ask()

    def fileno(self) -> int:
        """What to wait on; -1 while the store is out of reach."""
        return self._line.fileno()

    def hear(self) -> list[Entry]:
        """What has come meanwhile; never waits."""
        try:
            if not self._line.is_open:
                self._line.reopen(again=False)
                self._ask()
            self._line.hear()
            self._cut_since = 0.0
            if time.monotonic() - self._asked_at > BLOCK_SECONDS + SILENCE_SECONDS:
                self._line.close()  # the other end may be gone without a word: ask anew
        except StoreError as error:  # a Cut is one as well
            self._see_cut(error)
        if self._refused:
            raise StoreError(f"{self._key} cannot be followed: {self._refused}")
        came, self._came = self._came, []
        return came

    def close(self) -> None:
        """Follow no more."""
        self._line.close()

    def _ask(self) -> None:
        words = ("XREAD", "COUNT", AT_ONCE, "BLOCK", int(BLOCK_SECONDS * 1000))
        self._asked_at = time.monotonic()
        self._line.say(*words, "STREAMS", self._key, self._after, then=self._take)
        self._line.flush()

    def _take(self, answer: Any) -> None:
        if isinstance(answer, Refused):
            self._refused = str(answer)
            return
        self._came += entries(answer[0][1]) if answer else []
        if self._came:
            self._after = self._came[-1].id
        self._ask()

    def _see_cut(self, error: StoreError) -> None:
        self._line.close()
        now = time.monotonic()
        self._cut_since = self._cut_since or now
        if now - self._cut_since > OUTAGE_SECONDS:
            raise error


def followed(
    followers: Mapping[str, Follower], until: float | None = None
) -> Iterator[tuple[str, Entry]]:
    """What comes into any of these streams, by name, until the monotonic time `until`, or for ever."""
    while True:
        for name, follower in followers.items():
            for entry in follower.hear():
                yield name, entry
        left = None if until is None else until - time.monotonic()
        if left is not None and left <= 0:
            return
        _wait(followers.values(), left)


def _wait(followers: Any, left: float | None) -> None:
    """Wait until one of them has something, or a cut one should try again."""
    poll = select.poll()
    waits = [BLOCK_SECONDS if left is None else min(left, BLOCK_SECONDS)]
    for follower in followers:
        if follower.fileno() < 0:
            waits.append(MEND_SECONDS)
        else:
            poll.register(follower.fileno(), select.POLLIN)
    poll.poll(max(0.0, min(waits)) * 1000)
