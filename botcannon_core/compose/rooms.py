"""The keys that rooms add to a compose file, found by name: compose knows none of them.

A room that has some ships `schema.py` with a table SERVICE: each key of a service with the check of its
plain value. One whose keys stand in the place of `tasks` names those in CHAIN, its keys beside
`services` in TOP, and `unfold` says what the plain values of all of these mean. What a key means is its
room's business; here it stays plain, as YAML gives it.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping
from functools import cache, partial
from pathlib import Path
from types import ModuleType
from typing import Any

import yaml

from botcannon_core.compose import nodes
from botcannon_core.compose.nodes import Spot
from botcannon_core.compose.spec import Unfolded

Check = Callable[[Any], Iterable[tuple[tuple[str | int, ...], str]]]
"""Yields what is wrong with a plain value: the steps (keys and indexes) to the spot, and the text."""

_HOUSE = Path(__file__).parents[1]


@cache
def service_keys() -> Mapping[str, Callable[[Spot], Any]]:
    """Every such key of a service, with what reads it."""
    found: dict[str, Check] = {}
    for schema in _schemas():
        found |= getattr(schema, "SERVICE", {})
    return {key: partial(read, check=check) for key, check in found.items()}


@cache
def chain_keys() -> Mapping[str, Callable[[Spot], Any]]:
    """Every key of a service that stands in the place of `tasks`, with what reads it."""
    return {key: nodes.value for schema in _schemas() for key in getattr(schema, "CHAIN", ())}


@cache
def top_keys() -> Mapping[str, Callable[[Spot], Any]]:
    """Every key of rooms beside `services`, with what reads it."""
    keys = (key for schema in _schemas() for key in getattr(schema, "TOP", ()))
    return dict.fromkeys(keys, partial(nodes.value, specs=True))


def unfold(document: Mapping[str, Any]) -> Unfolded:
    """What all rooms say of the plain values of a document."""
    found = [schema.unfold(document) for schema in _schemas() if hasattr(schema, "unfold")]
    return Unfolded(
        tuple(one for unfolded in found for one in unfolded.problems),
        tuple(one for unfolded in found for one in unfolded.places),
        {name: one for unfolded in found for name, one in unfolded.chains.items()},
    )


@cache
def _schemas() -> tuple[ModuleType, ...]:
    names = sorted(path.parent.name for path in _HOUSE.glob("*/schema.py"))
    return tuple(importlib.import_module(f"{_HOUSE.name}.{name}.schema") for name in names)


def read(spot: Spot, check: Check) -> Any:
    """The plain value of what stands here; what its room finds wrong is put down where it stands."""
    before = len(spot.problems)
    value = nodes.value(spot)
    if len(spot.problems) == before:  # else what is checked is not what was written
        for steps, text in check(value):
            below(spot, steps).refuse(text)
    return value


def below(spot: Spot, steps: Iterable[str | int]) -> Spot:
    """The spot that `steps` lead to, or the last on the way."""
    for step in steps:
        if isinstance(spot.node, yaml.MappingNode):
            found = [child for key, child in nodes.entries(spot) if key.value == str(step)]
        elif isinstance(spot.node, yaml.SequenceNode):
            found = [child for at, child in enumerate(nodes.items(spot)) if at == step]
        else:
            found = []
        if not found:
            break
        spot = found[0]
    return spot
