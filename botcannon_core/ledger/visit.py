"""A visit: somebody who puts messages into a service by hand and reads only the answers to those.

Intakes pass silently over what a visitor asked for. Not here: the service's own collector (the intake),
and how the answers are shown (cli).
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from botcannon_core.ledger.admission import Admitted, Gate, admit
from botcannon_core.ledger.keys import Keys
from botcannon_core.ledger.line import Line


def visitor(kind: str) -> str:
    """A name for one visit, `send:4f1c09ab` say, that nobody else has."""
    return f"{kind}:{secrets.token_hex(4)}"


def put(line: Line, keys: Keys, gate: Gate, asked_by: str, fields: Mapping[str, str]) -> Admitted:
    """Ask for a visitor's message to be stored, under the service's own rules. Waits for the store.

    It never waits for room: a full backlog is the answer. Said again after a cut it is stored once.
    """
    answers: list[list[Admitted]] = []
    mine = {**fields, "_from": asked_by}
    admit(line, keys, gate, secrets.token_hex(8), 1, [mine], answers.append)
    line.ask("PING")  # heard after the admission
    line.flush()  # what the admission has led to
    return answers[0][0]
