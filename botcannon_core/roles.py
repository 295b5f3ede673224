"""The roles a user's class may play, and the words it may raise to end a message or a service.

The roles are protocols: a class plays one by having its method. Inheriting is allowed, not needed.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable, Mapping
from typing import Any, Protocol, runtime_checkable

from botcannon_core.message import Message
from botcannon_core.raised import Halt, Park, Retry, Skip

__all__ = ["Collector", "Halt", "Park", "Retry", "Skip", "Task"]


@runtime_checkable
class Collector(Protocol):
    """Where messages come from, and where their answers go.

    `read()` is asked again and again for an iterable (or async iterable) of flat `{str: str}`
    dicts; None, or an item that is None, means "no news". It is not asked again before everything
    it yielded is stored. Raise `Halt` when there will never be more; any other exception is a crash.

    A collector may also have `admit(fields)`, which says whether what it yielded may be stored: True,
    False, or, as a text, why not; then `taskback` gets that as the error of a message without an id.
    It is the place to turn away who asks too much. And, each sync or async:

    - `start()`: called once before the first `read()`.
    - `stored(message)`: the message is safely in the stream; acknowledge to the outside here.
    - `taskback(message)`: the answer to a message; see `Message.outcome` and `Message.error`.
    - `note(message)`: how far a message is, perhaps several times before its answer, see `Message.note`.
    - `close()`: called once at the end.

    An async one may have, not async, `doze()`: called before `start()`, it gives a descriptor. Until
    there is something to read from that, an answer or the end, the collector is let be, and the process
    has no event loop: it need not import what it has no use for yet. None: it will not doze.

    and as plain class attributes:

    - `many = True`: every instance reads, on any host, and each gets its own taskbacks. Without it
      one instance reads and the others stand by.
    - `every_outcome = True`: `taskback()` also sees the outcomes without results: for doors on
      which somebody waits.
    - `note_every = 10.0`: seconds between two notes about one message, for an outside where what was
      said cannot be changed.
    - `terminal = True`: it owns the terminal: it gets stdin, and its end ends `up`.
    """

    def read(
        self,
    ) -> Iterable[Mapping[str, str] | None] | AsyncIterable[Mapping[str, str] | None] | None:
        """The next messages, if there is news."""
        ...


@runtime_checkable
class Task(Protocol):
    """One link of the chain that runs for every message, in a worker process of its own."""

    def task(self, message: Message, results: dict[str, Any]) -> Any:
        """A dict to merge into `results` (or None); may be async."""
        ...
