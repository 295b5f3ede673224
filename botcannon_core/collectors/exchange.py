"""The requests that wait for their answers, and the last answers, in case a request is repeated.

No server and no socket: an exchange begins with fields and ends with an answer. Its states:

    queued     nobody but us knows of it: if its time is up now, nothing was done
    taken      read() has yielded it; it may or may not be in the store yet
    stored     it has an id, and will be done whatever happens here
    over       its taskback is there, or this life of the door ends

One event loop owns all of it. If we die right here, every client sees its connection break; what was
stored is done all the same, and its answer is dropped by the next life.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Awaitable, Mapping
from typing import TypeVar

from botcannon_core.chat.flood import Verdict
from botcannon_core.message import Message

NOT_STORED = "it could not be stored; nothing was done, try again"
MOST_OPEN = 10_000  # exchanges that nobody waits for any more, kept in case they are asked again
MOST_RECENT = 1_000  # answers kept for who asks the same again
MOST_RECENT_SIZE = 16_000_000  # characters of them, all together

T = TypeVar("T")


class Exchange:
    """One message from request to answer; several requests may wait for the same one."""

    def __init__(self, fields: dict[str, str]) -> None:
        self.fields = fields
        self.id = ""
        self.waiting = 0
        self.turned_away: Verdict | None = None  # why it was not even let in
        self._kept = asyncio.Event()  # it is stored, or over
        self.over: asyncio.Future[Message | None] = asyncio.get_running_loop().create_future()

    @property
    def event(self) -> str:
        """The id by which a repeated request is known."""
        return self.fields["event_id"]

    async def answer(self, seconds: float | None) -> Message | None:
        """Its taskback; None if there is none within so many seconds, or in this life."""
        # shielded: others may wait for the same one
        return await self._within(seconds, asyncio.shield(self.over))

    async def stored(self, seconds: float) -> bool:
        """True if it is stored within so many seconds."""
        await self._within(seconds, self._kept.wait())
        return bool(self.id)

    def why_no_answer(self, seconds: float | None) -> str:
        """Why there was none within that time, and what becomes of the message."""
        late = "the service stops" if self.over.done() else f"none within {seconds:g} s"
        known = "it is still being done" if self.id else "it may or may not be done"
        return f"no answer ({late}); {known}"

    async def _within(self, seconds: float | None, what: Awaitable[T]) -> T | None:
        self.waiting += 1
        try:
            async with asyncio.timeout(seconds):
                return await what
        except TimeoutError:
            return None
        finally:
            self.waiting -= 1

    def end(self, message: Message | None) -> None:
        """Give the answer to all who wait; None: there will be none in this life."""
        if message is not None:
            self.id = message.id
        if not self.over.done():
            self.over.set_result(message)
        self._kept.set()

    def keep(self, message_id: str) -> None:
        """It is stored under this id."""
        self.id = message_id
        self._kept.set()


class Exchanges:
    """Every exchange that still matters: found by event id when asked, by message id when answered."""

    def __init__(self) -> None:
        self._queue: deque[Exchange] = deque()
        self._news = asyncio.Event()
        self._open: OrderedDict[str, Exchange] = OrderedDict()  # by event id
        self._by_id: dict[str, list[Exchange]] = {}  # the open ones that have an id
        # also for a taskback that overtakes the word that its message is stored
        self._recent = Recent()

    def ask(self, fields: dict[str, str]) -> Exchange:
        """Begin an exchange; one with an event id that came lately joins what there is of it."""
        event = fields["event_id"]
        if (known := self._open.get(event)) is not None:
            return known
        exchange = Exchange(fields)
        if (answer := self._recent.get(("event", event))) is not None:
            exchange.end(answer)
            return exchange
        self._open[event] = exchange
        self._forget_oldest()
        self._queue.append(exchange)
        self._news.set()
        return exchange

    async def take(self) -> list[Exchange]:
        """Wait for what was asked and not taken yet; all of it."""
        while not self._queue:
            self._news.clear()
            await self._news.wait()
        taken, self._queue = list(self._queue), deque()
        return taken

    def withdraw(self, exchange: Exchange) -> bool:
        """True if nobody has taken it yet and nobody else waits for it: then it never will be."""
        if exchange.waiting or exchange not in self._queue:
            return False
        self._queue.remove(exchange)
        self._close(exchange)
        return True

    def admit(self, fields: Mapping[str, str], verdict: Verdict) -> bool:
        """Whether what was taken is let in; if not, whoever asks it again begins anew."""
        exchange = self._open.get(fields.get("event_id", ""))
        if not verdict.admitted and exchange is not None:
            exchange.turned_away = verdict
            exchange.end(None)
            self._close(exchange)
        return verdict.admitted

    def stored(self, message: Message) -> None:
        """A message has its id; a repeat (`unique:`) has that of the first, maybe answered already."""
        exchange = self._open.get(message.get("event_id", ""))
        if exchange is None:
            return
        exchange.keep(message.id)
        self._by_id.setdefault(message.id, []).append(exchange)
        if (early := self._recent.get(("id", message.id))) is not None:
            self.answered(early)

    def answered(self, message: Message) -> None:
        """The taskback is there: all who wait for it are answered."""
        self._recent.keep(("id", message.id), message)
        for exchange in self._by_id.get(message.id, [])[:]:
            exchange.end(message)
            self._recent.keep(("event", exchange.event), message)
            self._close(exchange)

    def end(self) -> None:
        """There will be no more answers in this life."""
        for exchange in self._open.values():
            exchange.end(None)

    def _forget_oldest(self) -> None:
        while len(self._open) > MOST_OPEN:
            event, oldest = next(iter(self._open.items()))
            if oldest.waiting or not oldest.id:
                self._open.move_to_end(event)
                return
            self._close(oldest)

    def _close(self, exchange: Exchange) -> None:
        self._open.pop(exchange.event, None)
        if exchange.id in self._by_id:
            left = [one for one in self._by_id.pop(exchange.id) if one is not exchange]
            if left:
                self._by_id[exchange.id] = left


class Recent:
    """The last answers by key, bounded in number and in size."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, str], Message] = OrderedDict()
        self._size = 0

    def get(self, key: tuple[str, str]) -> Message | None:
        """The answer kept under this key, if it still is."""
        return self._kept.get(key)

    def keep(self, key: tuple[str, str], message: Message) -> None:
        """Keep this answer, and no more of the oldest than fit beside it."""
        self._drop(key)
        self._kept[key] = message
        self._size += _size(message)
        while len(self._kept) > MOST_RECENT or self._size > MOST_RECENT_SIZE:
            self._drop(next(iter(self._kept)))

    def _drop(self, key: tuple[str, str]) -> None:
        if (old := self._kept.pop(key, None)) is not None:
            self._size -= _size(old)


def _size(message: Message) -> int:
    return sum(len(name) + len(value) for name, value in message.items())
