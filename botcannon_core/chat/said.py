"""A command as it was understood, in one spelling: each name walked and each argument bound, as a word.

Access rules and the audit look at this and never at the text that was typed, so that another spelling
of a command is still the same command. Not here: what rules say about it (pattern, acl).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import Enum
from inspect import Parameter
from typing import Any

from botcannon_core.chat.bind import Call
from botcannon_core.chat.parse import quoted
from botcannon_core.chat.shape import shape

_TRUE, _FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


@dataclass(frozen=True)
class Said:
    """One word of a command: a name on the way, a key, or (with a `call` number) an argument of a call.

    `parts` are its texts one by one where it is a list; `also` are other texts that mean the same.
    `option` is the parameter that it fills; `by_name` tells that only a name can fill that one, `rest`
    that it is one of any number, `left_out` that nobody typed it: it is the default.
    """

    text: str
    parts: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    call: int = 0
    option: str = ""
    by_name: bool = False
    rest: bool = False
    left_out: bool = False
    is_on: bool = True
    is_name: bool = False

    @property
    def texts(self) -> tuple[str, ...]:
        """Every text that means this word or a part of it."""
        return (self.text, *self.parts, *self.also)

    def spelled(self, named: bool = False) -> str:
        """The word as it would be typed; `named`: as an option."""
        text = self.text if _is_plain(self.text) else quoted(self.text)
        return f"--{self.option.replace('_', '-')}={text}" if named or self.by_name else text


Line = tuple[Said, ...]


def name(text: str) -> Said:
    """An attribute's name, in the spelling with hyphens."""
    return Said(text.replace("_", "-"), is_name=True)


def key(container: Any, text: str) -> Said:
    """What `text` finds in a plain container: `02` and `-1` are the place that they mean."""
    digits = text.removeprefix("-")
    is_whole = digits.isascii() and digits.isdigit() and len(digits) < 19
    if type(container) in (list, tuple) and is_whole and container:
        return Said(str(int(text) % len(container)), also=(text,))
    if (
        type(container) is dict
        and is_whole
        and not any(type(k) is str and k == text for k in container)
    ):
        return Said(str(int(text)), also=(text,))
    return Said(text, also=(text,))


def arguments(method: Callable[..., Any], call: Call, number: int) -> Line:
    """The arguments of a bound call, in the order of its parameters; defaults too."""
    what = shape(method)
    bound = what.signature.bind(*call.args, **call.kwargs).arguments
    found: list[Said] = []
    for p in what.parameters.values():
        given = replace(Said("", call=number, option=p.name), left_out=p.name not in call.given)
        if p.kind is Parameter.VAR_POSITIONAL:
            surplus = replace(given, option="", rest=True, left_out=False)
            found += [_valued(surplus, value) for value in bound.get(p.name, ())]
        elif p.kind is Parameter.VAR_KEYWORD:
            extra = replace(given, by_name=True, left_out=False)
            named = bound.get(p.name, {}).items()
            found += [_valued(replace(extra, option=option), value) for option, value in named]
        elif p.name in bound:
            by_name = p.kind is Parameter.KEYWORD_ONLY
            found.append(_valued(replace(given, by_name=by_name), bound[p.name]))
    return tuple(found)


def spelled(line: Iterable[Said]) -> str:
    """The command as one line that would be understood the same; what nobody typed is left out."""
    words: list[str] = []
    passed = 0  # the call of which a parameter was left out: the next ones must be named
    for one in line:
        if one.left_out:
            passed = one.call
        else:
            words.append(one.spelled(named=bool(one.option) and one.call == passed != 0))
    return " ".join(words)


def _valued(said: Said, value: Any) -> Said:
    if type(value) in (list, tuple, set, frozenset):
        each = [_texts(item) for item in value]
        parts = [texts[0] for texts in each]
        if type(value) in (set, frozenset):
            parts.sort()  # so that it is the same text in each process
        also = tuple(text for texts in each for text in texts[1:])
        return replace(said, text=",".join(parts), parts=tuple(parts), also=also, is_on=bool(value))
    text, *others = _texts(value)
    is_on = value is not None and value is not False
    return replace(said, text=text, also=tuple(others), is_on=is_on)


def _texts(value: Any) -> tuple[str, ...]:
    """How a value is written, the usual way first."""
    if value is None or type(value) is bool:
        return ("none",) if value is None else (_TRUE if value else _FALSE)
    if isinstance(value, Enum):
        return (value.name.lower().replace("_", "-"), value.name, *_texts(value.value)[:1])
    if isinstance(value, (bytes, bytearray)):
        return (bytes(value).decode(errors="replace"),)
    try:
        return (str(value),)
    except Exception:  # noqa: BLE001 - a default of the author's own class; nobody can have typed it
        return (f"<{type(value).__name__}>",)


def _is_plain(text: str) -> bool:
    return (
        bool(text) and text[0] != "-" and not any(c.isspace() or c in "\"'“”„‘’‚`=" for c in text)
    )
