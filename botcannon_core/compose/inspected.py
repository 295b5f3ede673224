"""What any callable takes, and what it says of that, as `inspect` tells without calling it.

A forker has it only where a class is not plain (signature). Not here: whether it is right (fit, kwargs).
"""

from __future__ import annotations

import inspect
import sys
import typing
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from botcannon_core.compose.signature import Parameters

_BY_NAME = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
_BY_POSITION = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def parameters(entry: Any, skip: int = 0) -> Parameters | None:
    """What a constructor or a function takes beside the first `skip` by position; None: not known."""
    signature = _signature(entry)
    if signature is None:
        return None
    found = list(signature.parameters.values())
    # those that come first; what goes into `*args` takes nothing else away
    by_position = sum(p.kind in _BY_POSITION for p in found)
    found = found[min(skip, by_position) :]
    named = [p for p in found if p.kind in _BY_NAME]
    alone = [p for p in found if p.kind is inspect.Parameter.POSITIONAL_ONLY]
    return Parameters(
        names=tuple(p.name for p in named),
        needed=tuple(p.name for p in named if p.default is p.empty),
        unnamed=tuple(p.name for p in alone if p.default is p.empty),
        anything=any(p.kind is inspect.Parameter.VAR_KEYWORD for p in found),
    )


def hints(entry: Any) -> Mapping[str, Any]:
    """The annotations of what can be given by name; one that cannot be resolved is left out."""
    signature = _signature(entry)
    found: dict[str, Any] = {}
    for p in signature.parameters.values() if signature else ():
        if p.kind in _BY_NAME and p.annotation is not p.empty:
            # one by one: a name that only a type checker can see must not hide the others
            said = SimpleNamespace(__annotations__={p.name: p.annotation})
            try:
                hint = typing.get_type_hints(said, _names_of(entry), include_extras=True)[p.name]
                # a default of None says that None may be given, though the annotation forgets it
                found[p.name] = hint if p.default is not None else hint | None
            except Exception:  # noqa: BLE001, S112 - an annotation is code, and may raise anything
                continue
    return found


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


def _names_of(entry: Any) -> dict[str, Any]:
    """The names that annotations written as text are made of: those of the module that holds them."""
    function = entry
    if isinstance(entry, type):
        own = inspect.getattr_static(entry, "__init__")
        function = own if inspect.isfunction(own) else inspect.getattr_static(entry, "__new__")
    names = getattr(inspect.unwrap(function), "__globals__", None)
    return names if names is not None else vars(sys.modules[entry.__module__])


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
