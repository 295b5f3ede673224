"""How long to wait before a service is tried again: longer each time, and never all at once.

Only numbers: the waiting itself, and when to give up, are the door's.
"""

from __future__ import annotations

import random
from collections.abc import Callable


class Backoff:
    """Waits that double from `first` to `most` seconds, each shortened at random by up to a half.

    The randomness keeps a thousand bots from coming back in the same instant after an outage.
    `chance` gives a number from 0 to 1, for tests.
    """

    def __init__(
        self,
        first: float = 1.0,
        most: float = 60.0,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._first = first
        self._most = most
        self._chance = chance
        self._next = first

    def wait(self) -> float:
        """How many seconds to wait now, after one more failure."""
        now, self._next = self._next, min(2 * self._next, self._most)
        return now * (1 - self._chance() / 2)

    def reset(self) -> None:
        """All is well: the next failure is the first again."""
        self._next = self._first
