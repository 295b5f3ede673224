"""Single values of a compose file: each function makes one of what stands at a spot, or says why not.

They raise ValueError with text that says what is accepted. Not here: mappings and lists (reader).
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from botcannon_core import units
from botcannon_core.compose import nodes
from botcannon_core.compose.nodes import Spot
from botcannon_core.errors import suggest

MOST = 1_000_000_000  # the largest count anybody can mean

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,63}", re.ASCII)


def _scalar(spot: Spot, wanted: str) -> Any:
    if nodes.is_empty(spot.node):
        raise ValueError(f"is empty; must be {wanted}")
    if not isinstance(spot.node, yaml.ScalarNode):
        raise ValueError(f"must be {wanted}, is {nodes.kind(spot.node)}")
    if nodes.is_secret(spot.node):
        raise ValueError(f"must be {wanted}; a secret can only stand under conf.kwargs")
    return nodes.plain(spot.node)


def text(spot: Spot, wanted: str = "text") -> str:
    """Text that is not blank; what YAML takes for something else wants quotes."""
    found = _scalar(spot, wanted)
    if not isinstance(found, str):
        raise ValueError(f"must be {wanted}, is {nodes.kind(spot.node)}; put it in quotes")
    if not found.strip():
        raise ValueError(f"must be {wanted}, is blank")
    return found


def switch(spot: Spot) -> bool:
    """True or false."""
    found = _scalar(spot, "true or false")
    if not isinstance(found, bool):
        raise ValueError(f"must be true or false, is {nodes.kind(spot.node)}")
    return found


def count(spot: Spot, least: int) -> int:
    """A whole number of at least `least`."""
    wanted = f"a whole number of at least {least}"
    found = _scalar(spot, wanted)
    if isinstance(found, bool) or not isinstance(found, int):
        raise ValueError(f"must be {wanted}, is {nodes.kind(spot.node)}")
    if not least <= found <= MOST:
        raise ValueError(f"must be {wanted}" if found < least else f"must be at most {MOST:,}")
    return found


def time(spot: Spot) -> float:
    """A time as seconds, more than none."""
    found = units.seconds(_scalar(spot, units.TIMES))
    if not found:
        raise ValueError(f"must be longer than nothing: {units.TIMES}")
    return found


def name(spot: Spot) -> str:
    """A name, as `valid_name` has it."""
    return valid_name(text(spot, "a name"))


def valid_name(name: str) -> str:
    """`name` again, if a service, a namespace or a key may be called so; else ValueError."""
    if not _NAME.fullmatch(name):
        raise ValueError("a name is made of letters, digits, _ and -, at most 64, and no - first")
    return name


def module(spot: Spot) -> str:
    """The name of a module in app/ or of a built-in."""
    found = text(spot, "the name of a file in app/")
    if all(part.isidentifier() for part in found.split(".")) and not found.endswith(".py"):
        return found
    better = found.removesuffix(".py").removeprefix("app/").strip("/").replace("/", ".")
    hint = f"; write {better!r}" if all(p.isidentifier() for p in better.split(".")) else ""
    raise ValueError(
        f"must be the name of a file in app/, without .py, folders joined by dots{hint}"
    )


def entry(spot: Spot) -> str:
    """The name of a class or function."""
    found = text(spot, "the name of a class")
    if not found.isidentifier():
        raise ValueError("must be the name of a class, as it stands in the file")
    return found


def choice(spot: Spot, among: tuple[str, ...]) -> str:
    """One of a few words."""
    wanted = f"{', '.join(among[:-1])} or {among[-1]}"
    found = text(spot, wanted)
    if found not in among:
        raise ValueError(f"must be {wanted}{suggest(found, among)}")
    return found


def size(spot: Spot) -> int:
    """A size as bytes, more than none."""
    found = units.size(_scalar(spot, units.SIZES))
    if not found:
        raise ValueError(f"must be more than nothing: {units.SIZES}")
    return found


def field(spot: Spot) -> str:
    """The name of a message's field."""
    found = text(spot, "the name of a field")
    if found.startswith("_"):
        raise ValueError("must be a field of your messages; names with _ first are botcannon's")
    return found


def variables(spot: Spot) -> tuple[str, ...]:
    """The names of environment variables."""
    if not isinstance(spot.node, yaml.SequenceNode):
        raise ValueError(f"must be a list of names of variables, is {nodes.kind(spot.node)}")
    found = tuple(text(item, "the name of a variable") for item in nodes.items(spot))
    for name in found:
        if name.startswith("BOTCANNON_"):
            raise ValueError(
                f"{name} is botcannon's own and may hold a secret; workers never see it"
            )
    return found


def url(spot: Spot) -> str:
    """A store's address."""
    found = text(spot, "an address such as redis://host:6379/0")
    if not re.match(r"[a-z][a-z0-9+]*://", found):
        raise ValueError("must be an address such as redis://host:6379/0 or unix:///path")
    return found  # never quoted in a problem: it may hold a password
