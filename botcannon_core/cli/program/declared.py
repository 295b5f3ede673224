"""The programs of a compose file, and what somebody typed for one of them.

Raises for people: an unknown name with a suggestion, wrong values all at once.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from botcannon_core.cannon.declared import COMPOSE_FILE
from botcannon_core.compose import document, nodes, reader
from botcannon_core.contract import ContractError
from botcannon_core.errors import ComposeError, Problem, UsageError, suggest
from botcannon_core.programs.fault import PlanError
from botcannon_core.programs.plan import resolve
from botcannon_core.programs.program import Plans, Program


def plans_of(file: str | None) -> Plans:
    """Every program that the compose file declares. Raises ComposeError with all that is wrong."""
    path = Path(file or COMPOSE_FILE)
    try:
        top = nodes.root(path, [])
    except document.Unusable as error:
        raise ComposeError([Problem(str(path), error.line, "", str(error))]) from None
    found = nodes.value(top, specs=True) if top is not None else None
    try:
        return resolve(found if isinstance(found, Mapping) else {})
    except PlanError as error:
        raise ComposeError(reader.read(path).problems) from error


def program_of(plans: Plans, name: str, verb: str) -> Program:
    """The program of that name. Raises UsageError."""
    if name not in plans.programs:
        known = list(plans.programs)
        hint = suggest(name, known) or f"; there are: {', '.join(known) or 'none'}"
        raise UsageError(f"{verb}: no program {name!r}{hint}")
    return plans.programs[name]


def services_of(plans: Plans, name: str) -> list[str]:
    """The services that run a program when they are asked to."""
    return [service for service, names in plans.services.items() if name in names]


def typed(program: Program, texts: Mapping[str, str], pool: str, verb: str) -> dict[str, Any]:
    """The args of a run: `--NAME=text` each, or `pool`, all of them as JSON (`-`: from stdin).

    Raises UsageError with everything that is wrong with them.
    """
    if pool and texts:
        beside = ", ".join(f"--{name}" for name in texts)
        raise UsageError(f"{verb}: --pool has all args, so {beside} cannot stand beside it")
    try:
        return program.args.check(_read(pool, verb)) if pool else program.args.from_texts(texts)
    except ContractError as error:
        wrong = [f"{verb}: --{problem}" for problem in error.problems]
        raise UsageError("\n".join(wrong)) from error


def _read(pool: str, verb: str) -> dict[str, Any]:
    try:
        found = json.loads(sys.stdin.read() if pool == "-" else pool)
    except ValueError as error:
        raise UsageError(f"{verb}: --pool is not valid JSON: {error}") from None
    if not isinstance(found, dict):
        raise UsageError(f"{verb}: --pool has to be a JSON object")
    return found
