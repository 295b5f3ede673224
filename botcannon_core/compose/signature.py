"""What a callable takes, as Python can tell without calling it. Not here: whether that is right."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any

_BY_NAME = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


@dataclass(frozen=True)
class Parameters:
    """The parameters that can be given by name; `needed` are those without a default.

    `anything` is true for `**kwargs`; `unnamed` are needed ones that can only be given by position.
    """

    names: tuple[str, ...]
    needed: tuple[str, ...]
    unnamed: tuple[str, ...] = ()
    anything: bool = False


def parameters(entry: Any, skip: int = 0) -> Parameters | None:
    """What a constructor or a function takes after its first `skip`; None if it cannot be known."""
    signature = _signature(entry)
    if signature is None:
        return None
    found = list(signature.parameters.values())[skip:]
    named = [p for p in found if p.kind in _BY_NAME]
    alone = [p for p in found if p.kind is inspect.Parameter.POSITIONAL_ONLY]
    return Parameters(
        names=tuple(p.name for p in named),
        needed=tuple(p.name for p in named if p.default is p.empty),
        unnamed=tuple(p.name for p in alone if p.default is p.empty),
        anything=any(p.kind is inspect.Parameter.VAR_KEYWORD for p in found),
    )


def accepts(function: Any, count: int) -> bool:
    """Whether a call with `count` values by position can work; true if it cannot be known."""
    signature = _signature(function)
    if signature is None:
        return True
    try:
        signature.bind(*[None] * count)
    except TypeError:
        return False
    return True


def _signature(entry: Any) -> inspect.Signature | None:
    try:
        if isinstance(entry, type) and _is_placeholder(
            inspect.getattr_static(entry, "__init__", None)
        ):
            return _behind_protocols(entry)
        return inspect.signature(entry)
    except (ValueError, TypeError):
        return None


def _is_placeholder(constructor: Any) -> bool:
    # typing gives a Protocol an __init__(*args, **kwargs) that steps aside at the first real call
    return getattr(constructor, "__module__", None) == "typing"


def _behind_protocols(entry: type) -> inspect.Signature:
    """The signature of the constructor that a class inheriting from a protocol really has."""
    for base in entry.__mro__:
        own = vars(base).get("__init__")
        if own is not None and own is not object.__init__ and not _is_placeholder(own):
            signature = inspect.signature(own)
            return signature.replace(parameters=list(signature.parameters.values())[1:])
    return inspect.Signature()
