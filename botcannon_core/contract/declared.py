"""Fields as people declare them, in YAML or in Python, become a contract; every mistake is told at once.

    item: string                                        the type as short text
    qty: {type: int, default: 1, description: how many} with what there is to say about it
    to: {fields: {street: string, city: string}}        a mapping with names of its own
    lines: {type: list, of: {fields: {...}}}            a list, set or mapping of what is longer
    to: Address                                         in Python: an annotated class

Not here: the short text (grammar) and annotated classes (classes).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from botcannon_core.contract import classes, grammar
from botcannon_core.contract.kind import Kind, named
from botcannon_core.contract.nested import ListOf, MappingOf, SetOf
from botcannon_core.contract.problem import ContractError, Spot
from botcannon_core.contract.record import NOTHING, Contract, Field
from botcannon_core.contract.scalars import SCALARS
from botcannon_core.errors import suggest

KEYS = ("type", "of", "fields", "required", "default", "description")

_ANY = SCALARS["any"]
_HOLDERS: Mapping[str, Callable[[Kind], Kind]] = {
    "list": ListOf,
    "set": SetOf,
    "mapping": lambda value: MappingOf(SCALARS["string"], value),
}


def fields(declared: Any) -> Contract:
    """The contract that `declared` says: a mapping of names to types, or an annotated class.

    Raises ContractError with everything that is wrong in it, defaults that do not fit included.
    """
    if isinstance(declared, Contract):
        return declared
    spot = Spot((), [])
    found = _class(declared, spot) if isinstance(declared, type) else _fields(declared, spot)
    if spot.problems:
        raise ContractError(spot.problems)
    assert isinstance(found, Contract)
    return found


def _fields(declared: Any, spot: Spot) -> Contract:
    if not isinstance(declared, Mapping):
        what = "a mapping of names to types"
        spot.refuse(f"must be {what}, is {named(declared)}")
        return Contract({})
    found = {}
    for name, one in declared.items():
        below = spot.below(name if isinstance(name, str) else str(name))
        if wrong := _misnamed(name):
            below.refuse(wrong)
        found[str(name)] = _field(one, below)
    return Contract(found)


def _misnamed(name: Any) -> str:
    if not isinstance(name, str):
        return f"a name must be text, is {named(name)}; put it in quotes"
    if not name.strip() or not name.isprintable():
        return "a name must be text that can be read"
    return "names with _ first are botcannon's" if name.startswith("_") else ""


def _field(declared: Any, spot: Spot) -> Field:
    if not isinstance(declared, Mapping):
        kind = _kind(declared, spot)
        return _complete(kind, {}, spot)
    for key in declared:
        if key not in KEYS:
            hint = suggest(str(key), KEYS) or f"; there are {', '.join(KEYS)}"
            spot.below(str(key)).refuse(f"unknown key{hint}")
    required = declared.get("required")
    if not isinstance(required, bool | None):
        spot.below("required").refuse(f"must be true or false, is {named(required)}")
    if not isinstance(declared.get("description", ""), str):
        spot.below("description").refuse(f"must be text, is {named(declared['description'])}")
    return _complete(_long(declared, spot), declared, spot)


def _complete(kind: Kind, declared: Mapping[str, Any], spot: Spot) -> Field:
    """The field, its default checked; without one, what may be nothing is nothing."""
    required, default = declared.get("required"), declared.get("default", NOTHING)
    if default is not NOTHING:
        if required is True:
            spot.refuse("is required and has a default; drop one of them")
        default = kind.read(default, spot.below("default"))
    elif required is None and kind.may_be_none:
        default = None
    is_required = default is NOTHING if required is None else bool(required)
    return Field(kind, is_required, default, str(declared.get("description", "")).strip())


def _long(declared: Mapping[str, Any], spot: Spot) -> Kind:
    """The type of a field that is declared by a mapping."""
    if "fields" in declared:
        if "type" in declared or "of" in declared:
            spot.refuse("has `fields`, so that it can have neither `type` nor `of`")
        return _fields(declared["fields"], spot.below("fields"))
    if "type" not in declared:
        spot.refuse("lacks a type: `type: string`, or `fields` for a mapping of its own")
        return _ANY
    if "of" not in declared:
        return _kind(declared["type"], spot.below("type"))
    if declared["type"] not in _HOLDERS:
        spot.below("type").refuse("must be list, set or mapping, since there is an `of`")
        return _ANY
    return _HOLDERS[declared["type"]](_part(declared["of"], spot.below("of")))


def _part(declared: Any, spot: Spot) -> Kind:
    """The type of items: no field, so that nothing can be said of being given or not."""
    if not isinstance(declared, Mapping):
        return _kind(declared, spot)
    for key in declared:
        if key not in ("type", "of", "fields", "description"):
            spot.below(str(key)).refuse(
                "has no place here; there are type, of, fields, description"
            )
    return _long(declared, spot)


def _kind(declared: Any, spot: Spot) -> Kind:
    if isinstance(declared, Kind):
        return declared
    if not isinstance(declared, str):
        if declared is None or isinstance(declared, bool | int | float | list):
            spot.refuse(f"must be a type such as `list of int`, is {named(declared)}")
            return _ANY
        return _class(declared, spot)
    try:
        return grammar.parse(declared)
    except ValueError as error:
        spot.refuse(str(error))
        return _ANY


def _class(declared: Any, spot: Spot) -> Kind:
    try:
        return classes.of(declared)
    except ContractError as error:
        for problem in error.problems:
            spot.refuse(f"{problem.path}: {problem.text}" if problem.steps else problem.text)
        return _ANY
