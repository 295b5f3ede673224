"""A ryuso specification: its JSON text as typed values, or everything that is wrong with it.

Stricter than ryuso itself, which lets unknown keys, cycles and misspelt outputs through. Not here: what
botcannon makes of it (entries, stubs).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from botcannon_core.contract import ContractError, fields
from botcannon_core.errors import CannonError, suggest
from botcannon_core.programs.fault import Fault, Spot

TOP = ("name", "version", "programs", "hooks")
PROGRAM = ("description", "hooks", "args", "outputs")
HOOK = ("reference", "description", "args", "dependencies", "rectifiers")
ARG = ("type", "required", "default", "description")
TYPES = {
    "string": "string",
    "str": "string",
    "int": "int",
    "float": "float",
    "bool": "bool",
    "list": "list",
    "dict": "dict",
}
"""Its types, each with ours."""

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9 _-]{0,63}", re.ASCII)
_ASKED_FOR = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,63}", re.ASCII)


class SpecError(CannonError):
    """The specification cannot be imported; `faults` names every reason."""

    exit_code = 2

    def __init__(self, source: str, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        told = (f"{fault}" if fault.steps else fault.text for fault in self.faults)
        super().__init__("\n".join(f"{source}: {line}" for line in told))


@dataclass(frozen=True)
class Ref:
    """What a list names at an index: a program, or else a hook."""

    name: str
    is_program: bool = False
    at: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Hook:
    """A function with what runs before it and what undoes it."""

    name: str
    reference: tuple[str, ...]
    description: str = ""
    args: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    dependencies: tuple[Ref, ...] = ()
    rectifiers: tuple[Ref, ...] = ()


@dataclass(frozen=True)
class Program:
    """Hooks in order, what goes in, what comes out; args and outputs as botcannon declares them."""

    name: str
    description: str = ""
    args: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    outputs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    hooks: tuple[Ref, ...] = ()


@dataclass(frozen=True)
class Spec:
    """A whole specification."""

    name: str
    programs: Mapping[str, Program]
    hooks: Mapping[str, Hook]


def read(text: str, top: Spot) -> Spec:
    """What a specification says; its faults are put down at `top`."""
    given = _mapping(_parsed(text, top), TOP, ("name", "programs", "hooks"))
    name = given.get("name", "")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        if "name" in given:
            top.refuse("must be made of letters, digits, spaces, _ and -, at most 64", "name")
        name = "program"
    hooks = {one: _hook(spot, one) for one, spot in _named(top, given, "hooks")}
    programs = {one: _program(spot, one) for one, spot in _named(top, given, "programs")}
    for asked in programs:
        if not _ASKED_FOR.fullmatch(asked):
            wanted = "clients ask for a program by its name: letters, digits, _ and - only"
            top.refuse(wanted, "programs", asked)
    spec = Spec(name, programs, hooks)
    _unknown(spec, top)
    _twice(spec, top)
    return spec


def with_known_names(spec: Spec) -> Spec:
    """The specification without the references that lead nowhere."""

    def known(refs: Iterable[Ref]) -> tuple[Ref, ...]:
        return tuple(r for r in refs if r.name in (spec.programs if r.is_program else spec.hooks))

    programs = {n: replace(one, hooks=known(one.hooks)) for n, one in spec.programs.items()}
    hooks = {
        name: replace(one, dependencies=known(one.dependencies), rectifiers=known(one.rectifiers))
        for name, one in spec.hooks.items()
    }
    return replace(spec, programs=programs, hooks=hooks)


# --- its parts ---------------------------------------------------------------------------------------


def _program(spot: Spot, name: str) -> Program:
    given = _mapping(spot, PROGRAM, ("hooks", "args", "outputs"))
    hooks = _refs(spot, given, "hooks")
    if given.get("hooks") == []:
        spot.refuse("names no hook; there must be at least one", "hooks")
    said = _text(spot, given, "description")
    return Program(name, said, _args(spot, given, "args"), _args(spot, given, "outputs"), hooks)


def _hook(spot: Spot, name: str) -> Hook:
    given = _mapping(spot, HOOK, ("reference", "args"))
    return Hook(
        name,
        _reference(spot, given),
        _text(spot, given, "description"),
        _args(spot, given, "args"),
        _refs(spot, given, "dependencies"),
        _refs(spot, given, "rectifiers"),
    )


def _reference(spot: Spot, given: Mapping[str, Any]) -> tuple[str, ...]:
    said = _text(spot, given, "reference")
    parts = tuple(said.split("."))
    if "reference" in given and not all(part.isidentifier() for part in parts):
        text = "must be the way to a function, as shop.hooks.stock.reserve"
        spot.refuse(text, "reference")
    return parts


def _refs(spot: Spot, given: Mapping[str, Any], key: str) -> tuple[Ref, ...]:
    listed = given.get(key, [])
    if not isinstance(listed, list):
        spot.refuse(f"must be a list of names, is {_kind(listed)}", key)
        return ()
    found = []
    for at, said in enumerate(listed):
        of, _, name = said.partition(".") if isinstance(said, str) else ("", "", "")
        if of in ("hooks", "programs") and name:
            found.append(Ref(name, of == "programs", at))
        else:
            spot.refuse("must be written as `hooks.NAME` or `programs.NAME`", key, at)
    return tuple(found)


def _args(spot: Spot, given: Mapping[str, Any], key: str) -> dict[str, dict[str, Any]]:
    """The args as botcannon declares them; a default is checked by its own rules."""
    found = {name: _arg(one) for name, one in _named(spot, given, key)}
    try:
        fields(found)
    except ContractError as error:
        for problem in error.problems:
            spot.refuse(problem.text, key, *problem.steps)
    return found


def _arg(spot: Spot) -> dict[str, Any]:
    given = _mapping(spot, ARG, ("type", "required"))
    said, required = given.get("type"), given.get("required", True)
    if "type" in given and (not isinstance(said, str) or said not in TYPES):
        hint = suggest(str(said), list(TYPES)) or f"; there are {', '.join(TYPES)}"
        spot.refuse(f"is no type{hint}", "type")
    if not isinstance(required, bool):
        spot.refuse(f"must be true or false, is {_kind(required)}", "required")
    found: dict[str, Any] = {"type": TYPES.get(str(said), "any")}
    if "default" in given:  # filled in whenever nothing is given, required or not
        found["default"] = given["default"]
    else:
        found["required"] = required is not False
    if said := _text(spot, given, "description"):
        found["description"] = said
    return found


# --- what only the whole shows ---------------------------------------------------------------------


def _unknown(spec: Spec, top: Spot) -> None:
    for way, ref in _all_refs(spec):
        known = list(spec.programs if ref.is_program else spec.hooks)
        if ref.name not in known:
            what = "program" if ref.is_program else "hook"
            top.refuse(f"no {what} {ref.name!r}{suggest(ref.name, known)}", *way)


def _all_refs(spec: Spec) -> Iterable[tuple[tuple[str | int, ...], Ref]]:
    for name, program in spec.programs.items():
        yield from ((("programs", name, "hooks", ref.at), ref) for ref in program.hooks)
    for name, hook in spec.hooks.items():
        for key, refs in (("dependencies", hook.dependencies), ("rectifiers", hook.rectifiers)):
            yield from ((("hooks", name, key, ref.at), ref) for ref in refs)


def _twice(spec: Spec, top: Spot) -> None:
    seen: dict[tuple[str, ...], str] = {}
    for name, hook in spec.hooks.items():
        first = seen.setdefault(hook.reference, name)
        if first != name and hook.reference != ("",):
            top.refuse(f"is the reference of {first!r} already", "hooks", name, "reference")


# --- values ------------------------------------------------------------------------------------------


def _parsed(text: str, top: Spot) -> Spot:
    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        names = [name for name, _ in found]
        for name in sorted({name for name in names if names.count(name) > 1}):
            top.refuse(f"the key {name!r} stands twice in one object")
        return dict(found)

    try:
        return Spot(json.loads(text, object_pairs_hook=pairs), (), top.faults)
    except RecursionError:
        top.refuse("is nested too deeply")
    except ValueError as error:
        top.refuse(f"is no valid JSON: {error}")
    return Spot(None, (), [])  # what it lacks need not be told


def _mapping(spot: Spot, known: tuple[str, ...], required: tuple[str, ...]) -> Mapping[str, Any]:
    if not isinstance(spot.value, dict):
        spot.refuse(f"must be an object, is {_kind(spot.value)}")
        return {}
    for key in spot.value:
        if key not in known:
            hint = suggest(key, known) or f"; there are {', '.join(known)}"
            spot.refuse(f"unknown key{hint}", key)
    for key in required:
        if key not in spot.value:
            spot.refuse(f"lacks the key {key!r}")
    return spot.value


def _named(spot: Spot, given: Mapping[str, Any], key: str) -> Iterable[tuple[str, Spot]]:
    below = spot.below(key, given.get(key, {}))
    if not isinstance(below.value, dict):
        below.refuse(f"must be an object, is {_kind(below.value)}")
        return
    for name, value in below.value.items():
        one = below.below(name, value)
        if key in ("hooks", "programs") and not _NAME.fullmatch(name):
            one.refuse("a name is made of letters, digits, spaces, _ and -, at most 64")
        yield name, one


def _text(spot: Spot, given: Mapping[str, Any], key: str) -> str:
    value = given.get(key, "")
    if not isinstance(value, str):
        spot.refuse(f"must be text, is {_kind(value)}", key)
        return ""
    return " ".join(value.split()) if key == "description" else value


def _kind(value: object) -> str:
    known: tuple[tuple[Any, str], ...] = (
        (bool, "true or false"),
        (str, "text"),
        (dict, "an object"),
        (list, "a list"),
        ((int, float), "a number"),
    )
    return next((name for types, name in known if isinstance(value, types)), "null")
