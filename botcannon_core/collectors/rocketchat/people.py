"""Who a user of Rocket.Chat is: what the messages do not say, looked up once in a while."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from botcannon_core.collectors.refusal import Denied
from botcannon_core.collectors.rocketchat.rest import Rest

FRESH_SECONDS = 600.0  # people are renamed, but not often
MOST_KNOWN = 5_000


class Person(NamedTuple):
    """A user: the one-word name to write to, and whether it is a program."""

    handle: str
    is_bot: bool


class People:
    """Users by id, remembered for ten minutes."""

    def __init__(self, rest: Rest, now: Callable[[], float] = time.monotonic) -> None:
        self._rest = rest
        self._now = now
        self._known: dict[str, tuple[float, Person]] = {}

    async def person(self, user: str) -> Person:
        """The user with this id, nameless if we may not look; raises Unreachable."""
        since, known = self._known.get(user, (0.0, None))
        if known is not None and self._now() - since < FRESH_SECONDS:
            return known
        person = await self._looked_up(user)
        if len(self._known) >= MOST_KNOWN:
            self._known.clear()
        self._known[user] = (self._now(), person)
        return person

    async def _looked_up(self, user: str) -> Person:
        try:
            about = (await self._rest.ask("users.info", userId=user)).get("user")
        except Denied:
            about = None
        if not isinstance(about, dict):
            return Person("", False)
        roles = about.get("roles") or []
        return Person(
            str(about.get("username") or ""), about.get("type") == "bot" or "bot" in roles
        )
