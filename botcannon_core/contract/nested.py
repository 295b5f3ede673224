"""The types made of others: list of, set of, mapping of, one of, optional, and `a or b`.

What they convert is what their parts convert; a list is good for a set. Not here: mappings whose names
are declared one by one (record).
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping, Set
from dataclasses import dataclass
from typing import Any

from botcannon_core.contract.kind import Kind, named
from botcannon_core.contract.problem import Spot
from botcannon_core.contract.scalars import Anything, Scalar
from botcannon_core.errors import suggest

_EMPTY = ("none", "None", "null")


@dataclass(frozen=True)
class ListOf(Kind):
    """A list (or a tuple), its items all of one type."""

    item: Kind

    def read(self, value: Any, spot: Spot) -> Any:
        """A new list."""
        if not isinstance(value, list | tuple):
            return spot.refuse(f"must be a list, is {named(value)}")
        return [self.item.read(one, spot.below(at)) for at, one in enumerate(value)]

    def typed(self, text: str, spot: Spot) -> Any:
        """Items with commas between them, or a list as JSON has it."""
        return _typed_items(self, self.item, text, spot)

    def json_schema(self) -> dict[str, Any]:
        """An array."""
        return {"type": "array", "items": self.item.json_schema()}

    def is_exactly(self, value: Any) -> bool:
        """Whether it is a list."""
        return isinstance(value, list)

    def __str__(self) -> str:
        return "list" if self.item == Anything() else f"list of {_inner(self.item)}"


@dataclass(frozen=True)
class SetOf(Kind):
    """A set, its items all of one type; where there are no sets, a list."""

    item: Kind

    def read(self, value: Any, spot: Spot) -> Any:
        """A new set."""
        if not isinstance(value, list | tuple | Set):
            return spot.refuse(f"must be a set or a list, is {named(value)}")
        items = [self.item.read(one, spot.below(at)) for at, one in enumerate(value)]
        if not all(_can_be_kept(one) for one in items):
            return spot.refuse("holds what a set cannot: lists, mappings or sets")
        return set(items)

    def typed(self, text: str, spot: Spot) -> Any:
        """Items with commas between them, or a list as JSON has it."""
        return _typed_items(self, self.item, text, spot)

    def json_schema(self) -> dict[str, Any]:
        """An array without repeats."""
        return {"type": "array", "items": self.item.json_schema(), "uniqueItems": True}

    def is_exactly(self, value: Any) -> bool:
        """Whether it is a set."""
        return isinstance(value, set)

    def __str__(self) -> str:
        return "set" if self.item == Anything() else f"set of {_inner(self.item)}"


@dataclass(frozen=True)
class MappingOf(Kind):
    """A mapping, its keys all of one type and its values all of another."""

    key: Kind
    value: Kind

    def read(self, value: Any, spot: Spot) -> Any:
        """A new dict."""
        if not isinstance(value, Mapping):
            return spot.refuse(f"must be a mapping, is {named(value)}")
        found = {}
        for one, its in value.items():
            below = spot.below(one if isinstance(one, str | int) else str(type(one).__name__))
            before = len(spot.problems)
            key = self.key.read(one, aside := below.aside())
            for problem in aside.problems:
                below.refuse(f"as a key {problem.text}")
            read = self.value.read(its, below)
            if len(spot.problems) == before and not _can_be_kept(key):
                below.refuse("as a key must be a single value")
            elif len(spot.problems) == before:
                found[key] = read
        return found

    def typed(self, text: str, spot: Spot) -> Any:
        """A mapping as JSON has it."""
        return typed_json(self, text, spot)

    def json_schema(self) -> dict[str, Any]:
        """An object."""
        return {"type": "object", "additionalProperties": self.value.json_schema()}

    def is_exactly(self, value: Any) -> bool:
        """Whether it is a dict."""
        return isinstance(value, dict)

    def __str__(self) -> str:
        if self.key == self.value == Anything():
            return "dict"
        return f"mapping of {_inner(self.key)} to {_inner(self.value)}"


@dataclass(frozen=True)
class OneOf(Kind):
    """One of a few values, mostly words."""

    choices: tuple[str | int | float | bool, ...]

    def read(self, value: Any, spot: Spot) -> Any:
        """The choice that `value` is, of the same type."""
        for choice in self.choices:
            if _is_same(choice, value):
                return choice
        known = [choice for choice in self.choices if isinstance(choice, str)]
        # the hint quotes a choice, never the value, which may be a secret
        hint = suggest(value, known) if isinstance(value, str) else f", is {named(value)}"
        return spot.refuse(f"must be {_either([str(choice) for choice in self.choices])}{hint}")

    def typed(self, text: str, spot: Spot) -> Any:
        """The choice that is written so."""
        by_text = {_spelt(choice): choice for choice in self.choices}
        return self.read(by_text.get(text, text), spot)

    def json_schema(self) -> dict[str, Any]:
        """An enumeration."""
        return {"enum": list(self.choices)}

    def is_exactly(self, value: Any) -> bool:
        """Whether it is one of them."""
        return any(_is_same(choice, value) for choice in self.choices)

    def __str__(self) -> str:
        return "one of " + ", ".join(_written(choice) for choice in self.choices)


@dataclass(frozen=True)
class Optional(Kind):
    """A value or nothing (None, null)."""

    kind: Kind
    may_be_none = True

    def read(self, value: Any, spot: Spot) -> Any:
        """None, or `value` as the other type has it."""
        return None if value is None else self.kind.read(value, spot)

    def typed(self, text: str, spot: Spot) -> Any:
        """Nothing if `none` was typed where that can be no text, else the value."""
        aside = spot.aside()
        if text in _EMPTY:
            found = self.kind.typed(text, aside)
            return found if not aside.problems else None
        return self.kind.typed(text, spot)

    def json_schema(self) -> dict[str, Any]:
        """Either of both."""
        return {"anyOf": [self.kind.json_schema(), {"type": "null"}]}

    def is_exactly(self, value: Any) -> bool:
        """Whether it is None or exactly the other type's."""
        return value is None or self.kind.is_exactly(value)

    def __str__(self) -> str:
        return f"optional {_inner(self.kind)}"


@dataclass(frozen=True)
class Either(Kind):
    """A value of one type or another: of the one it is of already, else of the first that it fits."""

    kinds: tuple[Kind, ...]

    @property
    def may_be_none(self) -> bool:  # type: ignore[override]  # a plain attribute where it is known
        """Whether one of them may."""
        return any(kind.may_be_none for kind in self.kinds)

    def read(self, value: Any, spot: Spot) -> Any:
        """`value` as the type that suits it best has it."""
        ranked = sorted(self.kinds, key=lambda kind: not kind.is_exactly(value))
        said: list[Spot] = []
        for kind in ranked:
            found = kind.read(value, aside := spot.aside())
            if not aside.problems:
                return found
            said.append(aside)
        return self._refuse(said, ranked[0].is_exactly(value), spot)

    def typed(self, text: str, spot: Spot) -> Any:
        """What the first type makes of it; text is asked last, since it takes everything."""
        last = (Scalar("string"), Anything())
        said: list[Spot] = []
        for kind in sorted(self.kinds, key=lambda kind: kind in last):
            found = kind.typed(text, aside := spot.aside())
            if not aside.problems:
                return found
            said.append(aside)
        return self._refuse(said, False, spot)

    def json_schema(self) -> dict[str, Any]:
        """Any of them."""
        return {"anyOf": [kind.json_schema() for kind in self.kinds]}

    def is_exactly(self, value: Any) -> bool:
        """Whether it is exactly one of them."""
        return any(kind.is_exactly(value) for kind in self.kinds)

    def __str__(self) -> str:
        return " or ".join(_inner(kind) for kind in self.kinds)

    def _refuse(self, said: list[Spot], first_is_meant: bool, spot: Spot) -> None:
        """What the type that was meant says about its parts, or else what all would take."""
        inner = said[0].problems
        if first_is_meant and all(problem.steps != spot.steps for problem in inner):
            spot.problems.extend(inner)
            return
        texts = [p.text for one in said for p in one.problems if p.steps == spot.steps]
        wants = [text.partition(", is ")[0].removeprefix("must be ") for text in texts]
        spot.refuse(f"must be {' or '.join(dict.fromkeys(wants)) or str(self)}")


def _typed_items(kind: Kind, item: Kind, text: str, spot: Spot) -> Any:
    if text.lstrip().startswith("["):
        return typed_json(kind, text, spot)
    parts = [part.strip() for part in text.split(",") if part.strip()]
    before = len(spot.problems)
    items = [item.typed(part, spot.below(at)) for at, part in enumerate(parts)]
    return kind.read(items, spot) if len(spot.problems) == before else None


def typed_json(kind: Kind, text: str, spot: Spot) -> Any:
    """The value of `kind` that is written as JSON has it."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        example = '["a", "b"]' if isinstance(kind, ListOf | SetOf) else '{"name": "value"}'
        return spot.refuse(f"must be written as JSON, such as {example}")
    return kind.read(value, spot)


def _can_be_kept(value: Any) -> bool:
    """Whether it can be a key or stand in a set; a tuple may still hold what cannot."""
    if not isinstance(value, Hashable):
        return False
    try:
        hash(value)
    except TypeError:
        return False
    return True


def _is_same(choice: Any, value: Any) -> bool:
    # a str that is more than a str (a secret, an enum's member) is text all the same
    return (
        choice == value and isinstance(value, type(choice)) and not _is_bool_for_int(choice, value)
    )


def _is_bool_for_int(choice: Any, value: Any) -> bool:
    return isinstance(value, bool) and not isinstance(choice, bool)


def _either(words: list[str]) -> str:
    return " or ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else words[0]


def _inner(kind: Kind) -> str:
    return f"({kind})" if isinstance(kind, Either) else str(kind)


def _spelt(choice: Any) -> str:
    return str(choice).lower() if isinstance(choice, bool) else str(choice)


def _written(choice: Any) -> str:
    """A choice as the grammar reads it back."""
    if not isinstance(choice, str):
        return _spelt(choice)
    is_bare = choice.replace("-", "_").isidentifier() and choice not in (
        "or",
        "to",
        "true",
        "false",
    )
    return choice if is_bare and choice.isascii() else json.dumps(choice, ensure_ascii=False)
