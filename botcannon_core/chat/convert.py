"""One typed word becomes the value that a parameter's annotation asks for, or a one-line refusal.

Not here: which word goes to which parameter (bind). Text is never reinterpreted: a `str` gets what
was typed, and without an annotation only what reads back exactly as typed (`5`, `2.5`, `true`) is
more than text.
"""

from __future__ import annotations

import math
import re
import types
import typing
from collections.abc import Callable, Hashable
from enum import Enum
from inspect import Parameter
from typing import Any, Literal

from botcannon_core.chat.leaves import is_leaf_type
from botcannon_core.chat.parse import Word
from botcannon_core.chat.refused import Refused, nearest, shown

ANY = Parameter.empty  # no annotation
_TRUE, _FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")
_LISTS: dict[Any, type] = {list: list, tuple: tuple, set: set, frozenset: frozenset}
_WHOLE = re.compile(r"[+-]?[0-9]{1,4000}\Z")  # Python refuses to read more than 4,300 digits
_DECIMAL = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\Z")
_SCALARS = {"datetime": ("date", "datetime", "time"), "decimal": ("Decimal",), "uuid": ("UUID",)}


class _Unfit(Exception):
    """The word is no such value; the text is what one would be. Never leaves this module."""


def convert(word: Word, wanted: Any, whose: str) -> Any:
    """`word` as a value of the annotation `wanted`; raises Refused, naming `whose` value it is."""
    try:
        return _value(word, plain(wanted))
    except _Unfit as unfit:
        raise Refused(f"{whose} must be {unfit}, not {shown(word.text)}") from None


def plain(wanted: Any) -> Any:
    """An annotation without what does not matter here: Annotated, NewType, type variables."""
    while True:
        if typing.get_origin(wanted) is typing.Annotated:
            wanted = typing.get_args(wanted)[0]
        elif hasattr(wanted, "__supertype__"):
            wanted = wanted.__supertype__
        elif type(wanted).__name__ == "TypeAliasType":  # `type X = ...`, from Python 3.12 on
            wanted = wanted.__value__
        else:
            break
    # what is no type (a text, a number, a dict) is a note to readers, and asks for nothing
    no_type = not isinstance(wanted, Hashable) or isinstance(wanted, (typing.TypeVar, str, int))
    return ANY if no_type or wanted in (Any, object) else wanted


def is_switch(wanted: Any) -> bool:
    """Whether a bare `--name` is the whole of such an option."""
    return alternatives(wanted) in ([bool], [bool, None])


def item_type(wanted: Any) -> Any:
    """What the items of a list-like annotation are, or None if it is no list."""
    for choice in alternatives(wanted):
        if (typing.get_origin(choice) or choice) in _LISTS:
            return (typing.get_args(choice) or (str,))[0]
    return None


def places(wanted: Any) -> tuple[Any, ...]:
    """The type of each item where an annotation counts them (`tuple[int, str]`), else nothing."""
    args = typing.get_args(wanted) if typing.get_origin(wanted) is tuple else ()
    return () if Ellipsis in args else args


def alternatives(wanted: Any) -> list[Any]:
    """The members of a union (None last), or the annotation alone."""
    wanted = plain(wanted)
    if typing.get_origin(wanted) not in (typing.Union, types.UnionType):
        return [wanted]
    inner = [plain(choice) for choice in typing.get_args(wanted)]
    # text takes everything, so it is asked after all others
    return sorted(
        (None if choice is types.NoneType else choice for choice in inner),
        key=lambda choice: (choice is None, choice is str),
    )


def choices(wanted: Any) -> list[str]:
    """Every text that such a value may be typed as, if they can be counted; else nothing."""
    found: list[str] = []
    for choice in alternatives(wanted):
        if typing.get_origin(choice) is Literal:
            found += [str(value) for value in typing.get_args(choice)]
        elif isinstance(choice, type) and issubclass(choice, Enum):
            found += [name.lower().replace("_", "-") for name in choice.__members__]
    return found


def kind_name(wanted: Any) -> str:
    """What a help page calls such a value."""
    if named := choices(wanted):
        return " or ".join(", ".join(named).rsplit(", ", 1))
    names = {int: "whole number", float: "number", bool: "yes or no", str: "text", ANY: "text"}
    first = alternatives(wanted)[0]
    if counted := places(first):
        return _counted(counted)
    if (item := item_type(wanted)) is not None:
        return f"list of {kind_name(item)}, with commas"
    return names.get(first) or str(getattr(first, "__name__", "value")).lower()


def ends_the_walk(wanted: Any) -> bool:
    """Whether a call that says it returns this leaves nothing to walk on with."""
    return all(
        choice is None
        or (isinstance(choice, type) and choice is not ANY and is_leaf_type(choice))
        or typing.get_origin(choice) is Literal
        for choice in alternatives(wanted)
    )


def _value(word: Word, wanted: Any) -> Any:
    origin = typing.get_origin(wanted) or wanted
    if origin in (typing.Union, types.UnionType):
        return _first_that_fits(word, alternatives(wanted))
    if origin is Literal:
        return _one_of(word, {str(value): value for value in typing.get_args(wanted)})
    if origin in _LISTS:
        parts = [Word(part.strip(), word.quoted) for part in word.text.split(",") if part.strip()]
        if counted := places(wanted):
            return _each_in_its_place(parts, counted)
        item = item_type(wanted)
        return _LISTS[origin](_value(part, plain(item)) for part in parts)
    if isinstance(origin, type) and issubclass(origin, Enum):
        return _enum(word, origin)
    if reader := _reader(origin):
        return reader(word)
    raise _Unfit("left out: its type cannot be typed in a chat")


def _each_in_its_place(parts: list[Word], counted: tuple[Any, ...]) -> tuple[Any, ...]:
    if len(parts) != len(counted):
        raise _Unfit(_counted(counted))
    found = []
    for place, (part, wanted) in enumerate(zip(parts, counted, strict=True), 1):
        try:
            found.append(_value(part, plain(wanted)))
        except _Unfit as unfit:
            raise _Unfit(f"{unfit} at place {place}") from None
    return tuple(found)


def _counted(places: tuple[Any, ...]) -> str:
    kinds = ", ".join(kind_name(one) for one in places)
    return f"{len(places)} items with commas ({kinds})" if len(places) > 1 else f"one {kinds}"


def _reader(wanted: Any) -> Callable[[Word], Any] | None:
    simple: dict[Any, Callable[[Word], Any]] = {
        ANY: _guess,
        str: lambda word: word.text,
        int: _whole,
        float: _number,
        bool: _switch,
        bytes: lambda word: word.text.encode(errors="replace"),
    }
    if wanted in simple:
        return simple[wanted]
    module, name = getattr(wanted, "__module__", ""), getattr(wanted, "__name__", "")
    if name in _SCALARS.get(module, ()):
        return lambda word: _scalar(word, wanted)
    if module.startswith("pathlib") and is_leaf_type(wanted):
        return lambda word: wanted(word.text)
    return None


def _guess(word: Word) -> Any:
    """A number or truth value if the word is exactly how that is written, else the word's text."""
    if word.quoted:
        return word.text
    if word.text in ("true", "True", "false", "False"):
        return word.text in ("true", "True")
    for reader in (_whole, _number):
        try:
            value = reader(word)
        except _Unfit:
            continue
        if str(value) == word.text:  # 007, 1.50 and 1e5 stay as typed
            return value
    return word.text


def _whole(word: Word) -> int:
    if not _WHOLE.match(word.text):
        raise _Unfit("a whole number")
    return int(word.text)


def _number(word: Word) -> float:
    if not _DECIMAL.match(word.text) or not math.isfinite(float(word.text)):
        raise _Unfit("a number")
    return float(word.text)


def _switch(word: Word) -> bool:
    if (said := word.text.lower()) not in _TRUE + _FALSE:
        raise _Unfit("yes or no")
    return said in _TRUE


def _scalar(word: Word, wanted: Any) -> Any:
    read = getattr(wanted, "fromisoformat", wanted)
    try:
        value = read(word.text.strip())
    except (ValueError, ArithmeticError):
        raise _Unfit(_EXAMPLES[wanted.__name__]) from None
    if wanted.__name__ == "Decimal" and not value.is_finite():
        raise _Unfit(_EXAMPLES["Decimal"])
    return value


_EXAMPLES = {
    "date": "a date such as 2024-12-31",
    "datetime": "a date and time such as 2024-12-31T23:59",
    "time": "a time such as 23:59",
    "Decimal": "a number",
    "UUID": "a UUID",
}


def _enum(word: Word, wanted: type[Enum]) -> Enum:
    known = {name.lower().replace("_", "-"): member for name, member in wanted.__members__.items()}
    by_value = {str(member.value): member for member in wanted}
    said = word.text.lower().replace("_", "-")
    return by_value[word.text] if word.text in by_value else _one_of(Word(said), known)


def _one_of(word: Word, known: dict[str, Any]) -> Any:
    if word.text in known:
        return known[word.text]
    near = nearest(word.text, known)
    hint = f" (did you mean {near!r}?)" if near else ""
    raise _Unfit("one of " + ", ".join(known) + hint)


def _first_that_fits(word: Word, wanted: list[Any]) -> Any:
    if None in wanted and str not in wanted and not word.quoted and word.text in ("none", "None"):
        return None
    said: list[str] = []
    for choice in wanted:
        if choice is None:
            continue
        try:
            return _value(word, choice)
        except _Unfit as unfit:
            said.append(str(unfit))
    raise _Unfit(" or ".join(said))
