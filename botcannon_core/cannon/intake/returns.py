"""Returns: the taskbacks that come home to this intake, each until it was taken or put aside.

It reads the taskback stream through the service's group, passes silently over what belongs to somebody
else (a `send`, a `chat`) or needs no answer, and acknowledges what the collector has taken. What a
killed intake held comes again, marked `redelivered`.
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from typing import Any

from botcannon_core.cannon.chain import Ended
from botcannon_core.ledger import stream
from botcannon_core.ledger.keys import Keys
from botcannon_core.ledger.line import Line, Refused
from botcannon_core.ledger.store import Store
from botcannon_core.ledger.stream import Entry, Reader
from botcannon_core.message import Message

AT_ONCE = 100  # taskbacks asked for together
VISITORS = ("send:", "chat:")  # those who read only their own answer, by themselves


@dataclass(frozen=True)
class Return:
    """A taskback on its way to the collector, and its entry in the stream."""

    entry: str
    message: Message


class Returns:
    """What comes home to one life of an intake."""

    def __init__(
        self, store: Store, keys: Keys, line: Line, life: str, every_outcome: bool
    ) -> None:
        self._keys = keys
        self._line = line
        self._life = life
        self._every_outcome = every_outcome
        self.reader = Reader(store, keys.taskback, stream.INTAKE, life)
        self.waiting: deque[Return] = deque()
        self._inherit()

    def ask(self) -> None:
        """Ask for more, unless a question is out or enough is at hand."""
        if not self.reader.is_asked and len(self.waiting) < AT_ONCE:
            self.reader.ask(AT_ONCE)

    def hear(self) -> None:
        """Sort what has come: for the collector, or acknowledged at once."""
        was_draining = self.reader.is_draining
        for entry in self.reader.hear():
            self._sort(entry, was_draining)
        self.ask()

    def done(self, one: Return) -> None:
        """The collector has taken it."""
        stream.acknowledge(self._line, self._keys.taskback, stream.INTAKE, one.entry)

    def put_aside(self, one: Return, ended: Ended, host: str) -> None:
        """The collector could not take it: into `dead`, from where it can be delivered again."""
        told = {"_error": ended.error, "_error_id": ended.error_id, "_trace": ended.trace}
        fields = {**one.message, **told, "_what": "taskback", "_host": host, "_id": one.message.id}
        words = [word for pair in fields.items() for word in pair]
        self._line.say("XADD", self._keys.dead, "*", *words, "_time", f"{time.time():.3f}")
        self.done(one)

    def are_home(self) -> bool:
        """True when nothing is on its way. Waits for the store."""
        return not self.waiting and stream.is_settled(
            self._line, self._keys.taskback, stream.INTAKE
        )

    def _sort(self, entry: Entry, redelivered: bool) -> None:
        message = Message(
            entry.fields, entry.fields.get("_id", ""), self._keys.service, redelivered
        )
        wanted = message.outcome == "parked" or "_empty" not in message
        if message.outcome == "skipped":
            wanted = False
        visitor = message.get("_from", "").startswith(VISITORS)
        if visitor or not (wanted or self._every_outcome):
            stream.acknowledge(self._line, self._keys.taskback, stream.INTAKE, entry.id)
        else:
            self.waiting.append(Return(entry.id, message))

    def _inherit(self) -> None:
        """Take over what earlier lives held: only one intake of a service reads at a time."""

        def adopted(answer: Any) -> None:
            for entry in [] if isinstance(answer, Refused) else stream.entries(answer):
                self._sort(entry, redelivered=True)

        def consumers(answer: Any) -> None:
            for words in [] if isinstance(answer, Refused) else answer:
                name = dict(zip(words[::2], words[1::2], strict=True))["name"]
                if name != self._life:
                    args = (stream.INTAKE, self._life, name, 1_000_000)
                    self._line.run("adopt", (self._keys.taskback,), *args, then=adopted)

        words = ("XINFO", "CONSUMERS", self._keys.taskback, stream.INTAKE)
        self._line.say(*words, then=consumers)
