"""A tiny intake for tests: asks a collector as the real one does, and answers its messages."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from botcannon_core.message import Message
from botcannon_core.roles import Halt

Answer = Callable[[Message], dict[str, str]]


class FakeIntake:
    """Stores what a collector yields in a list, and gives each message the answer it is told to."""

    def __init__(self, collector: Any, answer: Answer | None = None, answer_first: bool = False):
        self.collector = collector
        self.messages: list[Message] = []
        self.turned_away = 0
        self.notes: list[str] = []  # told of each message before its answer
        self._answer = answer
        self._answer_first = answer_first

    async def turn(self) -> None:
        """One call of read(), all it yields stored and answered, one after the other."""
        async for fields in self.collector.read():
            verdict = self._admit(fields) if fields else False
            if verdict is True:
                await self._take(self._stored(fields))
            elif verdict:
                refused = {**fields, "_outcome": "parked", "_error": verdict}
                await self._call("taskback", Message(refused))

    async def _take(self, message: Message) -> None:
        if self._answer_first:
            await self._taskback(message)
        await self._call("stored", message)
        if not self._answer_first:
            await self._taskback(message)

    async def run(self) -> list[Message]:
        """Turn until the collector halts; what it said."""
        try:
            while True:
                await self.turn()
        except Halt:
            await self._call("close")
        return self.messages

    def _admit(self, fields: dict[str, str]) -> bool | str:
        verdict: bool | str = getattr(self.collector, "admit", lambda _: True)(fields)
        self.turned_away += verdict is not True
        return verdict

    def _stored(self, fields: dict[str, str]) -> Message:
        message = Message(fields, f"{1000 + len(self.messages)}-0", "chat")
        self.messages.append(message)
        return message

    async def _taskback(self, message: Message) -> None:
        for text in self.notes:
            await self._call("note", Message({**message, "_note": text}, message.id, "chat"))
        if self._answer is not None:
            fields = {**message, **self._answer(message)}
            await self._call("taskback", Message(fields, message.id, "chat"))

    async def _call(self, hook: str, *words: Any) -> None:
        method = getattr(self.collector, hook, None)
        answer = method(*words) if method else None
        if inspect.isawaitable(answer):
            await answer
