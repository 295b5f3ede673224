"""Rocket.Chat's REST interface as the door needs it: calls that wait when told to, and say who refuses.

On the standard library alone. A call runs in a thread, for it blocks; the door goes on meanwhile.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import re
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from email.message import Message as EmailMessage
from email.utils import parsedate_to_datetime
from typing import Any, NoReturn
from urllib.parse import quote, urlencode

from botcannon_core.chat.answer import Attachment
from botcannon_core.chat.backoff import Backoff
from botcannon_core.collectors.refusal import Denied, Unreachable
from botcannon_core.collectors.rocketchat.account import Account
from botcannon_core.collectors.rocketchat.form import Form, encoded
from botcannon_core.errors import ServiceError

CALL_SECONDS = 8  # shorter than a service's time to stop
TRIES = 5
MOST_WAIT = 120.0  # seconds; servers ask for 60 as a rule
MOST_BYTES = 20_000_000  # of an answer


class Rest:
    """Calls in the name of one account; logs in when it must."""

    def __init__(self, account: Account, backoff: Backoff | None = None) -> None:
        self._account = account
        self._backoff = backoff
        self._sleep = asyncio.sleep
        self._open = urllib.request.build_opener(_Stay).open
        self.token = account.token
        self.user_id = account.user_id
        self.server_time = 0.0  # when it answered last, by its own clock

    async def log_in(self) -> dict[str, Any]:
        """Who we are; raises ServiceError if Rocket.Chat does not want us, Unreachable if it is away."""
        await self.renew()
        return await self.ask("me")

    async def renew(self) -> None:
        """Get a new token if we have a password, raises as `log_in`."""
        if not self._account.user:
            return
        words = {"user": self._account.user, "password": self._account.password}
        self.token = self.user_id = ""
        given = (await self._tried("POST", "login", words)).get("data") or {}
        self.token, self.user_id = str(given.get("authToken")), str(given.get("userId"))

    async def ask(self, path: str, tries: int = TRIES, **words: str) -> dict[str, Any]:
        """GET; raises Denied for a no, Unreachable when all tries are used up, else ServiceError."""
        path = f"{path}?{urlencode(words)}" if words else path
        return await self._renewing("GET", path, None, tries)

    async def tell(self, path: str, words: Mapping[str, str], tries: int = TRIES) -> dict[str, Any]:
        """POST; raises as `ask`."""
        given = {name: value for name, value in words.items() if value}
        return await self._renewing("POST", path, given, tries)

    async def upload(self, file: Attachment, room: str, thread: str) -> None:
        """Send a file to a room; raises as `ask`."""
        words = {"tmid": thread} if thread else {}
        try:
            answer = await self._renewing("POST", f"rooms.media/{quote(room)}", Form(file))
        except Denied as denied:
            if denied.code != "404":
                raise
            # an older server takes a file in one step
            await self._renewing("POST", f"rooms.upload/{quote(room)}", Form(file, words))
            return
        file_id = str((answer.get("file") or {}).get("_id", ""))
        path = f"rooms.mediaConfirm/{quote(room)}/{quote(file_id)}"
        # not again after a time-out: the room would see the file twice
        await self._renewing("POST", path, words, is_once=True)

    # --- how

    async def _renewing(
        self, verb: str, path: str, body: Any, tries: int = TRIES, is_once: bool = False
    ) -> dict[str, Any]:
        """Call; with a token that has run out, log in and call again."""
        try:
            return await self._tried(verb, path, body, tries, is_once)
        except _Refused:
            if not self._account.user:
                raise
        await self.renew()
        return await self._tried(verb, path, body, tries, is_once)

    async def _tried(
        self, verb: str, path: str, body: Any, tries: int = TRIES, is_once: bool = False
    ) -> dict[str, Any]:
        """Call until an answer is there; `is_once`: not again when it may have been done."""
        backoff = self._backoff or Backoff()
        why, wait = "", 0.0
        for n in range(tries):
            try:
                return await asyncio.to_thread(self._call, verb, path, body)
            except urllib.error.HTTPError as error:
                why = f"status {error.code}"
                wait = await asyncio.to_thread(self._wait_after, error, path) or backoff.wait()
            except (OSError, http.client.HTTPException, ValueError) as error:
                self._refuse_certificate(error)
                wait, why = backoff.wait(), type(error).__name__
                if is_once:
                    break
            if n < tries - 1:
                await self._sleep(wait)
        method = path.partition("?")[0]
        raise Unreachable(f"Rocket.Chat did not take {method} ({why})", wait)

    def _call(self, verb: str, path: str, body: Any) -> dict[str, Any]:
        data, headers = encoded(body)
        if self.token:
            headers |= {"X-Auth-Token": self.token, "X-User-Id": self.user_id}
        request = urllib.request.Request(  # noqa: S310 - the address was checked to be http(s)
            f"{self._account.url}/api/v1/{path}", data, headers, method=verb
        )
        with self._open(request, timeout=CALL_SECONDS) as response:
            self._learn_time(response.headers)
            answer = json.loads(response.read(MOST_BYTES))
        return answer if isinstance(answer, dict) else {}

    def _wait_after(self, error: urllib.error.HTTPError, path: str) -> float:
        """How long to wait before it is tried again, 0 for as we like; raises if that would not help."""
        try:
            answer = json.loads(error.read(MOST_BYTES))
        except (OSError, http.client.HTTPException, ValueError):
            answer = {}
        text = _said(answer)
        if error.code == 429 or "error-too-many-requests" in text:
            return _asked_wait(error.headers, text)
        if error.code >= 500:
            return 0.0
        code = _code(answer, text) or str(error.code)
        if error.code == 401:
            self._refuse(code)
        if 300 <= error.code < 400:
            raise ServiceError(
                "Rocket.Chat is somewhere else (it redirects us): check `url`"
            ) from None
        raise Denied(f"Rocket.Chat refused {path.partition('?')[0]}: {code}", code) from None

    def _refuse(self, code: str) -> NoReturn:
        more = "; it wants a second factor, so use a token" if "totp" in code else ""
        raise _Refused(
            f"Rocket.Chat refused us ({code}): check {self._account.to_check}{more}"
        ) from None

    def _refuse_certificate(self, error: Exception) -> None:
        if isinstance(getattr(error, "reason", error), ssl.SSLCertVerificationError):
            raise ServiceError(
                "Rocket.Chat's certificate is not trusted: check `url`, or name its authority's"
                " file in SSL_CERT_FILE"
            ) from None

    def _learn_time(self, headers: EmailMessage) -> None:
        try:
            self.server_time = parsedate_to_datetime(headers["Date"]).timestamp()
        except (TypeError, ValueError, KeyError):
            self.server_time = time.time()


class _Refused(ServiceError):
    """The account or its token was refused."""


class _Stay(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: it might lead the token to somebody else."""

    def redirect_request(self, *_: Any) -> None:
        """Nowhere."""


def _said(answer: Any) -> str:
    """Whatever the server gave as a reason."""
    if not isinstance(answer, dict):
        return ""
    return " ".join(str(answer.get(name, "")) for name in ("error", "errorType", "message"))


def _code(answer: Any, text: str) -> str:
    """The server's word for why, if there is one: its sentences may quote what we sent."""
    kind = answer.get("errorType") or answer.get("error") if isinstance(answer, dict) else None
    if isinstance(kind, str) and re.fullmatch(r"[\w-]+", kind):
        return kind
    found = re.search(r"\[([\w-]+)\]", text)
    return found[1] if found else ""


def _asked_wait(headers: EmailMessage, text: str) -> float:
    """The seconds that a server asks us to wait; 0 if it does not say."""
    found = re.search(r"wait (\d+) seconds", text)
    try:
        reset = float(headers["X-RateLimit-Reset"]) / 1000 - time.time()
    except (TypeError, ValueError, KeyError):
        reset = 0.0
    seconds = float(found[1]) if found else reset
    return min(max(seconds, 0.0), MOST_WAIT)
