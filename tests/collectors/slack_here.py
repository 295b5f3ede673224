"""A Slack for tests: the part of its Web API and of Socket Mode a bot uses, on the loopback.

As Slack does, it sends an envelope again if it is not acknowledged in time, refuses tokens it does not
know, answers 429 with Retry-After when told to, and hangs up when told to.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import socket
import threading
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

BOT, APP = "xoxb-good", "xapp-good"
PATIENCE = 20.0  # seconds until something that never happens is a failure


class SlackHere:
    """Use as a context; then `say` what users say, and look at `posted`, `acked` and `calls`."""

    def __init__(self, resend_seconds: float = 3.0) -> None:
        self.resend_seconds = resend_seconds
        self.calls: list[tuple[str, dict[str, str]]] = []
        self.acked: list[str] = []
        self.sent: list[dict[str, Any]] = []
        self.files: list[bytes] = []
        self.links = 0  # how often a bot connected
        self.next_answers: dict[str, list[Response]] = {}  # by method, before the usual ones
        self._numbers = itertools.count(1)
        self._sockets: list[WebSocket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/api/"
        routes = [
            Route("/api/{method}", self._api, methods=["POST"]),
            Route("/upload", self._upload, methods=["POST"]),
            WebSocketRoute("/link", self._link),
        ]
        config = uvicorn.Config(
            Starlette(routes=routes), log_config=None, lifespan="off", timeout_graceful_shutdown=1
        )
        self._server = uvicorn.Server(config)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> SlackHere:
        self._thread.start()
        self.until(lambda: self._server.started, "Slack is up")
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = self._server.force_exit = True
        self._thread.join(PATIENCE)

    # --- what a test does

    def until(self, condition: Callable[[], Any], what: str) -> Any:
        deadline = time.monotonic() + PATIENCE
        while not (found := condition()):
            assert time.monotonic() < deadline, f"waited in vain until {what}; {self.calls}"
            time.sleep(0.002)
        return found

    def wait_for_link(self, n: int = 1) -> None:
        """Wait until a bot has connected for the n-th time, and is so now."""
        self.until(lambda: self.links >= n and self._sockets, f"a bot has connected {n} times")

    def say(self, text: str, channel: str = "C1", user: str = "U1", **more: Any) -> dict[str, Any]:
        """Tell the bot that a user said something; returns the envelope."""
        n = next(self._numbers)
        event = {
            "type": "message",
            "channel": channel,
            "channel_type": "im" if channel.startswith("D") else "channel",
            "user": user,
            "text": text,
            "ts": f"1700000000.{n:06}",
            **more,
        }
        return self.send(event, f"Ev{n}")

    def send(self, event: dict[str, Any], event_id: str) -> dict[str, Any]:
        """Send an event in an envelope of its own, and again until that is acknowledged."""
        envelope = {
            "type": "events_api",
            "envelope_id": f"env-{next(self._numbers)}",
            "accepts_response_payload": False,
            "payload": {"type": "event_callback", "event_id": event_id, "event": event},
        }
        asyncio.run_coroutine_threadsafe(self._insist(envelope), self._loop)
        return envelope

    def tell(self, **message: Any) -> None:
        """Send something that is no event."""
        asyncio.run_coroutine_threadsafe(self._send(message), self._loop).result(PATIENCE)

    def cut(self) -> None:
        """Break the connection."""
        asyncio.run_coroutine_threadsafe(self._cut(), self._loop).result(PATIENCE)

    def posted(self) -> list[dict[str, str]]:
        return [words for method, words in self.calls if method.startswith("chat.post")]

    def posts(self, n: int) -> list[str]:
        """Wait for n posts; their texts."""
        self.until(lambda: len(self.posted()) >= n, f"{n} posts are there")
        return [words["text"] for words in self.posted()]

    def limit(self, method: str, seconds: str = "0.05") -> None:
        """Answer the next call of this method with 429."""
        answer = JSONResponse({"ok": False, "error": "ratelimited"}, 429, {"Retry-After": seconds})
        self.next_answers.setdefault(method, []).append(answer)

    def refuse(self, method: str, code: str, **more: str) -> None:
        """Refuse the next call of this method."""
        answer = JSONResponse({"ok": False, "error": code, **more})
        self.next_answers.setdefault(method, []).append(answer)

    def fail(self, method: str) -> None:
        """Answer the next call of this method as a broken proxy does."""
        answer = PlainTextResponse("<html>bad gateway</html>", 502)
        self.next_answers.setdefault(method, []).append(answer)

    # --- what Slack does

    async def _api(self, request: Request) -> Response:
        method = request.path_params["method"]
        words = dict(parse_qsl((await request.body()).decode(), keep_blank_values=True))
        words |= dict(request.query_params)
        self.calls.append((method, words))
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if waiting := self.next_answers.get(method):
            return waiting.pop(0)
        if token != (APP if method == "apps.connections.open" else BOT):
            return JSONResponse({"ok": False, "error": "invalid_auth"})
        return JSONResponse({"ok": True, **self._answer(method, words)})

    def _answer(self, method: str, words: dict[str, str]) -> dict[str, Any]:
        base = f"127.0.0.1:{self.port}"
        if method == "auth.test":
            return {"user_id": "UBOT", "user": "cannon", "bot_id": "B1"}
        if method == "apps.connections.open":
            return {"url": f"ws://{base}/link?ticket=t"}
        if method == "users.info":
            user = words["user"]
            name = {"U1": "ann", "U2": "bob", "U3": "cannon"}.get(user, user.lower())
            shown = {"display_name": name.title(), "real_name": f"{name} x"}
            return {"user": {"name": name, "profile": shown, "is_bot": user == "UOTHERBOT"}}
        if method == "conversations.info":
            return {"channel": {"name": {"C1": "ops"}.get(words["channel"])}}
        if method == "conversations.open":
            return {"channel": {"id": "D9"}}
        if method == "files.getUploadURLExternal":
            return {"upload_url": f"http://{base}/upload", "file_id": "F1"}
        if method == "files.completeUploadExternal":
            return {"files": json.loads(words["files"])}
        return {"ts": "1700000001.000001"}

    async def _upload(self, request: Request) -> Response:
        self.files.append(await request.body())
        return PlainTextResponse("OK")

    async def _link(self, link: WebSocket) -> None:
        await link.accept()
        await link.send_json({"type": "hello", "num_connections": 1})
        self._sockets.append(link)
        self.links += 1
        try:
            while True:
                self.acked.append(json.loads(await link.receive_text())["envelope_id"])
        except WebSocketDisconnect:
            pass
        finally:
            if link in self._sockets:
                self._sockets.remove(link)

    async def _insist(self, envelope: dict[str, Any]) -> None:
        attempt = 0
        while envelope["envelope_id"] not in self.acked and attempt < 4:
            again = {**envelope, "retry_attempt": attempt, "retry_reason": "timeout"}
            await self._send(again if attempt else envelope)
            attempt += 1
            await asyncio.sleep(self.resend_seconds)

    async def _send(self, message: dict[str, Any]) -> None:
        for link in self._sockets[-1:]:
            self.sent.append(message)
            await link.send_json(message)

    async def _cut(self) -> None:
        for link in self._sockets[:]:
            self._sockets.remove(link)
            await link.close()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._server.serve(sockets=[self._listener]))
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()
