"""The webhook: an HTTP request becomes a message, and its taskback becomes the answer.

Set up: starlette and uvicorn in `app/requirements.txt`, and

    services:
      chat:
        collector:
          file: webhook
          entry: Webhook
          conf:
            key: chat-door
            kwargs: {port: 8080, token: !!SECRET!!}

    curl -H 'Authorization: Bearer TOKEN' -d 'users list' http://127.0.0.1:8080/

- POST a text, and it is the message's `text`; the answer is the result's `text` (or its file).
  POST a JSON object of strings, and its names are the message's fields; the answer is a JSON
  object of what the tasks gave, and the message's `id` (also in the header `X-Message-Id`). A
  value that is no string is refused (422, naming the field); `as_text: true` takes any body,
  whatever its kind, as the text: for services that send nested JSON.
- 200 with results, 204 without, 500 with `error`, `error_id` and `id` for a parked message, 504 if
  there was no answer within `timeout` (it is still being done), 503 if it could not be taken
  (nothing was done), 429 to who asks a bot too much. `timeout: 0` answers 202 with the `id` as soon
  as the message is stored, and waits for nothing.
- It listens on the loopback only. For another `host` it wants a `token` (sent as `Authorization:
  Bearer`) or a `secret` (an HMAC over the body in `signature_header`, hexadecimal, as GitHub sends
  it), or both; without either, only with `anonymous: true`. Then nobody may say who they are:
  `user`, `user_name` and `room` are heard only from who showed one. A signature says nothing of
  when: put TLS in front, and set `id_header`.
- Where the service runs programs, `POST /programs/NAME` with the args as a JSON object runs one, and
  is answered with its envelope: 200 if it did all its steps, 422 for wrong args, 500 if it failed.
  `GET /` shows them all, `GET /openapi.json` describes them.
- `id_header: X-GitHub-Delivery` (or `Idempotency-Key`) names the header with an id of the request:
  the same id again is not done again, but answered as the first was, while that is remembered
  (1,000 answers, 16 MB). `headers: {X-GitHub-Event: event}` puts headers into fields.
- Every instance serves: `up` on several hosts behind a balancer is fine. A body has `max_body`
  bytes at most, `max_waiting` requests wait at once. Slow heads, TLS and many connections are the
  work of a proxy in front.
"""

from __future__ import annotations

import math
import sys
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from functools import partial
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from botcannon_core.chat import guard
from botcannon_core.collectors.exchange import NOT_STORED, Exchange, Exchanges
from botcannon_core.collectors.webhook import answer as answers
from botcannon_core.collectors.webhook.answer import Answer, answer_to, refusal
from botcannon_core.collectors.webhook.asked import (
    OWN,
    Algorithm,
    Guard,
    Head,
    RefusedRequest,
    fields_of,
    is_json,
    object_of,
)
from botcannon_core.collectors.webhook.programs import Programs
from botcannon_core.errors import lacking
from botcannon_core.message import Message

if TYPE_CHECKING:
    from botcannon_core.collectors.webhook.server import Body, Respond, Server

Fields = Mapping[str, str]
STORE_SECONDS = 10.0  # how long who waits only for the store does so
MOST_EVENT_ID = 200  # characters


class Webhook:
    """Takes POST requests on `http://host:port/path`, and answers each with its message's taskback."""

    many = True
    every_outcome = True

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 8080,
        path: str = "/",
        timeout: float = 30.0,
        token: str | None = None,
        secret: str | None = None,
        signature_header: str = "X-Hub-Signature-256",
        algorithm: Algorithm = "sha256",
        id_header: str | None = None,
        headers: Mapping[str, str] | None = None,
        as_text: bool = False,
        anonymous: bool = False,
        user: str = "webhook",
        max_body: int = 1_000_000,
        max_waiting: int = 1_000,
        flood: guard.FloodKwarg = None,
        has_shell: bool = False,
        programs: Any = None,
    ) -> None:
        self._guard = Guard(token, secret, signature_header, algorithm)
        self._headers = dict(headers or {})
        _check(host, path, self._headers, self._guard.asks or anonymous)
        self._where = (host, port, path)
        self._timeout = float(timeout)
        self._id_header = (id_header or "").lower()
        self._as_text = as_text
        self._user = user
        self._max_body = max_body
        self._max_waiting = max_waiting
        self._flood = guard.Guard(flood, has_shell)
        self._programs: Programs | None = None
        if programs is not None:
            self._programs = Programs(
                programs.offered, path, token is not None, is_awaited=bool(self._timeout)
            )
        self._exchanges = Exchanges()
        self._waiting = 0
        self._is_leaving = False
        self._serve = _server()
        self._server: Server | None = None

    async def start(self) -> None:
        """Listen; raises ServiceError if that is not possible."""
        self._server = self._serve(*self._where, self._routes())
        self._server.start()
        # what a collector prints is a line of its service's log
        sys.stdout.write(f"listening on {self._server.address}\n")
        sys.stdout.flush()

    async def read(self) -> AsyncIterator[dict[str, str]]:
        """The requests, as they come."""
        try:
            while True:
                for exchange in await self._exchanges.take():
                    yield exchange.fields
        finally:  # the service stops: refuse at once what would not be read
            self._is_leaving = True

    def admit(self, fields: Mapping[str, str]) -> bool:
        """Whether a request may be stored; who asks too much is told so each time, as HTTP has it."""
        return self._exchanges.admit(fields, self._flood.verdict(fields))

    async def stored(self, message: Message) -> None:
        """Tell who waits that it is kept."""
        self._exchanges.stored(message)

    async def taskback(self, message: Message) -> None:
        """Answer who waits for this one; if nobody does any more, it is dropped."""
        self._flood.answer(message)  # only that a line made no sense is of use here
        self._exchanges.answered(message)

    async def close(self) -> None:
        """Tell those who still wait that their answer will not come here, and stop listening."""
        self._is_leaving = True
        self._exchanges.end()
        if self._server is not None:
            await self._server.stop()

    # --- one request -------------------------------------------------------------------------------

    def _routes(self) -> dict[str, Respond]:
        """Who responds to what: in a service of programs, each has its path, and there are pages."""
        if self._programs is None:
            return {f"POST {self._where[2]}": self._respond}
        pages = {
            f"GET {path}": partial(self._show, page) for path, page in self._programs.pages.items()
        }
        return {f"POST {self._programs.path}": self._run, **pages}

    async def _respond(self, head: Head, body: Body, _named: Mapping[str, str]) -> Answer:
        as_json = "json" in head.get("accept", "") or (is_json(head) and not self._as_text)

        async def ask() -> Answer:
            exchange = self._exchanges.ask(await self._fields(head, body))
            return await self._wait(exchange, as_json, partial(answer_to, as_json=as_json))

        return await self._guarded(head, as_json, ask)

    async def _run(self, head: Head, body: Body, named: Mapping[str, str]) -> Answer:
        programs = self._programs
        assert programs is not None

        async def ask() -> Answer:
            data = await body(self._max_body)
            self._guard.check_body(head, data)
            fields = programs.fields(named["name"], object_of(data) if data.strip() else {})
            exchange = self._exchanges.ask({**fields, "event_id": self._event(head)})
            return await self._wait(exchange, True, programs.answer)

        return await self._guarded(head, True, ask)

    async def _show(
        self, page: Answer, head: Head, _body: Body, _named: Mapping[str, str]
    ) -> Answer:
        try:
            self._guard.check_head(head)
        except RefusedRequest as refused:
            return refusal(refused.status, refused.reason, as_json=False)
        return page

    async def _guarded(
        self, head: Head, as_json: bool, ask: Callable[[], Awaitable[Answer]]
    ) -> Answer:
        """What is answered to who may ask, while there is room."""
        try:
            self._guard.check_head(head)
            if self._is_leaving or self._waiting >= self._max_waiting:
                raise RefusedRequest(503, "no more can be taken now; nothing was done, try again")
            self._waiting += 1
            try:
                return await ask()
            finally:
                self._waiting -= 1
        except RefusedRequest as refused:
            return refusal(refused.status, refused.reason, as_json, wait=refused.wait)

    async def _fields(self, head: Head, body: Body) -> dict[str, str]:
        data = await body(self._max_body)
        self._guard.check_body(head, data)
        given = fields_of(head, data, self._as_text, self._guard.asks)
        told = {field: head[name] for name, field in self._headers.items() if name in head}
        fields = {"user": self._user, **given, **told}
        # who names a room speaks in it, for rules about rooms say nothing of direct messages
        where = {} if "room" in fields else {"room": "webhook", "direct": "1"}
        return {
            "user_name": fields["user"],
            **fields,
            **where,
            "network": "webhook",
            "event_id": self._event(head),
        }

    def _event(self, head: Head) -> str:
        event = head.get(self._id_header, "") if self._id_header else ""
        if len(event) > MOST_EVENT_ID:
            raise RefusedRequest(400, f"the id in {self._id_header} is too long")
        return event or uuid.uuid4().hex

    async def _wait(
        self, exchange: Exchange, as_json: bool, answer: Callable[[Message, Fields], Answer]
    ) -> Answer:
        is_stored, message = False, None
        if self._timeout:
            message = await exchange.answer(self._timeout)
        else:
            is_stored = await exchange.stored(STORE_SECONDS)
        if (why := exchange.turned_away) is not None:
            raise RefusedRequest(429, why.told, wait=math.ceil(why.wait))
        if message is not None:
            return answer(message, exchange.fields)
        if is_stored:
            return answers.stored(exchange.id, as_json)
        # say what is known, so that the client knows whether to ask again
        if self._exchanges.withdraw(exchange):
            return refusal(503, NOT_STORED, as_json)
        why_none = exchange.why_no_answer(self._timeout or STORE_SECONDS)
        return refusal(504, why_none, as_json, id=exchange.id)


def _check(host: str, path: str, headers: Mapping[str, str], is_open_to_all: bool) -> None:
    if not is_open_to_all and not _is_loopback(host):
        raise ValueError(
            f"a webhook on {host} can be reached by others: give it a `token` or a `secret`, "
            "or say `anonymous: true`"
        )
    if not path.startswith("/"):
        raise ValueError(f"a webhook's `path` begins with /, not {path!r}")
    for name in headers.values():
        if name in OWN or name.startswith("_"):
            raise ValueError(f"a webhook's `headers` cannot give the field {name!r}")


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _server() -> type[Server]:
    try:  # an optional extra that takes 150 ms to import
        from botcannon_core.collectors.webhook.server import Server
    except ModuleNotFoundError as error:
        if error.name not in ("starlette", "uvicorn"):
            raise
        raise lacking("a webhook", "starlette>=0.40", "uvicorn>=0.30") from error
    return Server
