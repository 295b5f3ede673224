"""HTTP for the webhook: a few routes, served by uvicorn in the loop of the intake.

Brings starlette and uvicorn, an optional extra, so it is imported only where a webhook is. What a
request means is not known here; who responds is given its head and body.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from botcannon_core.collectors.webhook.answer import Answer
from botcannon_core.collectors.webhook.asked import Head, RefusedRequest
from botcannon_core.errors import ServiceError

BODY_SECONDS = 10.0  # a body that takes longer is given up
LEAVE_SECONDS = 2.0  # for the last answers to be written
IDLE_SECONDS = 30  # a connection kept open between two requests

Body = Callable[[int], Awaitable[bytes]]
"""Reads the body, at most so many bytes; raises RefusedRequest."""

Respond = Callable[[Head, Body, Mapping[str, str]], Awaitable[Answer]]
"""The answer to a request with this head, this body, and what stood in the named parts of its path."""


class Server:
    """Serves the `routes` (`POST /path/{name}`) of one address, until it is stopped."""

    def __init__(self, host: str, port: int, path: str, routes: Mapping[str, Respond]) -> None:
        self._listener = _listener(host, port)
        bound = self._listener.getsockname()[1]
        self.address = f"http://{f'[{host}]' if ':' in host else host}:{bound}{path}"
        app = Starlette(routes=[_route(one, respond) for one, respond in routes.items()])
        config = uvicorn.Config(
            app,
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=IDLE_SECONDS,
            timeout_graceful_shutdown=int(LEAVE_SECONDS),
        )
        self._server = _Quiet(config)
        self._serving: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to take requests."""
        self._serving = asyncio.create_task(self._server.serve(sockets=[self._listener]))

    async def stop(self) -> None:
        """Take no more, write the last answers, and end."""
        self._server.should_exit = True
        if self._serving is not None:
            await self._serving
        self._listener.close()


def _route(what: str, respond: Respond) -> Route:
    method, _, path = what.partition(" ")

    async def handle(request: Request) -> Response:
        async def body(most: int) -> bytes:
            return await _body(request, most)

        answer = await respond(request.headers, body, request.path_params)
        headers = {**answer.headers}
        if answer.status != 204:
            headers["Content-Type"] = answer.kind
        return Response(answer.body, answer.status, headers)

    return Route(path, handle, methods=[method])


class _Quiet(uvicorn.Server):
    """A server that leaves the signals to the process it runs in."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Nothing is captured."""
        yield


def _listener(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=512)
    except OSError as error:
        raise ServiceError(
            f"the webhook cannot listen on {host}:{port} ({error.strerror or error}); "
            "check `host`, and that nothing else has this `port`"
        ) from error


async def _body(request: Request, most: int) -> bytes:
    too_much = RefusedRequest(413, f"the body is larger than {most} bytes")
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > most:
        raise too_much
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > most:
                    raise too_much
    except TimeoutError as error:
        raise RefusedRequest(408, f"the body took longer than {BODY_SECONDS:g} s") from error
    except ClientDisconnect as error:
        raise RefusedRequest(400, "the client left before its body ended") from error
    return bytes(body)
