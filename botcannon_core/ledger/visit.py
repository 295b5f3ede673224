"""A visit: somebody who puts messages into a service by hand and reads only the answers to those.

Intakes pass silently over what a visitor asked for. Not here: the service's own collector (the intake),
and how the answers are shown (cli).
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from botcannon_core.ledger.keys import Keys
from botcannon_core.ledger.line import Line


def visitor(kind: str) -> str:
    """A name for one visit, `send:4f1c09ab` say, that nobody else has."""
    return f"{kind}:{secrets.token_hex(4)}"


def put(line: Line, keys: Keys, asked_by: str, fields: Mapping[str, str]) -> str:
    """Store a message for a visitor, whatever the backlog; its id. Waits for the store."""
    words = [word for pair in fields.items() for word in pair]
    line.say("HINCRBY", keys.key("counts"), "stored", 1)
    return str(line.ask("XADD", keys.data, "*", *words, "_from", asked_by))
