"""The socket of Socket Mode: envelopes come in, acknowledgements go out, and it comes back when cut.

Brings websockets, an optional extra. What an envelope means is not known here.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI

from botcannon_core.chat.backoff import Backoff
from botcannon_core.collectors.refusal import Denied, Unreachable
from botcannon_core.collectors.slack.api import Api
from botcannon_core.errors import ServiceError

OPEN_SECONDS = 10.0
QUIET_SECONDS = 20.0  # without a sign of life, a ping; without an answer to it, it is cut
MOST_BYTES = 4_000_000  # of one envelope
AT_ONCE = ("warning", "refresh_requested")  # reasons to go that mean: come again now


class Wire:
    """One connection to Slack at a time, opened when it is needed."""

    def __init__(self, api: Api, backoff: Backoff) -> None:
        self._api = api
        self._backoff = backoff
        self._socket: ClientConnection | None = None

    async def next(self) -> dict[str, Any]:
        """The next envelope that has to be acknowledged; reconnects for as long as it takes.

        Raises ServiceError if Slack refuses the token, or Socket Mode is switched off.
        """
        while True:
            envelope = await self._heard()
            kind = envelope.get("type")
            if kind == "hello":
                self._backoff.reset()
            elif kind == "disconnect":
                await self._sent_away(str(envelope.get("reason", "")))
            elif envelope.get("envelope_id"):
                return envelope

    async def acknowledge(self, envelope_id: str) -> None:
        """Tell Slack that this envelope is taken; if we are cut off, it will be sent again."""
        if self._socket is None:
            return
        try:
            await self._socket.send(json.dumps({"envelope_id": envelope_id}))
        except ConnectionClosed:
            pass  # next() finds out, too, and what comes again is acknowledged then

    async def close(self) -> None:
        """Hang up."""
        socket, self._socket = self._socket, None
        if socket is not None:
            await socket.close()

    async def _heard(self) -> dict[str, Any]:
        try:
            if self._socket is None:
                self._socket = await self._opened()
            envelope = json.loads(await self._socket.recv())
        except (OSError, ConnectionClosed, InvalidHandshake, InvalidURI, Unreachable) as error:
            await self.close()
            asked = error.wait if isinstance(error, Unreachable) else 0.0
            await asyncio.sleep(max(self._backoff.wait(), asked))
            return {}
        except ValueError:  # no JSON: nothing we could acknowledge
            return {}
        return envelope if isinstance(envelope, dict) else {}

    async def _opened(self) -> ClientConnection:
        try:
            # one try at a time: the back-off between them is ours
            answer = await self._api.call("apps.connections.open", tries=1)
        except Denied as denied:
            raise ServiceError(
                f"{denied}; Socket Mode wants an app-level token with connections:write"
            ) from None
        return await connect(
            answer.get("url", ""),
            open_timeout=OPEN_SECONDS,
            close_timeout=1,
            ping_interval=QUIET_SECONDS,
            ping_timeout=QUIET_SECONDS,
            max_size=MOST_BYTES,
        )

    async def _sent_away(self, reason: str) -> None:
        await self.close()
        if reason == "link_disabled":
            raise ServiceError("Socket Mode was switched off for this Slack app: switch it on")
        if reason not in AT_ONCE:
            await asyncio.sleep(self._backoff.wait())
