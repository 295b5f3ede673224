"""Several fields by name, as one type: what a program takes, what it gives, what a constructor is given.

Unknown names are refused, defaults filled in. Not here: how fields are declared (declared, classes).
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from botcannon_core.contract.kind import Kind, named
from botcannon_core.contract.nested import typed_json
from botcannon_core.contract.outside import plain
from botcannon_core.contract.problem import ContractError, Problem, Spot, Step
from botcannon_core.errors import suggest


class _Nothing(Enum):
    """A single value that stays itself in a copy and in another process."""

    NOTHING = "no default"


NOTHING: Any = _Nothing.NOTHING
"""Stands for no default, since None may be one."""

Further = Callable[[dict[str, Any]], Iterable[tuple[tuple[Step, ...], str]]]
"""Looks at values that are right so far: yields the steps to what is wrong, and the text."""


@dataclass(frozen=True)
class Field:
    """One name of a contract: its type, whether it must be given, what it is if it is not.

    A field that need not be given and has no default is left out when it is not given.
    """

    kind: Kind
    required: bool = True
    default: Any = NOTHING
    description: str = ""

    @property
    def has_default(self) -> bool:
        """Whether there is something to fill in."""
        return self.default is not NOTHING


@dataclass(frozen=True)
class Contract(Kind):
    """What may stand under which name. `name` is a class's, if it was declared by one.

    `further` are more rules, of a class that brings its own; they are asked when all else is right.
    """

    fields: Mapping[str, Field]
    name: str = ""
    further: Further | None = field(default=None, compare=False, repr=False)

    __hash__ = None  # type: ignore[assignment]  # it holds a mapping

    def check(self, values: Any) -> dict[str, Any]:
        """The values, converted and with defaults; raises ContractError with all problems."""
        found: dict[str, Any] = super().check(values)
        return found

    def from_texts(self, texts: Mapping[str, str]) -> dict[str, Any]:
        """What was typed as `--name=text`, checked; raises ContractError with all problems."""
        spot = Spot((), [])
        found: dict[str, Any] = self._taken(
            texts, spot, lambda kind, text, below: kind.typed(text, below)
        )
        if spot.problems:
            raise ContractError(spot.problems)
        return found

    def read(self, value: Any, spot: Spot) -> Any:
        """A new dict, in the order of the declaration."""
        if not isinstance(value, Mapping):
            return spot.refuse(f"must be a mapping, is {named(value)}")
        return self._taken(value, spot, lambda kind, one, below: kind.read(one, below))

    def typed(self, text: str, spot: Spot) -> Any:
        """A mapping as JSON has it."""
        return typed_json(self, text, spot)

    def is_exactly(self, value: Any) -> bool:
        """Whether it is a dict that has all that is required."""
        needed = (name for name, one in self.fields.items() if one.required)
        return isinstance(value, dict) and all(name in value for name in needed)

    def json_schema(self) -> dict[str, Any]:
        """An object, for an OpenAPI page or whoever else speaks JSON Schema."""
        schema: dict[str, Any] = {"type": "object"} | ({"title": self.name} if self.name else {})
        schema["properties"] = {name: _schema(one) for name, one in self.fields.items()}
        schema["required"] = [name for name, one in self.fields.items() if one.required]
        schema["additionalProperties"] = False
        return schema

    def __str__(self) -> str:
        return self.name or "{" + ", ".join(f"{n}: {f.kind}" for n, f in self.fields.items()) + "}"

    def _taken(
        self, values: Mapping[Any, Any], spot: Spot, read: Callable[[Kind, Any, Spot], Any]
    ) -> Any:
        before = len(spot.problems)
        for name in values:
            if name not in self.fields:
                spot.below(name if isinstance(name, str) else repr(name)).refuse(
                    self._unknown(name)
                )
        found = {}
        for name, one in self.fields.items():
            if name in values:
                found[name] = read(one.kind, values[name], spot.below(name))
            elif one.has_default:
                found[name] = copy.deepcopy(one.default)
            elif one.required:
                spot.below(name).refuse(f"is missing; it must be {_wanted(one.kind)}")
        if self.further and len(spot.problems) == before:
            for steps, text in self.further(found):
                spot.problems.append(Problem((*spot.steps, *steps), text))
        return found

    def _unknown(self, name: Any) -> str:
        known = list(self.fields)
        hint = suggest(name, known) if isinstance(name, str) else ""
        there_are = f"; there are {', '.join(known)}" if known else "; there are none"
        return f"is not known{hint or there_are}"


def _wanted(kind: Kind) -> str:
    """The type as people write it; a long record by what it is."""
    return str(kind) if not isinstance(kind, Contract) or kind.name else "a mapping"


def _schema(one: Field) -> dict[str, Any]:
    schema = one.kind.json_schema()
    if one.description:
        schema["description"] = one.description
    if one.has_default:
        schema["default"] = plain(one.default)
    return schema
