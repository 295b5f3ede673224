"""A SPEC: the class that stands somewhere in a compose file, with its kwargs and the lines of each.

Not here: whether there is such a class (loading) and whether it fits (fit).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from botcannon_core.compose import nodes, values
from botcannon_core.compose.nodes import Spot
from botcannon_core.compose.spec import ClassSpec, Place, Role
from botcannon_core.compose.table import Convert, table
from botcannon_core.errors import Problem


def class_spec(spot: Spot, role: Role, more: dict[str, Convert] | None = None) -> dict[str, Any]:
    """A SPEC as {"spec": ClassSpec or None} and the values of the keys that `more` adds to it."""
    found = table(spot, SPEC | (more or {}), required=("file", "entry"))
    file, entry, conf = (found.pop(n, None) for n in ("file", "entry", "conf"))
    key, kwargs = (conf.get("key"), conf.get("kwargs")) if conf is not None else (None, {})
    if file is None or entry is None:
        return {"spec": None, **found}
    built = ClassSpec(role, file, entry, key, kwargs, spot.place, _places(spot))
    if built.secrets and key is None:
        where = built.at(f"conf.kwargs.{built.secrets[0]}")
        text = "a secret needs a `key` beside `kwargs`, under which it is kept"
        spot.problems.append(Problem(where.file, where.line, where.path, text))
    return {"spec": built, **found}


def _places(spot: Spot, under: str = "") -> dict[str, Place]:
    """Where each key of a SPEC stands, and all that is in its kwargs."""
    found: dict[str, Place] = {}
    quiet = Spot(spot.node, spot.path, spot.file, [])  # its problems are put down already
    for step, child in _parts(quiet):
        name = f"{under}{step}".removeprefix(".")
        found[name] = child.place
        if name.startswith("conf"):
            found |= _places(child, name)
    return found


def _parts(spot: Spot) -> Iterator[tuple[str, Spot]]:
    """What a mapping or a list holds, each with the step to it."""
    if isinstance(spot.node, yaml.MappingNode):
        for key, child in nodes.entries(spot):
            yield f".{key.value}", child
    elif isinstance(spot.node, yaml.SequenceNode):
        for at, child in enumerate(nodes.items(spot)):
            yield f"[{at}]", child


def _conf(spot: Spot) -> dict[str, Any]:
    found = table(spot, CONF)
    if not found.keys() & {"key", "kwargs"}:
        found["kwargs"] = {}
    return found


def _kwargs(spot: Spot) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, child in nodes.entries(spot):
        if not key.value.isidentifier():
            child.refuse("must be a name that a Python parameter can have")
        found[key.value] = nodes.value(child, secret=True)
    return found


CONF: dict[str, Convert] = {"key": values.name, "kwargs": _kwargs}
SPEC: dict[str, Convert] = {"file": values.module, "entry": values.entry, "conf": _conf}
