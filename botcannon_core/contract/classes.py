"""Annotated Python becomes types: an annotation, a dataclass, a TypedDict, a pydantic model.

A model's own rules are asked when ours are kept, and what it converts beyond them is left out. Not here:
the other ways to say a type (grammar, declared).
"""

from __future__ import annotations

import collections.abc
import dataclasses
import sys
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from botcannon_core.contract.kind import Kind
from botcannon_core.contract.nested import Either, ListOf, MappingOf, OneOf, Optional, SetOf
from botcannon_core.contract.problem import ContractError, Problem, Spot, Step
from botcannon_core.contract.record import NOTHING, Contract, Field
from botcannon_core.contract.scalars import SCALARS

_ANY = SCALARS["any"]
_SCALARS: dict[Any, str] = {
    str: "string",
    int: "int",
    float: "float",
    bool: "bool",
    datetime: "datetime",
    Decimal: "decimal",
    UUID: "uuid",
    bytes: "bytes",
    bytearray: "bytes",
    Any: "any",
    object: "any",
}
_LISTS = (list, collections.abc.Sequence, collections.abc.Iterable, collections.abc.Collection)
_SETS = (set, frozenset, collections.abc.Set, collections.abc.MutableSet)
_MAPPINGS = (dict, collections.abc.Mapping, collections.abc.MutableMapping)

Unknown = Callable[[Any], Kind]
"""What to make of an annotation that the language has no type for."""


def of(thing: Any) -> Kind:
    """The type that an annotation or an annotated class says; raises ContractError if there is none.

    A class with fields gives a Contract.
    """
    return _Reader(_refuse, _values).kind(thing)


def leniently(thing: Any) -> Kind:
    """The same, but what has no type here stays unchecked: for annotations made for readers."""
    try:
        # who takes an enum may mean its values or its names, and has found a way with either
        return _Reader(_anything, _anything).kind(thing)
    except Exception:  # noqa: BLE001 - also a default's factory, which may raise anything
        return _ANY


def _refuse(thing: Any) -> Kind:
    name = getattr(thing, "__qualname__", None) or str(thing)
    text = f"there is no type for {name!r}; a dataclass or a TypedDict can say what it is made of"
    raise ContractError([Problem((), text)])


def _anything(_: Any) -> Kind:
    return _ANY


def _values(enum: type[Enum]) -> Kind:
    """One of an enum's values, as they would be written."""
    values = tuple(member.value for member in enum)
    is_plain = values and all(isinstance(value, str | int) for value in values)
    return OneOf(values) if is_plain else _refuse(enum)


class _Reader:
    """Reads annotations; `inside` are the classes that are being read, which cannot hold themselves."""

    def __init__(self, unknown: Unknown, enum: Unknown) -> None:
        self.unknown = unknown
        self.enum = enum
        self.inside: list[Any] = []

    def kind(self, thing: Any) -> Kind:
        thing = _bare(thing)
        if thing is None or thing is types.NoneType:
            return self.unknown(thing)
        if (name := _scalar(thing)) is not None:
            return SCALARS[name]
        origin, parts = typing.get_origin(thing) or thing, typing.get_args(thing)
        if origin in (typing.Union, types.UnionType):
            return self._union(parts)
        if origin is typing.Literal:
            return (
                OneOf(parts)
                if all(isinstance(p, str | int) for p in parts)
                else self.unknown(thing)
            )
        return self._collection(thing, origin, parts)

    def _union(self, parts: tuple[Any, ...]) -> Kind:
        kinds = tuple(self.kind(part) for part in parts if part is not types.NoneType)
        if _ANY in kinds:
            return _ANY
        found = Either(kinds) if len(kinds) > 1 else kinds[0]
        return Optional(found) if types.NoneType in parts else found

    def _collection(self, thing: Any, origin: Any, parts: tuple[Any, ...]) -> Kind:
        if origin in _LISTS or (origin is tuple and (not parts or parts[1:] == (...,))):
            return ListOf(self._part(parts, 0))
        if origin in _SETS:
            return SetOf(self._part(parts, 0))
        if origin in _MAPPINGS:
            return MappingOf(self._part(parts, 0), self._part(parts, 1))
        if isinstance(origin, type) and issubclass(origin, Enum):
            return self.enum(origin)
        if isinstance(origin, type) and (entries := _entries(origin)) is not None:
            return self._record(origin, entries)
        return self.unknown(thing)

    def _part(self, parts: tuple[Any, ...], at: int) -> Kind:
        return self.kind(parts[at]) if at < len(parts) else _ANY

    def _record(self, entry: type, entries: Iterator[_Entry]) -> Kind:
        if entry in self.inside:
            text = f"{entry.__qualname__} holds itself, which a type cannot"
            raise ContractError([Problem((), text)])
        self.inside.append(entry)
        problems: list[Problem] = []
        found = {}
        for one in entries:
            try:
                found[one.name] = self._field(one)
            except ContractError as error:
                problems += [Problem((one.name, *p.steps), p.text) for p in error.problems]
        self.inside.pop()
        if problems:
            raise ContractError(problems)
        return Contract(found, entry.__name__, _own_rules(entry))

    def _field(self, one: _Entry) -> Field:
        kind, default = self.kind(one.annotation), one.default
        if default is not NOTHING:
            default = kind.read(_undressed(default), spot := Spot(("default",), []))
            if spot.problems:
                raise ContractError(spot.problems)
        required = one.required and default is NOTHING
        return Field(kind, required, default, one.description or _note(one.annotation))


@dataclasses.dataclass(frozen=True)
class _Entry:
    """A field as its class has it."""

    name: str
    annotation: Any
    required: bool = True
    default: Any = NOTHING
    description: str = ""


def _entries(entry: type) -> Iterator[_Entry] | None:
    """The fields of a class that is made of some; None for any other."""
    if dataclasses.is_dataclass(entry):
        return _of_dataclass(entry)
    if typing.is_typeddict(entry):
        return _of_typed_dict(entry)
    return _of_model(entry) if _is_model(entry) else None


def _hints(entry: Any) -> Mapping[str, Any]:
    try:
        return typing.get_type_hints(entry, include_extras=True)
    except Exception as error:  # noqa: BLE001 - an annotation is code, and may raise anything
        text = f"the annotations of {entry.__qualname__} cannot be read: {error}"
        raise ContractError([Problem((), text)]) from None


def _of_dataclass(entry: Any) -> Iterator[_Entry]:
    hints = _hints(entry)
    for one in dataclasses.fields(entry):
        if not one.init:
            continue
        default = NOTHING if one.default is dataclasses.MISSING else one.default
        if one.default_factory is not dataclasses.MISSING:
            default = one.default_factory()
        said = str(one.metadata.get("description", ""))
        yield _Entry(one.name, hints[one.name], default=default, description=said)


def _of_typed_dict(entry: Any) -> Iterator[_Entry]:
    for name, annotation in _hints(entry).items():
        yield _Entry(name, annotation, required=name in entry.__required_keys__)


def _is_model(entry: type) -> bool:
    # never imported by us: who has no pydantic loaded has no model either
    pydantic = sys.modules.get("pydantic")
    return pydantic is not None and issubclass(entry, pydantic.BaseModel)


def _of_model(entry: Any) -> Iterator[_Entry]:
    hints = _hints(entry)
    for name, one in entry.model_fields.items():
        default = NOTHING
        if not one.is_required():
            default = one.get_default(call_default_factory=True)
        yield _Entry(name, hints[name], default=default, description=one.description or "")


def _own_rules(
    entry: Any,
) -> Callable[[dict[str, Any]], Iterator[tuple[tuple[Step, ...], str]]] | None:
    """What a pydantic model has to say about values beyond their types."""
    if not _is_model(entry):
        return None

    def ask(values: dict[str, Any]) -> Iterator[tuple[tuple[Step, ...], str]]:
        pydantic = sys.modules["pydantic"]
        try:
            entry.model_validate(values)
        except pydantic.ValidationError as error:
            # without the input: it may be a secret
            for one in error.errors(include_input=False, include_url=False):
                yield tuple(one["loc"]), str(one["msg"])

    return ask


def _undressed(value: Any) -> Any:
    """A default as plain values: an instance of a class with fields as its dict."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {one.name: _undressed(getattr(value, one.name)) for one in dataclasses.fields(value)}
    if isinstance(value, Enum):
        return value.value
    return value.model_dump() if _is_model(type(value)) else value


def _scalar(thing: Any) -> str | None:
    try:
        return _SCALARS.get(thing)
    except TypeError:  # not hashable, as a note to readers may be
        return None


def _bare(thing: Any) -> Any:
    """An annotation without what does not matter here."""
    while True:
        if typing.get_origin(thing) in _WRAPPERS:
            thing = typing.get_args(thing)[0]
        elif hasattr(thing, "__supertype__"):  # NewType
            thing = thing.__supertype__
        elif type(thing).__name__ == "TypeAliasType":  # `type X = ...`, from Python 3.12 on
            thing = thing.__value__
        else:
            return Any if isinstance(thing, typing.TypeVar) else thing


def _note(annotation: Any) -> str:
    """The first text in an Annotated is the field's description."""
    if typing.get_origin(annotation) in (typing.Required, typing.NotRequired):
        annotation = typing.get_args(annotation)[0]
    return next((m for m in getattr(annotation, "__metadata__", ()) if isinstance(m, str)), "")


_WRAPPERS = (typing.Annotated, typing.Required, typing.NotRequired, typing.Final, typing.ClassVar)
