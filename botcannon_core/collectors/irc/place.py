"""Where a bot is on IRC, and how fast it may speak there. Only values: the connection is the link's."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """Where to be, under which name, and how fast to speak there.

    The first `burst` lines go out at once, then one every `pause` seconds.
    """

    server: str
    port: int
    nick: str
    channels: tuple[str, ...] = ()
    tls: bool = True
    ca_file: str | None = None
    account: str = ""
    password: str = ""
    server_password: str = ""
    burst: int = 5
    pause: float = 1.0


class Pace:
    """When the next line may be said: `burst` at once, then one every `pause` seconds."""

    def __init__(self, burst: int, pause: float) -> None:
        self._ahead = burst * pause
        self._pause = pause
        self._paid = float("-inf")  # until when what was said is paid for

    def wait(self, now: float) -> float:
        """How many seconds to wait from `now` until one more line is all right; it counts as said."""
        self._paid = max(self._paid, now) + self._pause
        return max(0.0, self._paid - self._ahead - now)
