"""A Rocket.Chat for tests: the part of its REST interface and of its websocket that a bot uses.

As Rocket.Chat does, it tells a message again when it is edited or liked, tells of rooms the bot is not
in, wants its pings answered, refuses who it does not know, and answers 429 when told to.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import socket
import threading
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

ME, USER, PASSWORD, TOKEN = "BOT", "cannon", "pass-good", "token-good"
PATIENCE = 20.0  # seconds until something that never happens is a failure
ROOMS = {"R1": ("c", "ops"), "R2": ("p", "dev"), "BOTU1": ("d", None), "U2BOT": ("d", None)}


class RocketChatHere:
    """Use as a context; then `say` what users say, and look at `posted`, `calls` and `files`."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.files: list[bytes] = []
        self.links = 0  # how often a bot was let in
        self.logins = 0  # how often by its password
        self.looked_back = 0  # how often a bot has read all that it missed, or was not let
        self.pongs = 0
        self.tokens = {TOKEN}
        self.messages: list[dict[str, Any]] = []
        self.next_answers: dict[str, list[Response]] = {}  # by method, before the usual ones
        self.next_logins: list[dict[str, Any]] = []  # errors on the websocket, before the usual
        self.is_old = False  # a server that takes files in one step
        self.is_deaf = False  # a server that lets nobody hear messages
        self._numbers = itertools.count(1)
        self._sockets: list[WebSocket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        routes = [
            Route("/api/v1/{method:path}", self._api, methods=["GET", "POST"]),
            WebSocketRoute("/websocket", self._link),
        ]
        config = uvicorn.Config(
            Starlette(routes=routes), log_config=None, lifespan="off", timeout_graceful_shutdown=1
        )
        self._server = uvicorn.Server(config)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> RocketChatHere:
        self._thread.start()
        self.until(lambda: self._server.started, "Rocket.Chat is up")
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
        """Wait until a bot has connected for the n-th time, has caught up, and is so now."""

        def is_there() -> bool:
            return self.links >= n and self.looked_back >= n and bool(self._sockets)

        self.until(is_there, f"a bot has connected {n} times")

    def say(self, text: str, room: str = "R1", user: str = "U1", **more: Any) -> dict[str, Any]:
        """A user says something; the message, which is told to the bot if it listens."""
        message = {
            "_id": f"m{next(self._numbers)}",
            "rid": room,
            "msg": text,
            "ts": {"$date": int(time.time() * 1000) + 11_000},  # after the bot's first moment
            "u": {"_id": user, "username": user.lower(), "name": user.title()},
            **more,
        }
        self.messages.append(message)
        self.tell_of(message)
        return message

    def edit(self, message: dict[str, Any], text: str) -> None:
        """Whoever said this says it otherwise."""
        message |= {
            "msg": text,
            "editedAt": {"$date": message["ts"]["$date"] + next(self._numbers)},
        }
        self.tell_of(message)

    def tell_of(self, message: dict[str, Any], is_in: bool = True, **changed: Any) -> None:
        """Tell the bot of a message (again)."""
        kind, name = ROOMS.get(str(message.get("rid")), ("c", "else"))
        about = {"roomParticipant": is_in, "roomType": kind} | ({"roomName": name} if name else {})
        fields = {"eventName": "__my_messages__", "args": [{**message, **changed}, about]}
        self.tell(msg="changed", collection="stream-room-messages", id="id", fields=fields)

    def tell(self, **message: Any) -> None:
        """Send anything on the websocket."""
        asyncio.run_coroutine_threadsafe(self._send(json.dumps(message)), self._loop).result(
            PATIENCE
        )

    def mumble(self, text: str) -> None:
        """Send what is no JSON."""
        asyncio.run_coroutine_threadsafe(self._send(text), self._loop).result(PATIENCE)

    def cut(self) -> None:
        """Break the connection."""
        asyncio.run_coroutine_threadsafe(self._cut(), self._loop).result(PATIENCE)

    def posted(self) -> list[dict[str, Any]]:
        return [words for method, words in self.calls if method == "chat.postMessage"]

    def posts(self, n: int) -> list[str]:
        """Wait for n posts; their texts."""
        self.until(lambda: len(self.posted()) >= n, f"{n} posts are there")
        return [words["text"] for words in self.posted()]

    def limit(self, method: str, seconds: int = 0, status: int = 429) -> None:
        """Answer the next call of this method as a server does that is asked too often."""
        text = f"Error, too many requests. Please slow down. You must wait {seconds} seconds"
        error = {"success": False, "error": f"{text}. [error-too-many-requests]"}
        self.answer(method, JSONResponse(error, status))

    def refuse(self, method: str, code: str, status: int = 400) -> None:
        """Refuse the next call of this method."""
        self.answer(method, JSONResponse({"success": False, "errorType": code}, status))

    def fail(self, method: str) -> None:
        """Answer the next call of this method as a broken proxy does."""
        self.answer(method, PlainTextResponse("<html>bad gateway</html>", 502))

    def redirect(self, method: str, to: str) -> None:
        self.answer(method, RedirectResponse(to))

    def answer(self, method: str, answer: Response) -> None:
        self.next_answers.setdefault(method, []).append(answer)

    # --- what Rocket.Chat does

    async def _api(self, request: Request) -> Response:
        method = request.path_params["method"]
        words = await self._words(request)
        self.calls.append((method, words))
        if waiting := self.next_answers.get(method):
            self.looked_back += method == "rooms.get" and waiting[0].status_code == 400
            return waiting.pop(0)
        if method == "login":
            return self._logged_in(words)
        who = request.headers.get("x-user-id"), request.headers.get("x-auth-token")
        if who[0] != ME or who[1] not in self.tokens:
            return JSONResponse({"status": "error", "message": "You must be logged in"}, 401)
        answer = self._answer(method, words)
        status = 404 if answer is None else 200
        return JSONResponse({"success": status == 200, **(answer or {})}, status)

    async def _words(self, request: Request) -> dict[str, Any]:
        words: dict[str, Any] = dict(request.query_params)
        body = await request.body()
        if request.headers.get("content-type", "").startswith("multipart"):
            head, _, rest = body.partition(b"\r\n")
            *fields, file = rest.split(b"\r\n" + head)[0:-1] if head else []
            self.files.append(file.partition(b"\r\n\r\n")[2])
            return words | {"fields": b"".join(fields).decode(), "file": file[:200].decode("latin")}
        return words | (json.loads(body) if body else {})

    def _logged_in(self, words: dict[str, Any]) -> Response:
        if (words.get("user"), words.get("password")) != (USER, PASSWORD):
            return JSONResponse({"status": "error", "error": "Unauthorized"}, 401)
        self.logins += 1
        self.tokens.add(token := f"token-{self.logins}")
        return JSONResponse({"status": "success", "data": {"authToken": token, "userId": ME}})

    def _answer(self, method: str, words: dict[str, Any]) -> dict[str, Any] | None:
        name, _, rest = method.partition("/")
        if name == "rooms.media":
            return None if self.is_old else {"file": {"_id": "F1", "url": "/file-upload/F1/x"}}
        if name in ("rooms.upload", "rooms.mediaConfirm"):
            return {"message": {"_id": "x"}, "to": rest}
        if method == "me":
            return {"_id": ME, "username": USER}
        if method == "users.info":
            user = words["userId"]
            roles = ["bot"] if user == "UOTHERBOT" else ["user"]
            return {"user": {"_id": user, "username": user.lower(), "roles": roles, "type": "user"}}
        if method == "rooms.get":
            rooms = [{"_id": rid, "t": kind, "name": name} for rid, (kind, name) in ROOMS.items()]
            return {"update": rooms, "remove": []}
        if method == "chat.syncMessages":
            since = datetime.fromisoformat(words["lastUpdate"]).timestamp() * 1000
            there = [m for m in self.messages if m["rid"] == words["roomId"]]
            self.looked_back += words["roomId"] == list(ROOMS)[-1]
            told = [self._as_history(m) for m in there if m["ts"]["$date"] > since]
            return {"result": {"updated": told, "deleted": []}}
        if method == "im.create":
            return {"room": {"rid": f"dm-{words['username']}"}}
        return {"message": {"_id": "x"}}

    def _as_history(self, message: dict[str, Any]) -> dict[str, Any]:
        at = datetime.fromtimestamp(message["ts"]["$date"] / 1000).astimezone()
        return {**message, "ts": at.isoformat(timespec="milliseconds")}

    async def _link(self, link: WebSocket) -> None:
        await link.accept()
        await link.send_json({"server_id": "0"})
        try:
            while True:
                await self._hear(link, json.loads(await link.receive_text()))
        except (WebSocketDisconnect, RuntimeError):
            pass
        finally:
            if link in self._sockets:
                self._sockets.remove(link)

    async def _hear(self, link: WebSocket, said: dict[str, Any]) -> None:
        kind = said["msg"]
        if kind == "connect":
            await link.send_json({"msg": "connected", "session": "s"})
        elif kind == "method":
            error = self._refusal(said["params"][0]["resume"])
            told = {"error": error} if error else {"result": {"id": ME}}
            await link.send_json({"msg": "result", "id": said["id"], **told})
        elif kind == "sub":
            assert said["params"][0] == "__my_messages__"
            answer = {"msg": "nosub"} if self.is_deaf else {"msg": "ready", "subs": [said["id"]]}
            await link.send_json({"id": said["id"], **answer})
            self._sockets.append(link)
            self.links += 1
        elif kind == "pong":
            self.pongs += 1

    def _refusal(self, token: str) -> dict[str, Any] | None:
        if self.next_logins:
            return self.next_logins.pop(0)
        return None if token in self.tokens else {"error": 403, "reason": "You've been logged out"}

    async def _send(self, text: str) -> None:
        for link in self._sockets[-1:]:
            await link.send_text(text)

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
