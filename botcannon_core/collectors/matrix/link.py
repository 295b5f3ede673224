"""The connection to a Matrix server: logged in, kept in step with it, and tried again when it is away.

Brings matrix-nio, an optional extra. It knows nothing of bots.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from io import BytesIO
from time import time_ns
from typing import Any, NoReturn

from aiohttp import ClientConnectorCertificateError, ClientError
from nio import AsyncClient, AsyncClientConfig
from nio.responses import ErrorResponse, SyncResponse
from nio.rooms import MatrixRoom

from botcannon_core.chat.answer import Attachment
from botcannon_core.chat.backoff import Backoff
from botcannon_core.collectors.matrix.account import Account
from botcannon_core.collectors.refusal import Denied, Unreachable
from botcannon_core.errors import ServiceError

CALL_SECONDS = 8  # shorter than a service's time to stop
SYNC_MILLISECONDS = 30_000  # how long the server may wait for news
TRIES = 5
NO_ANSWER = (ClientError, TimeoutError, OSError)

# the account or its token is none any more
GONE = ("M_UNKNOWN_TOKEN", "M_MISSING_TOKEN", "M_USER_DEACTIVATED", "M_USER_LOCKED")

MOST_EVENTS = 100  # of a room in one answer; if there are more, they are asked for
_NOTHING = {"not_types": ["*"]}
_TOLD = [
    "m.room.message",
    "m.room.encrypted",
    "m.room.member",
    "m.room.name",
    "m.room.canonical_alias",
    "m.room.encryption",
    "m.room.create",
]
FILTER: dict[str, Any] = {
    "presence": _NOTHING,
    "account_data": _NOTHING,
    "room": {
        "ephemeral": _NOTHING,
        "account_data": _NOTHING,
        "state": {"types": _TOLD, "lazy_load_members": True},
        "timeline": {"types": _TOLD, "lazy_load_members": True, "limit": MOST_EVENTS},
    },
}

_log = logging.getLogger("botcannon.matrix")


@dataclass(frozen=True)
class Heard:
    """What the server told, `since` a place in its history: an empty one is that there is none."""

    since: str
    sync: SyncResponse


class Link:
    """One account on a server; `me` is its id once we are logged in."""

    def __init__(self, account: Account, backoff: Backoff) -> None:
        self._account = account
        self._backoff = backoff
        self._sleep = asyncio.sleep
        self._renewing = asyncio.Lock()
        self._is_in_step = False  # the client knows the rooms
        config = AsyncClientConfig(
            store_sync_tokens=False,
            encryption_enabled=False,
            max_timeouts=0,  # the back-off is ours; to wait after a 429 is the library's
            request_timeout=CALL_SECONDS,
        )
        self._client = AsyncClient(account.server, account.user, account.device, config=config)

    @property
    def me(self) -> str:
        """Our id, `@bot:server`; nothing before we are logged in."""
        return str(self._client.user_id or "") if self._client.logged_in else ""

    @property
    def rooms(self) -> Mapping[str, MatrixRoom]:
        """The rooms that we are in, by id."""
        rooms: Mapping[str, MatrixRoom] = self._client.rooms
        return rooms

    async def log_in(self) -> None:
        """Become somebody; raises ServiceError if we are refused, Unreachable if nobody answers."""
        password = self._account.password
        if not password:
            self._client.access_token = self._account.token
        try:
            if password:
                await self.do("login", lambda c: c.login(password, "botcannon"), renew=False)
            else:
                await self.do("login", lambda c: c.whoami(), renew=False)
        except Denied as denied:
            self._refuse(denied.code)

    async def next(self, since: str) -> Heard:
        """What has happened since, as soon as something has; tries for as long as it takes.

        Raises ServiceError if the server does not want us any more.
        """
        while True:
            try:
                if since and not self._is_in_step:
                    # what is told since then leaves out what has not changed: who is in a room
                    await self.do("sync", self._sync(""), tries=1)
                    self._is_in_step = True
                sync = await self.do("sync", self._sync(since), tries=1)
            except Unreachable as error:
                wait = self._backoff.wait()
                _log.warning("%s; again in %.1f s", error, wait)
                await self._sleep(wait)
            except Denied as denied:
                if not since:
                    raise
                _log.warning("what was missed is left out: %s", denied)
                since = ""
            else:
                self._backoff.reset()
                self._is_in_step = True
                return Heard(since, sync)

    async def do(
        self,
        what: str,
        call: Callable[[AsyncClient], Awaitable[Any]],
        tries: int = TRIES,
        renew: bool = True,
    ) -> Any:
        """The answer to a call; raises Denied for a no, Unreachable if there is none in all tries.

        ServiceError if the server does not want us any more. `renew`: a login that has run out is
        renewed first.
        """
        backoff, why = Backoff(), ""
        for n in range(tries):
            token = self._client.access_token
            try:
                answer = await call(self._client)
            except NO_ANSWER as error:
                self._refuse_certificate(error)
                why = type(error).__name__
            else:
                if not isinstance(answer, ErrorResponse):
                    return answer
                why = await self._why_not(what, answer, token if renew else None)
            if n < tries - 1:
                await self._sleep(backoff.wait())
        raise Unreachable(f"the Matrix server did not take {what} ({why})")

    async def history(self, room_id: str, start: str, since: str) -> Any:
        """A page of what was said in a room between two places, the newest first; raises as `do`."""
        return await self.do(
            "a look back",
            lambda client: client.room_messages(room_id, start, since, limit=MOST_EVENTS),
        )

    async def upload(self, file: Attachment, kind: str) -> str:
        """Give a file to the server; where it is. Raises as `do`."""

        async def call(client: AsyncClient) -> Any:
            content = BytesIO(file.content)  # anew for each try
            answer, _ = await client.upload(
                lambda *_: content, kind, file.name, filesize=len(file.content)
            )
            return answer

        return str((await self.do("a file", call)).content_uri)

    async def close(self) -> None:
        """Hang up; our login stays for the next life."""
        await self._client.close()

    # --- how

    def _sync(self, since: str) -> Callable[[AsyncClient], Awaitable[Any]]:
        def call(client: AsyncClient) -> Any:
            if since:
                return client.sync(SYNC_MILLISECONDS, FILTER, since)
            client.next_batch = ""
            # a server may answer the same question with what it has answered a minute ago, so that
            # what was said since would seem to be news: ask each time for another time to wait, of
            # which it makes no use here
            return client.sync(time_ns() % 9_999 + 1, FILTER, full_state=True)

        return call

    async def _why_not(self, what: str, answer: ErrorResponse, token: str | None) -> str:
        """Why it was not done, if another try may help; raises if not. `token` may be renewed."""
        code = str(answer.status_code or "")
        status = getattr(answer.transport_response, "status", 0)
        if token and code in GONE:
            if not self._account.password:
                self._refuse(code)
            async with self._renewing:
                if self._client.access_token == token:  # else somebody has renewed it meanwhile
                    await self.log_in()
            return code
        if code and status < 500:
            raise Denied(f"the Matrix server refused {what}: {code}", code)
        return f"status {status}"

    def _refuse(self, code: str) -> NoReturn:
        raise ServiceError(
            f"the Matrix server refused us ({code}): check {self._account.to_check}"
        ) from None

    def _refuse_certificate(self, error: BaseException) -> None:
        if isinstance(error, ClientConnectorCertificateError):
            raise ServiceError(
                "the Matrix server's certificate is not trusted: check `server`, or name its"
                " authority's file in SSL_CERT_FILE"
            ) from None
