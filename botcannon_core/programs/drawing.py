"""A program as a drawing: a tree of what runs in which order, for a terminal, and a Mermaid flowchart.

Pure: plans in, lines out. Not here: how a run of it goes (running), and who prints.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from botcannon_core.contract import Contract
from botcannon_core.programs.program import Action, Plans, Program

_NO_MARK = re.compile(r"[^A-Za-z0-9]")


@dataclass
class _Branch:
    """A step, or a program with what lies within it."""

    action: Action
    inner: list[_Branch] = field(default_factory=list)


def signature(program: Program) -> str:
    """What goes in and what comes out, in one line."""
    return f"{program.name}({_fields(program.args)}) -> {_fields(program.outputs) or 'nothing'}"


def tree(plans: Plans, name: str) -> list[str]:
    """All that a run does, from top to bottom; programs within are set in."""
    program = plans.programs[name]
    rows = list(_rows(plans, _branches(program.order)))
    width = max((len(left) for left, _ in rows), default=0)
    return [signature(program), *(f"{left:<{width}}   {right}".rstrip() for left, right in rows)]


def mermaid(plans: Plans, name: str) -> list[str]:
    """A flowchart in the words of Mermaid: solid arrows run, dotted ones undo."""
    order = plans.programs[name].order
    steps = [one for one in order if one.kind == "run"]
    return [
        "flowchart TD",
        *_boxes(plans, _branches(order), "    "),
        *(f"    {_arrow(plans, one, after)}" for one, after in pairwise(steps)),
        *_undone(plans, steps),
    ]


def short(plans: Plans, key: str) -> str:
    """What a step is called where its program is known."""
    of, _, times = key.partition("#")
    step = plans.steps.get(of)
    return f"{step.name if step else of}{f'#{times}' if times else ''}"


def _branches(order: Sequence[Action]) -> list[_Branch]:
    found: list[_Branch] = []
    within = [found]
    for action in order:
        if action.kind == "leave":
            within.pop()
        else:
            within[-1].append(_Branch(action))
        if action.kind == "enter":
            within.append(within[-1][-1].inner)
    return found


def _fields(contract: Contract) -> str:
    return ", ".join(
        f"{name}: {one.kind}{f' = {one.default}' if one.has_default else '' if one.required else '?'}"
        for name, one in contract.fields.items()
    )


# --- the tree --------------------------------------------------------------------------------------


def _rows(plans: Plans, branches: list[_Branch], bars: str = "") -> Iterator[tuple[str, str]]:
    for branch in branches:
        is_last = branch is branches[-1]
        name = short(plans, branch.action.key)
        yield f"{bars}{'└─' if is_last else '├─'} {name}", _about(plans, branch.action)
        yield from _rows(plans, branch.inner, bars + ("   " if is_last else "│  "))


def _about(plans: Plans, action: Action) -> str:
    if action.kind == "enter":
        return "program"
    step = plans.steps[action.of]
    told = [f"needed by {one}" for one in _needed_by(plans, action.of)]
    if action.undo:
        told.append(f"undo: {', '.join(short(plans, key) for key in action.undo)}")
    told += [word for word in ("idempotent", "pivot") if getattr(step, word)]
    return ", ".join(told)


def _needed_by(plans: Plans, key: str) -> list[str]:
    """Who needs a step that no program lists."""
    if any(key in one.steps for one in plans.programs.values()):
        return []
    return [short(plans, one.key) for one in plans.steps.values() if key in one.needs]


# --- the flowchart ---------------------------------------------------------------------------------


def _boxes(plans: Plans, branches: list[_Branch], indent: str) -> Iterator[str]:
    for branch in branches:
        mark, name = _mark(branch.action.key), short(plans, branch.action.key)
        if branch.action.kind == "enter":
            yield f'{indent}subgraph {mark}["{name}"]'
            yield from _boxes(plans, branch.inner, indent + "    ")
            yield f"{indent}end"
        else:
            is_pivot = plans.steps[branch.action.of].pivot
            yield f'{indent}{mark}{{{{"{name}"}}}}' if is_pivot else f'{indent}{mark}["{name}"]'


def _arrow(plans: Plans, one: Action, after: Action) -> str:
    label = "|needed by| " if one.of in plans.steps[after.of].needs else ""
    return f"{_mark(one.key)} --> {label}{_mark(after.key)}"


def _undone(plans: Plans, steps: list[Action]) -> Iterator[str]:
    undos = [(step, f"{_mark(key)}_undoes", key) for step in steps for key in step.undo]
    for mark, key in dict.fromkeys((mark, key) for _, mark, key in undos):
        yield f'    {mark}(["{short(plans, key)}"])'
    for step, mark, _ in undos:
        yield f"    {_mark(step.key)} -.->|undo| {mark}"


def _mark(key: str) -> str:
    """A name that Mermaid takes for one; `end` is a word of its own there."""
    return "s_" + _NO_MARK.sub(lambda found: f"_{ord(found[0]):x}_", key)
