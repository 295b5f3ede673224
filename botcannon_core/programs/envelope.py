"""The answer of a program in one JSON document: what it gave, or what failed and what was done about it.

    {"ok": true,  "program": "buy", "result": {...}}
    {"ok": false, "program": "buy", "error": {"kind", "step", "text"}, "trace": [...], ...}

Only botcannon writes it; nothing in it comes from a client but its metadata, under that name. Not here:
how a door shows it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from botcannon_core import contract
from botcannon_core.contract import ContractError

ErrorKind = Literal["request", "args", "step", "outputs", "killed", "changed"]


def done(
    program: str, result: Mapping[str, Any], trace: Iterable[Mapping[str, Any]] | None = None
) -> str:
    """The answer of a run that did all its steps: its outputs, and its trace only if asked for."""
    body = {"ok": True, "program": program, "result": dict(result)}
    return contract.pack(body | ({} if trace is None else {"trace": list(trace)}))


def failed(
    program: str,
    error: Mapping[str, Any],
    metadata: Mapping[str, Any],
    trace: Iterable[Mapping[str, Any]] = (),
    **more: Any,
) -> str:
    """The answer of a run that failed; `more` that is empty is left out."""
    body = {"ok": False, "program": program, "error": error, "trace": list(trace)}
    body |= {name: value for name, value in more.items() if value}
    return contract.pack(body | ({"metadata": metadata} if metadata else {}))


def error(
    kind: ErrorKind, text: str, step: str = "", problems: ContractError | None = None
) -> dict[str, Any]:
    """What went wrong, in one line and in which step; `problems` with their paths, if it was a check."""
    found: dict[str, Any] = {"kind": kind, "step": step, "text": text}
    if problems is not None:
        found["problems"] = [{"path": one.path, "text": one.text} for one in problems.problems]
    return found


def told(problems: ContractError) -> str:
    """All problems of a check in one line."""
    return "; ".join(str(problem) for problem in problems.problems)
