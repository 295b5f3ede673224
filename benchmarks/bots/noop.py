"""The no-op tasks of the benchmarks, and the smallest shell."""

from typing import Any

from botcannon_core import Message


class Noop:
    """Does nothing; its message still has an outcome, which is written as a taskback."""

    def task(self, message: Message, results: dict[str, Any]) -> None:
        """Do nothing."""


class Pong:
    """Gives a result, so that the taskback goes to the collector that asked."""

    def task(self, message: Message, results: dict[str, Any]) -> dict[str, str]:
        """Answer."""
        return {"ok": "yes"}


class Shell:
    """A bot with one command."""

    def hello(self) -> str:
        """Greet."""
        return "Hello!"
