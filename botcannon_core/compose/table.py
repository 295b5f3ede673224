"""A table of keys: how a mapping of a compose file is read by one. Not here: which ones (reader)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from botcannon_core.compose import nodes
from botcannon_core.compose.nodes import Spot
from botcannon_core.errors import suggest

Convert = Callable[[Spot], Any]
"""Makes a value of what stands at a spot. Raises ValueError for a value that is wrong; what is
wrong further below it puts down there itself."""


def table(
    spot: Spot, keys: Mapping[str, Convert], required: tuple[str, ...] = ()
) -> dict[str, Any]:
    """The good values of a mapping by name; every other key is put down as a problem."""
    found: dict[str, Any] = {}
    seen = set()
    before = len(spot.problems)
    for key, child in nodes.entries(spot):
        seen.add(key.value)
        if key.value in keys:
            _convert(found, key.value, keys[key.value], child)
        else:
            unknown = spot.child(key, key.value)
            unknown.refuse(f"unknown key{suggest(key.value, list(keys)) or _takes(keys)}")
    if seen or len(spot.problems) == before:  # else it was no mapping, and that is said already
        for name in required:
            if name not in seen:
                spot.refuse(f"lacks the key {name!r}")
    return found


def _convert(found: dict[str, Any], name: str, convert: Convert, spot: Spot) -> None:
    try:
        found[name] = convert(spot)
    except ValueError as error:
        spot.refuse(str(error))


def _takes(keys: Mapping[str, Convert]) -> str:
    return f"; there are {', '.join(keys)}"
