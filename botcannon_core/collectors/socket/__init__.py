"""The socket: a JSON document sent over TCP or a socket file becomes a message, its taskback the reply.

Set up:

    services:
      shop:
        collector: {file: socket, entry: JsonServer, conf: {key: shop, kwargs: {port: 60856}}}
        program: buy

    echo '{"data_pool": {"item": "x"}}' | nc -N 127.0.0.1 60856

- A document is a JSON object in one line; the end of what a client says ends one, too, and the reply
  still comes. `framing: length` puts four bytes before each document and reply instead: how many bytes
  follow, the highest first.
- Where the service runs programs: `{"program": ..., "data_pool": {...}, "metadata": {}}`; the only
  program need not be named. Elsewhere the members are the fields of the message: texts as they are,
  anything else as JSON text.
- The reply is `{"ok": true, "result": {...}}` or `{"ok": false, "error": {"text": ...}, "trace":
  [...]}`, with the `message`'s id. Each comes as soon as it is there: of many requests on one
  connection the quick ones are answered first, so give each an `id`, which its reply repeats.
- `compat: ryuso` takes what clients of ryuso send and says what they expect: one document, which ends
  with its last bracket, and one bare reply, after which the connection is closed.
- It listens on the loopback only, or with `unix: PATH` on a socket file for this user alone. Another
  `host` has to be asked for, and is better used with a `token` (a member of the first document) or
  with TLS: `certificate`, `private_key`, and `client_ca` if clients have to show one of their own. TLS
  knows no half-close: end a document with a newline there.
- If this process is killed, clients see their connection break; what was stored is done all the same.
"""

from __future__ import annotations

import asyncio
import sys
import time
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from functools import partial
from typing import Any, Literal

from botcannon_core.chat import guard
from botcannon_core.collectors import envelope
from botcannon_core.collectors.exchange import NOT_STORED, Exchange, Exchanges
from botcannon_core.collectors.socket import asked, door, ryuso
from botcannon_core.collectors.socket.asked import Manners, Refused
from botcannon_core.collectors.socket.client import Client, Patience, Reply
from botcannon_core.collectors.socket.door import Address
from botcannon_core.collectors.socket.framing import Bare, Framing, Lines, Sized
from botcannon_core.message import Message

_NOTHING: Mapping[str, Any] = {}
FRAMINGS: Mapping[str, type[Lines] | type[Sized]] = {"newline": Lines, "length": Sized}
LEAVE_SECONDS = 2.0  # for the last replies to be written
GREETING_SECONDS = 10.0  # for the handshake of TLS


class JsonServer:
    """Takes JSON documents on a socket, and answers each with its message's taskback."""

    many = True
    every_outcome = True

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 60856,
        unix: str | None = None,
        framing: Literal["newline", "length"] = "newline",
        compat: Literal["ryuso"] | None = None,
        token: str | None = None,
        certificate: str | None = None,
        private_key: str | None = None,
        client_ca: str | None = None,
        timeout: float | None = None,
        slow: float = 30.0,
        idle: float = 300.0,
        max_document: int = 16_000_000,
        max_waiting: int = 10_000,
        flood: guard.FloodKwarg = None,
        has_shell: bool = False,
        programs: Any = None,
        acl: Any = None,
    ) -> None:
        self._address = Address(host, port, unix)
        self._frames = _frames(framing, compat, max_document)
        self._is_ryuso = compat == "ryuso"
        self._programs = programs
        self._tls = door.tls(certificate, private_key, client_ca) if certificate else None
        if token == "":
            raise ValueError("a socket's `token` is a text that is not empty")
        self._is_guarded = token is not None or bool(certificate and client_ca)
        self._manners = Manners(
            programs=None if programs is None else programs.offered,
            strict=not self._is_ryuso,
            may_say_who=self._is_guarded or not acl,
            token=token,
        )
        self._timeout = timeout
        self._patience = Patience(slow, idle)
        self._max_waiting = max_waiting
        self._waiting = 0
        self._is_leaving = False
        self._flood = guard.Guard(flood, has_shell)
        self._exchanges = Exchanges()
        self._clients: dict[asyncio.Task[None], Client] = {}

    async def start(self) -> None:
        """Listen; raises ServiceError if that is not possible."""
        door.make_room()
        self._listener = door.listen(self._address)
        self._server = await asyncio.start_server(
            self._met,
            sock=self._listener,
            backlog=door.BACKLOG,
            ssl=self._tls,
            ssl_handshake_timeout=GREETING_SECONDS if self._tls else None,
        )
        self.address = door.bound(self._address, self._listener)
        _say(f"listening on {self.address}")
        if not self._is_guarded and not self.address.is_ours_alone:
            _say(
                "caution: others can reach it, and are all heard; give it a `token` or a `client_ca`"
            )

    async def read(self) -> AsyncIterator[dict[str, str]]:
        """All requests that came, as soon as there is one."""
        try:
            taken = await self._exchanges.take()
        except asyncio.CancelledError:  # the service stops: refuse at once what would not be read
            self._is_leaving = True
            raise
        for exchange in taken:
            yield exchange.fields

    def admit(self, fields: Mapping[str, str]) -> bool:
        """Whether a request may be stored; who asks too much is told so each time."""
        return self._exchanges.admit(fields, self._flood.verdict(fields))

    async def stored(self, message: Message) -> None:
        """Tell who waits that it is kept."""
        self._exchanges.stored(message)

    async def taskback(self, message: Message) -> None:
        """Answer who waits for this one; if nobody does any more, it is dropped."""
        self._flood.answer(message)  # only that a line made no sense is of use here
        self._exchanges.answered(message)

    async def close(self) -> None:
        """Tell those who still wait that their reply will not come here, and listen no more."""
        self._is_leaving = True
        self._exchanges.end()
        self._server.close()
        door.leave(self._address, self._listener)
        for client in self._clients.values():
            client.leave()
        if self._clients:
            await asyncio.wait(self._clients, timeout=LEAVE_SECONDS)
        for task in self._clients:
            task.cancel()

    # --- one client --------------------------------------------------------------------------------

    async def _met(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client = Client(reader, writer, self._frames(), self._patience, asks_once=self._is_ryuso)
        task = asyncio.current_task()
        assert task is not None
        self._clients[task] = client
        task.add_done_callback(self._clients.pop)
        await client.serve(self._respond, self._refusal)

    def _respond(self, client: Client, data: bytes) -> Coroutine[Any, Any, Reply]:
        """The reply to one document. Raises Refused for a stranger, who is not heard any further."""
        try:
            document = asked.read(data)
        except Refused as refused:
            return _at_once(self._refusal(refused))
        token = self._manners.token
        if token is not None and not client.is_known:
            if not asked.shows(document, token):
                raise Refused("request", "the first document has no `token`, or a wrong one")
            client.is_known = True
        return self._answer(document)

    async def _answer(self, document: Mapping[str, Any]) -> Reply:
        try:
            fields = {**asked.fields_of(document, self._manners), "event_id": uuid.uuid4().hex}
            if self._is_leaving or self._waiting >= self._max_waiting:
                raise Refused("busy", "no more can be taken now; nothing was done, try again")
            self._waiting += 1
            try:
                began = time.time()
                exchange = self._exchanges.ask(fields)
                message = await self._wait(exchange)
            finally:
                self._waiting -= 1
        except Refused as refused:
            return self._refusal(refused, document)
        return self._said(message, exchange.fields, document, began)

    async def _wait(self, exchange: Exchange) -> Message:
        """The taskback, whenever it comes. Raises Refused if it does not come here."""
        message = await exchange.answer(self._timeout)
        if exchange.turned_away is not None:
            raise Refused("busy", exchange.turned_away.told)
        if message is not None:
            return message
        if self._exchanges.withdraw(exchange):
            raise Refused("busy", NOT_STORED)
        raise Refused("late", exchange.why_no_answer(self._timeout), exchange.id)

    # --- replies -----------------------------------------------------------------------------------

    def _said(
        self, message: Message, fields: Mapping[str, str], document: Mapping[str, Any], began: float
    ) -> Reply:
        plans = self._programs
        if plans is None:
            return _with_id(envelope.of_tasks(message, fields), document)
        answer = envelope.of_program(message, fields)
        if not self._is_ryuso:
            return _with_id(answer, document)
        return ryuso.of_run(answer, plans, fields["program"], document.get("metadata", {}), began)

    def _refusal(self, refused: Refused, document: Mapping[str, Any] = _NOTHING) -> Reply:
        if self._is_ryuso:
            return ryuso.of_refusal(refused)
        return _with_id(envelope.of_refusal(refused.text, refused.message_id), document)


def _frames(framing: str, compat: str | None, max_document: int) -> Callable[[], Framing]:
    if compat not in (None, "ryuso"):
        raise ValueError(f"`compat` of a socket is ryuso or nothing, not {compat!r}")
    if framing not in FRAMINGS:
        raise ValueError(f"`framing` of a socket is one of {', '.join(FRAMINGS)}, not {framing!r}")
    if compat and framing != "newline":
        raise ValueError("a socket with `compat: ryuso` has no `framing`")
    return partial(Bare if compat else FRAMINGS[framing], max_document)


def _with_id(reply: Reply, document: Mapping[str, Any]) -> Reply:
    """The reply with the name that the client gave its request."""
    if asked.is_name(document.get("id")) and document.get("id") is not None:
        return {"id": document["id"], **reply}
    return reply


async def _at_once(reply: Reply) -> Reply:
    return reply


def _say(text: str) -> None:
    # what a collector prints is a line of its service's log
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
