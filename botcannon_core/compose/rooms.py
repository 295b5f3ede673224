"""The keys that rooms add to a compose file, found by name: compose knows none of them.

A room that has some ships `schema.py` with a table SERVICE: each key of a service with the check of its
plain value. What a key means is its room's business; here it stays plain, as YAML gives it.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any

import yaml

from botcannon_core.compose import nodes
from botcannon_core.compose.nodes import Spot

Check = Callable[[Any], Iterable[tuple[tuple[str | int, ...], str]]]
"""Yields what is wrong with a plain value: the steps (keys and indexes) to the spot, and the text."""

_HOUSE = Path(__file__).parents[1]


@cache
def service_keys() -> Mapping[str, Callable[[Spot], Any]]:
    """Every such key of a service, with what reads it."""
    found: dict[str, Check] = {}
    for path in sorted(_HOUSE.glob("*/schema.py")):
        module = importlib.import_module(f"{_HOUSE.name}.{path.parent.name}.schema")
        found |= getattr(module, "SERVICE", {})
    return {key: partial(read, check=check) for key, check in found.items()}


def read(spot: Spot, check: Check) -> Any:
    """The plain value of what stands here; what its room finds wrong is put down where it stands."""
    before = len(spot.problems)
    value = nodes.value(spot)
    if len(spot.problems) == before:  # else what is checked is not what was written
        for steps, text in check(value):
            _below(spot, steps).refuse(text)
    return value


def _below(spot: Spot, steps: Iterable[str | int]) -> Spot:
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
