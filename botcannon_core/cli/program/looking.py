"""The actions that show programs and run nothing: ls, show and graph."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal

from botcannon_core.cli.program.declared import plans_of, program_of, services_of
from botcannon_core.cli.tables import Column, Format
from botcannon_core.cli.tables import show as show_rows
from botcannon_core.contract import Contract, plain
from botcannon_core.programs.drawing import mermaid, short, tree
from botcannon_core.programs.program import Plans, Program


@dataclass(frozen=True)
class Row:
    """One program in a list."""

    program: str
    services: list[str]
    args: dict[str, str]
    outputs: dict[str, str]
    steps: list[str]
    description: str


LS: tuple[Column, ...] = (
    ("PROGRAM", lambda row: row.program),
    ("SERVICES", lambda row: ", ".join(row.services)),
    ("TAKES", lambda row: ", ".join(row.args)),
    ("GIVES", lambda row: ", ".join(row.outputs)),
    ("STEPS", lambda row: ", ".join(row.steps)),
    ("DESCRIPTION", lambda row: row.description),
)


def ls(*, format: Format = "text", file: str | None = None) -> None:  # noqa: A002 - the option's name
    """List the programs that are declared, and the services that run them."""
    plans = plans_of(file)
    rows = [_row(plans, one) for one in plans.programs.values()]
    show_rows(rows, LS, "no programs are declared", format)


def show(
    name: str,
    /,
    *,
    format: Format = "text",  # noqa: A002 - the option's name
    file: str | None = None,
) -> None:
    """Show the program NAME: what it takes and gives, and all its steps in their order."""
    plans = plans_of(file)
    program = program_of(plans, name, "program show")
    if format == "json":
        print(json.dumps(_told(plans, program), ensure_ascii=False, indent=2))
        return
    if program.description:
        print(f"{program.description}\n")
    print("\n".join(tree(plans, name)))
    for title, contract in (("takes", program.args), ("gives", program.outputs)):
        if contract.fields:
            print(f"\n{title}")
            print("\n".join(f"  {line}" for line in _fields(contract)))
    if program.lock:
        print(f"\none at a time for each {program.lock}")
    print(f"\nrun by: {', '.join(services_of(plans, name)) or 'no service'}")


def graph(
    name: str,
    /,
    *,
    format: Literal["text", "mermaid"] = "text",  # noqa: A002 - the option's name
    file: str | None = None,
) -> None:
    """Draw the program NAME; --format=mermaid writes a flowchart that many pages can show."""
    plans = plans_of(file)
    program_of(plans, name, "program graph")
    print("\n".join(mermaid(plans, name) if format == "mermaid" else tree(plans, name)))


def _row(plans: Plans, program: Program) -> Row:
    return Row(
        program.name,
        services_of(plans, program.name),
        _kinds(program.args),
        _kinds(program.outputs),
        [short(plans, key) for key in program.steps],
        program.description,
    )


def _kinds(contract: Contract) -> dict[str, str]:
    return {name: str(one.kind) for name, one in contract.fields.items()}


def _fields(contract: Contract) -> list[str]:
    width = max(map(len, contract.fields))
    lines = []
    for name, one in contract.fields.items():
        default = f", by default {json.dumps(plain(one.default))}" if one.has_default else ""
        may = "" if one.required or one.has_default else ", may be left out"
        about = f"   {one.description}" if one.description else ""
        lines.append(f"{name:<{width}}   {one.kind}{default}{may}{about}")
    return lines


def _told(plans: Plans, program: Program) -> dict[str, Any]:
    return {
        "program": program.name,
        "description": program.description,
        "services": services_of(plans, program.name),
        "lock": program.lock,
        "args": program.args.json_schema(),
        "outputs": program.outputs.json_schema(),
        "order": [
            {"kind": one.kind, "key": one.key, "undo": list(one.undo)} for one in program.order
        ],
        "steps": {one.of: _step(plans, one.of) for one in program.order if one.kind == "run"},
    }


def _step(plans: Plans, key: str) -> dict[str, Any]:
    step = plans.steps[key]
    return {
        "file": step.file,
        "entry": step.entry,
        "description": step.description,
        "args": step.args.json_schema(),
        "needs": list(step.needs),
        "undo": list(step.undo),
        "idempotent": step.idempotent,
        "pivot": step.pivot,
    }
