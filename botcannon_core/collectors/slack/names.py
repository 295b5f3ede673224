"""Who a Slack id is and how a channel is called, looked up once in a while.

An app without the scope to look gets ids for names, always: what rules are matched on must not change
with the weather. What cannot be looked up just now is therefore no name at all, but an error.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from botcannon_core.collectors.refusal import Denied
from botcannon_core.collectors.slack.api import Api

FRESH_SECONDS = 600.0  # people and channels are renamed, but not often
MOST_KNOWN = 5_000
TRIES = 2  # Slack sends again what we could not take

_log = logging.getLogger("botcannon.slack")


class Person(NamedTuple):
    """A user: the one-word name to write after an @, and the name people see."""

    handle: str
    shown: str
    is_bot: bool = False


class Names:
    """Names by id, remembered for ten minutes."""

    def __init__(self, api: Api, now: Callable[[], float] = time.monotonic) -> None:
        self._api = api
        self._now = now
        self._known: dict[str, tuple[float, dict[str, Any]]] = {}
        self._denied: set[str] = set()

    async def person(self, user: str) -> Person:
        """The user with this id; raises Unreachable if Slack does not say now."""
        about = await self._about("users.info", "user", user)
        profile = about.get("profile") or {}
        handle = about.get("name") or user
        shown = profile.get("display_name") or profile.get("real_name") or handle
        return Person(handle, shown, bool(about.get("is_bot")))

    async def room(self, channel: str) -> str:
        """`#name` of the channel with this id, or the id of one without a name; raises as `person`."""
        name = (await self._about("conversations.info", "channel", channel)).get("name")
        return f"#{name}" if name else channel

    async def _about(self, method: str, kind: str, name: str) -> dict[str, Any]:
        since, about = self._known.get(name, (0.0, None))
        if about is not None and self._now() - since < FRESH_SECONDS:
            return about
        try:
            answer = await self._api.call(method, {kind: name}, TRIES)
        except Denied as denied:  # no scope, or nobody of that id that we may see
            self._say_once(method, denied)
            answer = {}
        about = answer.get(kind) or {}
        if len(self._known) >= MOST_KNOWN:
            self._known.clear()
        self._known[name] = (self._now(), about)
        return about

    def _say_once(self, method: str, denied: Denied) -> None:
        if method not in self._denied:
            self._denied.add(method)
            _log.warning("ids stand for names: %s", denied)
