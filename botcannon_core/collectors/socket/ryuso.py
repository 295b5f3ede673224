"""The same answer in the words of ryuso: the outputs, and on failure also members with `_` first.

Pure. A member with `_` first is always ours: what a client gave as metadata comes back under such a
name, but never in the place of one that says how it went.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botcannon_core.collectors.envelope import Envelope
from botcannon_core.collectors.socket.asked import Refused
from botcannon_core.contract import Contract, plain

SERVER_ERRORS = {
    "encoding": "Could not decode the message provided",
    "json": "Message provided was not valid JSON",
}


def of_refusal(refused: Refused) -> Envelope:
    """What a request that came to nothing is answered."""
    return {"_server_error": SERVER_ERRORS.get(refused.kind, refused.text)}


def of_run(
    envelope: Envelope,
    plans: Any,
    program: str,
    metadata: Mapping[str, Any],
    began: float,
) -> Envelope:
    """What a run of `program`, one of the `plans`, is answered; `began` in seconds since the epoch."""
    if envelope["ok"]:
        return dict(envelope["result"])
    error, left = envelope["error"], envelope.get("left")
    if error.get("kind") == "request":
        return {"_server_error": error["text"]}
    step = error.get("step") or ""
    return {
        **_defaults(plans.programs[program].outputs),
        **envelope.get("outputs", {}),
        **{f"_{name}": value for name, value in metadata.items()},
        "_error": error.get("text", ""),
        "_traceback": [one["step"] for one in envelope.get("trace", [])],
        "_program_name": program,
        "_program_time_start": int(began * 1000),
        "_program_fail": True,
        "_rectifier_fail": bool(left),
        "_dependency_fail": step in _needs(plans, program),
        "_last_failed_program": step,
        **({"_left": left} if left else {}),
    }


def _defaults(outputs: Contract) -> dict[str, Any]:
    return {name: plain(one.default) for name, one in outputs.fields.items() if one.has_default}


def _needs(plans: Any, name: str) -> set[str]:
    """The names of the steps of a program that run only because others need them."""
    within, found = [plans.programs[name].steps], set[str]()
    for action in plans.programs[name].order:
        if action.kind == "enter":
            within.append(plans.programs[action.of].steps)
        elif action.kind == "leave":
            within.pop()
        elif action.of not in within[-1]:
            found.add(plans.steps[action.of].name)
    return found
