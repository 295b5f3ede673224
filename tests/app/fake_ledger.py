"""A ledger for tests: the messages it is given, and a clock that passes only in sleep()."""

from __future__ import annotations

import json
from collections.abc import Callable

from botcannon_core import Message

READING = {
    "cpu": "25.0",
    "cpu_cores": "[10.0, 40.0]",
    "memory": "50.0",
    "memory_used": str(8 * 1024**3),
    "memory_total": str(16 * 1024**3),
    "swap": "0.0",
    "load_1": "0.50",
    "load_5": "0.25",
    "load_15": "0.10",
    "disk_read": "0",
    "disk_write": "2048",
    "net_received": "3145728",
    "net_sent": "512",
    "top": json.dumps([{"pid": 42, "name": "python", "cpu": 90.0, "memory": 52_428_800}]),
}


class FakeLedger:
    """Holds messages of any service, and the time."""

    def __init__(self, time: float = 1_000_000.0) -> None:
        self.time = time
        self.messages: list[Message] = []
        self.asked: set[str] = set()
        self.while_sleeping: Callable[[], None] = lambda: None

    def add(self, age: float, **fields: str) -> None:
        """A reading of `age` seconds ago."""
        moment = f"{int((self.time - age) * 1000)}-0"
        self.messages.append(Message({**READING, **fields}, moment, "sensors"))

    def latest(self, service: str) -> Message | None:
        """The newest message."""
        self.asked.add(service)
        return self.messages[-1] if self.messages else None

    def last(self, service: str, seconds: float) -> list[Message]:
        """The messages of the last so many seconds."""
        self.asked.add(service)
        return [m for m in self.messages if m.time >= self.time - seconds]

    def sample(self, service: str, seconds: float, points: int) -> list[Message]:
        """Every so-manyth of them."""
        every = self.last(service, seconds)
        return every[:: max(1, len(every) // points)]

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.time += seconds
        self.while_sleeping()
