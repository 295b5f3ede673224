"""Who is there: what each launcher says of the processes of a service, for `ps` and for people.

Written by launchers every few seconds and at each change; an entry that is not renewed is over. It
decides nothing: leases do.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass, fields
from typing import Any

from botcannon_core.ledger.keys import Keys
from botcannon_core.ledger.line import Line

FRESH_SECONDS = 15.0
RENEW_SECONDS = 5.0


@dataclass(frozen=True)
class Presence:
    """One process of a service: its launcher's life, which part it is, and how it is."""

    life: str
    service: str
    part: str
    state: str
    pid: int = 0
    since: float = 0.0
    restarts: int = 0
    note: str = ""
    until: float = 0.0

    @property
    def host(self) -> str:
        """The host it runs on."""
        return self.life.rsplit(":", 2)[0]


def announce(line: Line, keys: Keys, one: Presence) -> None:
    """Say how a process is, for the next seconds."""
    text = json.dumps({**asdict(one), "until": time.time() + FRESH_SECONDS})
    line.say("HSET", keys.key("presence"), f"{one.life}|{one.part}", text)


def withdraw(line: Line, keys: Keys, life: str, part: str) -> None:
    """Say that a process is no more."""
    line.say("HDEL", keys.key("presence"), f"{life}|{part}")


def present(client: Any, keys: Keys) -> list[Presence]:
    """Everyone who has said so lately, sorted by host and part."""
    found = [_understood(text) for text in client.hvals(keys.key("presence"))]
    now = time.time()
    fresh = [one for one in found if one is not None and one.until > now]
    return sorted(fresh, key=lambda one: (one.host, one.part))


def _understood(text: str) -> Presence | None:
    """What was said, perhaps by another version: whatever more it says is passed over."""
    try:
        said = dict(json.loads(text))
        return Presence(
            **{one.name: said[one.name] for one in fields(Presence) if one.name in said}
        )
    except (ValueError, TypeError):
        return None
