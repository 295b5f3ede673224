"""The websocket of Rocket.Chat (DDP): events come in, and it comes back when it is cut.

Brings websockets, an optional extra. What an event means is not known here.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import deque
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI

from botcannon_core.chat.backoff import Backoff
from botcannon_core.collectors.refusal import Unreachable
from botcannon_core.collectors.rocketchat.rest import Rest
from botcannon_core.errors import ServiceError

OPEN_SECONDS = 15.0  # for all that is said until we hear messages
QUIET_SECONDS = 20.0  # without a sign of life, a ping; without an answer to it, it is cut
MOST_BYTES = 4_000_000  # of one event
MOST_WAIT = 120.0
LOST = (OSError, ConnectionClosed, InvalidHandshake, InvalidURI, Unreachable, TimeoutError)

_log = logging.getLogger("botcannon.rocketchat")


class Link:
    """One connection at a time, opened when it is needed, and logged in with what `rest` has got."""

    def __init__(self, url: str, rest: Rest, backoff: Backoff) -> None:
        self._url = url
        self._rest = rest
        self._backoff = backoff
        self._socket: ClientConnection | None = None
        self._early: deque[dict[str, Any]] = deque()  # what came while we logged in

    async def next(self) -> dict[str, Any] | None:
        """The next event of a room; None when we have just connected, for there may be news elsewhere.

        Reconnects for as long as it takes. Raises ServiceError if the server does not want us.
        """
        while True:
            try:
                if self._socket is None:
                    self._socket = await self._opened()
                    self._backoff.reset()
                    return None
                heard = self._early.popleft() if self._early else await _hear(self._socket)
            except LOST as error:
                await self._lost(error)
                continue
            if heard.get("msg") == "changed" and isinstance(heard.get("fields"), dict):
                return dict(heard["fields"])

    async def close(self) -> None:
        """Hang up."""
        socket, self._socket = self._socket, None
        self._early.clear()
        if socket is not None:
            await socket.close()

    async def _lost(self, error: BaseException) -> None:
        await self.close()
        asked = error.wait if isinstance(error, Unreachable) else 0.0
        wait = max(self._backoff.wait(), asked)
        _log.warning("not connected (%s); again in %.1f s", type(error).__name__, wait)
        await asyncio.sleep(wait)

    async def _opened(self) -> ClientConnection:
        socket = await connect(
            self._url,
            open_timeout=OPEN_SECONDS,
            close_timeout=1,
            ping_interval=QUIET_SECONDS,
            ping_timeout=QUIET_SECONDS,
            max_size=MOST_BYTES,
        )
        try:
            async with asyncio.timeout(OPEN_SECONDS):
                await self._greet(socket)
        except BaseException:
            await socket.close()
            raise
        return socket

    async def _greet(self, socket: ClientConnection) -> None:
        await _say(socket, msg="connect", version="1", support=["1"])
        if (await self._answer(socket, "connected", "failed"))["msg"] == "failed":
            raise ServiceError(
                "the server behind `url` speaks another version of Rocket.Chat's DDP"
            )
        if not await self._logged_in(socket):
            await self._rest.renew()  # the token has run out; this one is good or it raises
            if not await self._logged_in(socket):
                raise ServiceError(
                    "Rocket.Chat takes our token for calls, but not on its websocket"
                )
        await _say(
            socket,
            msg="sub",
            id="messages",
            name="stream-room-messages",
            params=["__my_messages__", False],
        )
        if (await self._answer(socket, "ready", "nosub"))["msg"] == "nosub":
            raise ServiceError(
                "Rocket.Chat does not let us hear messages: check the account's roles"
            )

    async def _logged_in(self, socket: ClientConnection) -> bool:
        """False if the server knows no such token."""
        params = [{"resume": self._rest.token}]
        await _say(socket, msg="method", method="login", id="login", params=params)
        error = (await self._answer(socket, "result")).get("error")
        if not error:
            return True
        wait = _asked_wait(error)
        if wait is not None:
            raise Unreachable("Rocket.Chat asks us to wait before we log in", wait)
        return False

    async def _answer(self, socket: ClientConnection, *kinds: str) -> dict[str, Any]:
        """The first of these kinds that is heard; what else comes is for later."""
        while (heard := await _hear(socket)).get("msg") not in kinds:
            if heard.get("msg") == "changed":
                self._early.append(heard)
        return heard


async def _hear(socket: ClientConnection) -> dict[str, Any]:
    """The next thing that is said, its pings answered; empty for what is nothing."""
    try:
        heard = json.loads(await socket.recv())
    except ValueError:
        return {}
    if not isinstance(heard, dict):
        return {}
    if heard.get("msg") == "ping":
        await _say(socket, msg="pong", **({"id": heard["id"]} if "id" in heard else {}))
    return heard


async def _say(socket: ClientConnection, **words: Any) -> None:
    await socket.send(json.dumps(words))


def _asked_wait(error: Any) -> float | None:
    """The seconds to wait, if that is what the server wants; None if it refuses us."""
    if not isinstance(error, dict) or error.get("error") != "too-many-requests":
        return None
    details = error.get("details")
    wait = details.get("timeToReset") if isinstance(details, dict) else None
    return min(wait / 1000, MOST_WAIT) if isinstance(wait, int | float) else 0.0
