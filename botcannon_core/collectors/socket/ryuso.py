"""The same answer in the words of ryuso: outputs alone on success, members with `_` first on failure.

Pure. A member with `_` first is always ours: what a client gave as metadata comes back under such a
name, but never in the place of one that says how it went.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botcannon_core.collectors.envelope import Envelope
from botcannon_core.collectors.socket.asked import Refused

SERVER_ERRORS = {
    "encoding": "Could not decode the message provided",
    "json": "Message provided was not valid JSON",
}


def of_refusal(refused: Refused) -> Envelope:
    """What a request that came to nothing is answered."""
    return {"_server_error": SERVER_ERRORS.get(refused.kind, refused.text)}


def of_run(
    envelope: Envelope,
    program: str,
    metadata: Mapping[str, Any],
    began: float,
    needs: frozenset[str],
) -> Envelope:
    """What a run of `program` is answered; `needs` are the steps that only run for another's sake.

    `began` in seconds since the epoch.
    """
    if envelope["ok"]:
        return dict(envelope["result"])
    error, left = envelope["error"], envelope.get("left")
    if error.get("kind") == "request":
        return {"_server_error": error["text"]}
    step = error.get("step") or ""
    return {
        **{f"_{name}": value for name, value in metadata.items()},
        "_error": error.get("text", ""),
        "_traceback": [one["step"] for one in envelope.get("trace", [])],
        "_program_name": program,
        "_program_time_start": int(began * 1000),
        "_program_fail": True,
        "_rectifier_fail": bool(left),
        "_dependency_fail": step in needs,
        "_last_failed_program": step,
        **({"_left": left} if left else {}),
    }


def needs(plans: Any, name: str) -> frozenset[str]:
    """The names of the steps of a program that run only because others need them."""
    within, found = [plans.programs[name].steps], set[str]()
    for action in plans.programs[name].order:
        if action.kind == "enter":
            within.append(plans.programs[action.of].steps)
        elif action.kind == "leave":
            within.pop()
        elif action.of not in within[-1]:
            found.add(plans.steps[action.of].name)
    return frozenset(found)
