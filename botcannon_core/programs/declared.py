"""The shapes of `programs:`, `steps:` and a service's `program:`, read from plain values into drafts.

A draft still names others as they were written. What is wrong is put down at its place, and reading goes
on. Not here: whom the names mean (plan), and the classes themselves (compose reads `file`, `entry`,
`conf` where a step's `place` says).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from botcannon_core.contract import Contract, fields
from botcannon_core.contract.problem import ContractError
from botcannon_core.errors import suggest
from botcannon_core.programs.fault import Spot
from botcannon_core.programs.program import Program, Step

PROGRAM = ("description", "args", "outputs", "steps", "lock")
SPEC = ("file", "entry", "conf")
STEP = (*SPEC, "args", "needs", "undo", "description", "idempotent", "pivot")

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,63}", re.ASCII)
_LOCKABLE = ("string", "int", "bool", "uuid")


@dataclass
class Drafts:
    """What was declared, by key, with the way to each name that stands for something else."""

    programs: dict[str, Program] = field(default_factory=dict)
    steps: dict[str, Step] = field(default_factory=dict)
    services: dict[str, tuple[str, ...]] = field(default_factory=dict)
    named: list[tuple[Spot, str]] = field(
        default_factory=list
    )  # names to be found, where they stand


def drafts(top: Spot) -> Drafts:
    """Everything that the document declares; its faults are put down at the spot."""
    document = top.value if isinstance(top.value, Mapping) else {}
    found = Drafts()
    for name, spot in _named(top.below("steps", document.get("steps", {}))):
        found.steps[name] = _step(spot, name, name, found)
    for name, spot in _named(top.below("programs", document.get("programs", {}))):
        if name in found.steps:
            spot.refuse(f"there is a step {name!r}, too; a name means one thing")
        found.programs[name] = _program(spot, name, found)
    services = document.get("services", {})
    for name, service in services.items() if isinstance(services, Mapping) else ():
        _service(top.below("services", services).below(name, service), name, found)
    return found


def places(document: Mapping[str, Any]) -> Iterator[tuple[str | int, ...]]:
    """The ways to all values that should name a class, however wrong the rest is."""
    found = drafts(Spot(document))
    yield from (step.place for step in found.steps.values())


# --- programs and services ---------------------------------------------------------------------------


def _program(spot: Spot, name: str, found: Drafts) -> Program:
    given = _mapping(spot, PROGRAM, required=("steps",))
    args = _contract(spot, given, "args")
    return Program(
        name,
        _text(spot, given, "description"),
        args,
        _contract(spot, given, "outputs"),
        _references(spot, given, "steps", name, found),
        _lock(spot, given, args),
    )


def _lock(spot: Spot, given: Mapping[str, Any], args: Contract) -> str | None:
    lock = _text(spot, given, "lock")
    if not lock:
        return None
    if lock not in args.fields:
        declared = given.get("args")
        if isinstance(declared, Mapping) and lock in declared:
            return None  # something else is wrong with it, and that is said already
        hint = suggest(lock, list(args.fields)) or "; it names the arg by whose value runs wait"
        spot.refuse(f"there is no arg {lock!r}{hint}", "lock")
        return None
    kind = str(args.fields[lock].kind)
    if kind not in _LOCKABLE and not kind.startswith("one of"):
        text = f"{lock!r} is {kind}; only a string, int, bool, uuid or one of some can be a lock"
        spot.refuse(text, "lock")
    return lock


def _service(spot: Spot, name: str, found: Drafts) -> None:
    given = spot.value if isinstance(spot.value, Mapping) else {}
    if "program" in given and "programs" in given:
        spot.refuse("either `program` or `programs`, not both", "programs")
    if "programs" in given:
        listed = spot.below("programs", given["programs"])
        names = tuple(_texts(listed, "the name of a program"))
        if not names and isinstance(given["programs"], list):
            listed.refuse("names no program; there must be at least one")
        for index, one in enumerate(names):
            found.named.append((listed.below(index, one), one))
        found.services[name] = names
    elif "program" in given:
        one = _text(spot, given, "program", blank=False)
        if one:
            found.named.append((spot.below("program", one), one))
            found.services[name] = (one,)


# --- steps -----------------------------------------------------------------------------------------


def _step(spot: Spot, key: str, name: str, found: Drafts, more: tuple[str, ...] = ()) -> Step:
    given = _mapping(spot, (*STEP, *more))
    # below a step that is written within a list, what it names is written within it, too
    owner = key.partition(".")[0]
    return Step(
        key,
        name,
        spot.steps,
        str(given.get("file", "")),
        str(given.get("entry", "")),
        _text(spot, given, "description"),
        _contract(spot, given, "args"),
        _references(spot, given, "needs", owner, found),
        _references(spot, given, "undo", owner, found),
        _switch(spot, given, "idempotent"),
        _switch(spot, given, "pivot"),
    )


def _references(
    spot: Spot, given: Mapping[str, Any], key: str, owner: str, found: Drafts
) -> tuple[str, ...]:
    """The steps and programs in a list, by key; a step written there becomes one of its own."""
    listed = spot.below(key, given.get(key, []))
    if not isinstance(listed.value, list):
        listed.refuse(f"must be a list of steps, is {_kind(listed.value)}")
        return ()
    if key == "steps" and "steps" in given and not listed.value:
        listed.refuse("names no step; there must be at least one")
    each = [listed.below(index, value) for index, value in enumerate(listed.value)]
    return tuple(ref for one in each if (ref := _reference(one, owner, found)))


def _reference(spot: Spot, owner: str, found: Drafts) -> str:
    if isinstance(spot.value, str):
        found.named.append((spot, spot.value))
        return spot.value
    if not isinstance(spot.value, Mapping):
        spot.refuse(f"must be the name of a step or program, or a step, is {_kind(spot.value)}")
        return ""
    for word in ("program", "step"):
        if word in spot.value:
            given = _mapping(spot, (word,))
            name = _text(spot, given, word, blank=False)
            if name:
                found.named.append((spot.below(word, name), name))
            return name
    return _inline(spot, owner, found)


def _inline(spot: Spot, owner: str, found: Drafts) -> str:
    given = spot.value if isinstance(spot.value, Mapping) else {}
    name = _text(spot, given, "name") or str(given.get("entry", "")) or f"{len(found.steps)}"
    if not _NAME.fullmatch(name):
        spot.refuse("a name is made of letters, digits, _ and -, at most 64, and no - first")
    key = f"{owner}.{name}"
    if key in found.steps:
        spot.refuse(f"{owner!r} has a step {name!r} already; give this one a `name` of its own")
        key = f"{key}.{len(found.steps)}"
    found.steps[key] = Step(
        key, name, spot.steps
    )  # first of all, so that nobody below takes its name
    found.steps[key] = replace(_step(spot, key, name, found, more=("name",)), name=name)
    return key


# --- values ----------------------------------------------------------------------------------------


def _named(spot: Spot) -> Iterator[tuple[str, Spot]]:
    """Each part of a mapping whose name can be one."""
    if not isinstance(spot.value, Mapping):
        spot.refuse(f"must be a mapping of names, is {_kind(spot.value)}")
        return
    for name, value in spot.value.items():
        below = spot.below(name, value)
        if isinstance(name, str) and _NAME.fullmatch(name):
            yield name, below
        else:
            below.refuse("a name is made of letters, digits, _ and -, at most 64, and no - first")


def _mapping(
    spot: Spot, known: tuple[str, ...], required: tuple[str, ...] = ()
) -> Mapping[str, Any]:
    if not isinstance(spot.value, Mapping):
        spot.refuse(f"must be a mapping, is {_kind(spot.value)}")
        return {}
    for key in spot.value:
        if key not in known:
            hint = suggest(str(key), known) or f"; there are {', '.join(known)}"
            spot.refuse(f"unknown key{hint}", key)
    for key in required:
        if key not in spot.value:
            spot.refuse(f"lacks the key {key!r}")
    return spot.value


def _contract(spot: Spot, given: Mapping[str, Any], key: str) -> Contract:
    declared = given.get(key, {})
    below = spot.below(key, declared)
    if not isinstance(declared, Mapping):
        below.refuse(f"must be a mapping of names to types, is {_kind(declared)}")
        return Contract({})
    try:
        return fields(declared)
    except ContractError as error:
        below.take_over(error)
        return Contract({})


def _text(spot: Spot, given: Mapping[str, Any], key: str, blank: bool = True) -> str:
    value = given.get(key, "" if blank else None)
    if isinstance(value, str) and (blank or value.strip()):
        return value
    spot.below(key, value).refuse(f"must be text, is {_kind(value)}")
    return ""


def _texts(spot: Spot, wanted: str) -> Iterator[str]:
    if not isinstance(spot.value, list):
        spot.refuse(f"must be a list, is {_kind(spot.value)}")
        return
    for index, value in enumerate(spot.value):
        if isinstance(value, str):
            yield value
        else:
            spot.refuse(f"must be {wanted}, is {_kind(value)}", index)


def _switch(spot: Spot, given: Mapping[str, Any], key: str) -> bool:
    value = given.get(key, False)
    if not isinstance(value, bool):
        spot.refuse(f"must be true or false, is {_kind(value)}", key)
        return False
    return value


def _kind(value: object) -> str:
    if value is None or value == "":
        return "empty"
    known: tuple[tuple[Any, str], ...] = (
        (bool, "true or false"),
        (str, "text"),
        (Mapping, "a mapping"),
        (list, "a list"),
        ((int, float), "a number"),
    )
    return next((name for types, name in known if isinstance(value, types)), "something else")
