"""A verb's signature as the command line sees it: which words and options it takes, how that is shown.

Pure. Not here: reading the words somebody typed (words).

A verb is a plain function. Its signature says everything:

    def logs(service: str = "", *, follow: Annotated[bool, Short("f")] = False,
             lines: Annotated[int, Short("n")] = 10, file: str | None = None) -> None:

- Parameters before the `*` are words in their order; one with a default may be left out.
  `*services: str` takes all further words; `*words: Annotated[str, Rest()]` takes them exactly as
  typed, options included.
- Keyword-only ones are options. A `bool` is a switch (`--follow`) and never takes a word. Others take a
  value: `--lines=5` or `--lines 5`. One without a default has to be given.
- Types are str, int, float, Path, Literal[...] and any of these `| None`. A number is at least 0.
- `**fields: str` takes every other `--name=value`, under the name as typed.
"""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from inspect import Parameter
from typing import Any, Literal


@dataclass(frozen=True)
class Short:
    """In an option's annotation: the option can also be written as this one letter (`-f`, `-n5`)."""

    letter: str


@dataclass(frozen=True)
class Rest:
    """In the annotation of `*words`: from the first of these words on, nothing is an option."""


@dataclass(frozen=True)
class Slot:
    """One parameter as the command line sees it."""

    name: str
    kind: Any
    type: Any
    default: Any
    short: str = ""
    rest: bool = False

    @property
    def required(self) -> bool:
        """It has no default, so it has to be written."""
        return self.default is Parameter.empty

    @property
    def option(self) -> str:
        """How it is written as an option: `--any-name`."""
        return "--" + self.name.replace("_", "-")

    @property
    def choices(self) -> tuple[str, ...]:
        """The only values it may have; empty if there is no such list."""
        return typing.get_args(self.type) if typing.get_origin(self.type) is Literal else ()

    @property
    def shown(self) -> str:
        """How usage lines and errors write its value: SERVICE, or `text|json`."""
        return "|".join(filter(None, self.choices)) or self.name.upper()

    @property
    def is_switch(self) -> bool:
        """It takes no value."""
        return self.type is bool


def usage(verb: str, function: Callable[..., Any]) -> str:
    """One line: how the verb is written."""
    return usage_of(verb, slots(function))


def usage_of(verb: str, parameters: Sequence[Slot]) -> str:
    """The same, for a signature that was read already."""
    return " ".join(["botcannon", verb, *(_written(slot) for slot in parameters)])


def explained(verb: str, function: Callable[..., Any]) -> str:
    """The whole help text of a verb: its usage line, then its docstring."""
    return f"usage: {usage(verb, function)}\n\n{inspect.getdoc(function) or ''}".rstrip()


def slots(function: Callable[..., Any]) -> tuple[Slot, ...]:
    """The parameters of a verb, in their order, with their types resolved."""
    hints = typing.get_type_hints(function, include_extras=True)
    return tuple(
        _slot(parameter, hints.get(parameter.name, str))
        for parameter in inspect.signature(function).parameters.values()
    )


def _slot(parameter: Parameter, hint: Any) -> Slot:
    marks: tuple[Any, ...] = getattr(hint, "__metadata__", ())
    bare = hint.__origin__ if marks else hint
    return Slot(
        name=parameter.name,
        kind=parameter.kind,
        type=_without_none(bare),
        default=parameter.default,
        short=next((mark.letter for mark in marks if isinstance(mark, Short)), ""),
        rest=any(isinstance(mark, Rest) for mark in marks),
    )


def _without_none(hint: Any) -> Any:
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return next(part for part in typing.get_args(hint) if part is not type(None))
    return hint


def _written(slot: Slot) -> str:
    if slot.kind is Parameter.VAR_POSITIONAL:
        return f"[{slot.name.upper().removesuffix('S')}...]"
    if slot.kind is Parameter.VAR_KEYWORD:
        return f"[--ANY-{slot.name.upper().removesuffix('S')}=VALUE...]"
    if slot.kind is not Parameter.KEYWORD_ONLY:
        return slot.shown if slot.required else f"[{slot.shown}]"
    text = slot.option if slot.is_switch else f"{slot.option}={slot.shown}"
    if slot.short:
        text = f"-{slot.short}|{text}"
    return text if slot.required else f"[{text}]"
