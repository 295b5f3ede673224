"""What a method takes and returns, as a chat sees it: its public parameters, understood, and its usage.

Not here: filling the parameters with words (bind).
"""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from inspect import Parameter
from typing import Any

from botcannon_core.chat.convert import ANY, is_switch, plain

BY_PLACE = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
PROGRESS = (
    "progress"  # the parameter that nobody can type: it gets what tells how far the command is
)


@dataclass(frozen=True)
class Shape:
    """What a method takes: its parameters by name, without the private ones, and what it returns.

    `tells` says that it has a parameter `progress`, which is not among them.
    """

    signature: inspect.Signature
    parameters: dict[str, Parameter]
    taken: frozenset[str] = frozenset()  # names that `**options` must not repeat
    tells: bool = False

    @property
    def positional(self) -> list[Parameter]:
        """The parameters that a word without a name can fill, in order."""
        return [p for p in self.parameters.values() if p.kind in BY_PLACE]

    @property
    def surplus(self) -> Parameter | None:
        """The `*rest` parameter, if there is one."""
        return self._of(Parameter.VAR_POSITIONAL)

    @property
    def extra(self) -> Parameter | None:
        """The `**options` parameter, if there is one."""
        return self._of(Parameter.VAR_KEYWORD)

    @property
    def options(self) -> list[Parameter]:
        """The parameters that can be given by name."""
        named = (*BY_PLACE, Parameter.KEYWORD_ONLY)
        return [p for p in self.parameters.values() if p.kind in named]

    def _of(self, kind: object) -> Parameter | None:
        return next((p for p in self.parameters.values() if p.kind is kind), None)


def shape(method: Callable[..., Any]) -> Shape:
    """What `method` takes and returns, its annotations understood as far as they can be."""
    signature = inspect.signature(method)
    known = _annotations(method)
    parameters = {
        name: parameter.replace(annotation=_wanted(parameter, known))
        for name, parameter in signature.parameters.items()
    }
    signature = signature.replace(
        parameters=list(parameters.values()),
        return_annotation=_resolved(known.get("return", signature.return_annotation)),
    )
    public = {name: p for name, p in parameters.items() if not name.startswith("_")}
    tells = PROGRESS in public and public[PROGRESS].kind in (*BY_PLACE, Parameter.KEYWORD_ONLY)
    if tells:
        del public[PROGRESS]
    return Shape(signature, public, _taken(method), tells)


def usage(name: str, what: Shape) -> str:
    """The command with its parameters, on one line: `wipe [target] [--force]`."""
    parts = [name]
    for p in what.parameters.values():
        text = spelled(p)
        needed = p.default is ANY and p.kind in (*BY_PLACE, Parameter.KEYWORD_ONLY)
        parts.append(text if needed else f"[{text}]")
    return " ".join(parts)


def spelled(p: Parameter) -> str:
    """A parameter as a usage line shows it."""
    name = p.name.replace("_", "-")
    if p.kind is Parameter.VAR_POSITIONAL:
        return f"{name}..."
    if p.kind is Parameter.VAR_KEYWORD:
        return "--NAME=..."
    if is_switch(p.annotation):
        return f"--{name}"
    return f"--{name}=..." if p.kind is Parameter.KEYWORD_ONLY else name


def option_name(p: Parameter) -> str:
    """The option that names a parameter: `--by-id`."""
    return "--" + p.name.replace("_", "-")


def _annotations(method: Callable[..., Any]) -> dict[str, Any]:
    """The author's annotations with those written as text evaluated, where all of them can be."""
    function = inspect.unwrap(getattr(method, "__func__", method))
    try:
        return typing.get_type_hints(function, include_extras=True)
    except Exception:  # noqa: BLE001 - a name known to type checkers only; plain names still count
        return {}


def _wanted(p: Parameter, known: dict[str, Any]) -> Any:
    wanted = _resolved(known.get(p.name, p.annotation))
    if wanted is ANY and type(p.default) in (bool, str):
        return type(p.default)  # a switch stays a switch, and text stays text, without annotation
    return wanted


def _resolved(annotation: Any) -> Any:
    if annotation is None or annotation is types.NoneType:
        return types.NoneType
    if isinstance(annotation, str):
        named = {"str": str, "int": int, "float": float, "bool": bool, "bytes": bytes}
        return types.NoneType if annotation == "None" else named.get(annotation, ANY)
    return plain(annotation)


def _taken(method: Callable[..., Any]) -> frozenset[str]:
    """The names of `self` along a chain of decorators: an option of that name would collide."""
    names: list[str] = []
    function = getattr(method, "__func__", method)
    while function is not None:
        try:
            names += _first(inspect.signature(function, follow_wrapped=False).parameters)
        except (TypeError, ValueError):
            pass  # a built-in wrapper such as lru_cache has no signature of its own
        function = getattr(function, "__wrapped__", None)
    return frozenset(names)


def _first(parameters: Iterable[str]) -> list[str]:
    return list(parameters)[:1]
