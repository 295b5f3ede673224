"""One connection: documents in, a reply for each as soon as there is one, and a decent end.

    hearing    until the client says no more, says something impossible, or has said all it may
    answering  what it asked is still under way; every reply is written when it is there
    parting    our side is closed, and what still comes is let run dry: an unread byte would make the
               system take back the last reply

Not here: what a document means (asked), where it goes and what it is answered (the collector).
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from botcannon_core.collectors.socket.asked import Refused
from botcannon_core.collectors.socket.framing import CutOff, Framing, TooLarge

CHUNK = 65_536
MOST_AT_ONCE = 256  # unanswered documents of one connection; it is not read from while it has more
WRITE_SECONDS = 30.0  # for a client to take a reply
PART_SECONDS = 2.0


@dataclass(frozen=True)
class Patience:
    """Seconds that a document may take to come, and that a client may be silent."""

    slow: float
    idle: float


Reply = dict[str, Any]
Respond = Callable[["Client", bytes], Coroutine[Any, Any, Reply]]
"""The reply to a document, to be awaited. Raises Refused if nothing more is to be heard."""
Refuse = Callable[[Refused], Reply]


class Client:
    """Somebody who is connected. `is_known` is for who answers: the client has shown who it is."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        framing: Framing,
        patience: Patience,
        asks_once: bool = False,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._framing = framing
        self._patience = patience
        self._asks_once = asks_once
        self._unanswered: set[asyncio.Task[None]] = set()
        self._room = asyncio.Semaphore(MOST_AT_ONCE)
        self._began = 0.0  # when the document began that is under way
        self._has_spoken = False
        self._is_over = False  # nothing more is heard
        self.is_known = False

    async def serve(self, respond: Respond, refuse: Refuse) -> None:
        """Answer everything until it is over; the connection is closed then."""
        try:
            try:
                await self._hear(respond)
            except Refused as refused:
                await self._say(refuse(refused))
            while self._unanswered:
                await asyncio.wait(self._unanswered)
            await self._part()
        except OSError:
            pass  # it is gone; what it asked is done all the same
        finally:
            for task in self._unanswered:
                task.cancel()
            self._writer.close()

    def leave(self) -> None:
        """Hear no more; what is unanswered still gets its reply, and the connection is closed."""
        self._is_over = True
        self._writer.transport.pause_reading()  # type: ignore[attr-defined]  # typed as any transport
        self._reader.feed_eof()

    # --- hearing -----------------------------------------------------------------------------------

    async def _hear(self, respond: Respond) -> None:
        try:
            while not self._is_over and (data := await self._more()):
                for document in self._framing.feed(data):
                    await self._take(document, respond)
            for document in [] if self._is_over else self._framing.end():
                await self._take(document, respond)
        except TooLarge:
            raise Refused("request", "the document is larger than is taken here") from None
        except CutOff:
            raise Refused("request", "the document was cut off") from None
        if not self._is_over and not self._has_spoken:
            raise Refused("json", "there was no document")

    async def _take(self, document: bytes, respond: Respond) -> None:
        """Begin to answer a document; waits while too many are unanswered."""
        if self._is_over:
            return
        self._has_spoken = True
        self._is_over = self._asks_once
        answering = respond(self, document)
        await self._room.acquire()
        self._began = time.monotonic()  # what comes now belongs to the next
        task = asyncio.create_task(self._answer(answering))
        self._unanswered.add(task)
        task.add_done_callback(self._answered)

    async def _more(self) -> bytes:
        """What comes next; nothing if nothing more does. Raises Refused if that takes too long."""
        if not self._framing.has_begun:
            return await self._news()
        try:
            async with asyncio.timeout(self._left()):
                return await self._reader.read(CHUNK)
        except TimeoutError:
            slow = self._patience.slow
            raise Refused("late", f"the document was not whole within {slow:g} s") from None

    async def _news(self) -> bytes:
        """The beginning of a document; a client without questions may be silent only for so long."""
        while True:
            try:
                async with asyncio.timeout(self._patience.idle):
                    data = await self._reader.read(CHUNK)
            except TimeoutError:
                if self._unanswered:
                    continue
                self._is_over = True
                return b""
            self._began = time.monotonic()
            return data

    def _left(self) -> float:
        return self._began + self._patience.slow - time.monotonic()

    # --- answering ---------------------------------------------------------------------------------

    async def _answer(self, answering: Coroutine[Any, Any, Reply]) -> None:
        await self._say(await answering)

    def _answered(self, task: asyncio.Task[None]) -> None:
        self._unanswered.discard(task)
        self._room.release()
        if not task.cancelled() and task.exception() is not None:
            self._writer.transport.abort()  # it takes nothing any more, so nothing more is heard

    async def _say(self, reply: Reply) -> None:
        text = json.dumps(reply, ensure_ascii=False).encode(errors="replace")
        self._writer.write(self._framing.frame(text))
        async with asyncio.timeout(WRITE_SECONDS):
            await self._writer.drain()

    # --- parting -----------------------------------------------------------------------------------

    async def _part(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(PART_SECONDS):
                if self._writer.can_write_eof():
                    self._writer.write_eof()
                while await self._reader.read(CHUNK):
                    pass
                self._writer.close()
                await self._writer.wait_closed()
