"""The short text of a type becomes the type: `list of int`, `mapping of string to decimal`.

    type    one, or several with `or` between them, which binds loosest
    one     a scalar's name, `list`, `set`, `dict`, or any of these:
            list of one    set of one    mapping of one to one    optional one
            one of a, b, "c d", 4        (type)

The text of every type is read back as the same type. Not here: the longer forms (declared).
"""

from __future__ import annotations

import json
import re
from functools import cache

from botcannon_core.contract.kind import Kind
from botcannon_core.contract.nested import Either, ListOf, MappingOf, OneOf, Optional, SetOf
from botcannon_core.contract.scalars import SCALARS
from botcannon_core.errors import suggest

MOST_TEXT = 2000  # characters; nobody reads a longer one, and its nesting stays within the stack

_TOKEN = re.compile(r'\s*(?:([(),])|("(?:[^"\\]|\\.)*"|\'[^\']*\')|([^\s(),"\']+))')
_WHOLE = re.compile(r"[+-]?\d{1,300}\Z", re.ASCII)
_FRACTION = re.compile(r"[+-]?\d{1,300}\.\d{1,300}\Z", re.ASCII)
_SAID_OTHERWISE = {
    "str": "string",
    "text": "string",
    "integer": "int",
    "number": "float",
    "boolean": "bool",
    "array": "list",
    "object": "dict",
    "mapping": "dict",
    "map": "dict",
    "timestamp": "datetime",
    "date": "datetime",
    "binary": "bytes",
}
_STARTS = (*SCALARS, "list", "set", "dict", "mapping of", "one of", "optional")


@cache
def parse(text: str) -> Kind:
    """The type that `text` says; raises ValueError with words for people."""
    if len(text) > MOST_TEXT:
        raise ValueError(f"is too long for a type: {MOST_TEXT} characters at most")
    reader = _Reader(_tokens(text))
    found = reader.type()
    if reader.word:
        raise ValueError(f"ends before {reader.word!r}; {_needs()}")
    return found


def _needs() -> str:
    return f"a type begins with one of {', '.join(_STARTS)}"


def _tokens(text: str) -> list[str]:
    found, at = [], 0
    while at < len(text.rstrip()):
        match = _TOKEN.match(text, at)
        if match is None:
            raise ValueError("is no type: a quote is open")
        found.append(match.group().strip())
        at = match.end()
    return found


class _Reader:
    """Reads tokens from left to right; each method takes what is its own and leaves the rest."""

    def __init__(self, tokens: list[str]) -> None:
        self.tokens = tokens[::-1]

    @property
    def word(self) -> str:
        """What comes next; empty at the end."""
        return self.tokens[-1] if self.tokens else ""

    def takes(self, word: str) -> bool:
        """Take the next token if it is `word`."""
        if self.word != word:
            return False
        self.tokens.pop()
        return True

    def needs(self, word: str, after: str) -> None:
        """Take `word`, or say that it is missing."""
        if not self.takes(word):
            raise ValueError(f"lacks {word!r} after {after!r}; write `{after} {word} …`")

    def type(self) -> Kind:
        kinds = [self.one()]
        while self.takes("or"):
            kinds.append(self.one())
        return Either(tuple(kinds)) if len(kinds) > 1 else kinds[0]

    def one(self) -> Kind:
        word = self.word
        if not word:
            raise ValueError(f"is no whole type; {_needs()}")
        self.tokens.pop()
        if word == "(":
            return self.grouped()
        if word == "optional":
            return Optional(self.one())
        if word in ("list", "set"):
            item = self.one() if self.takes("of") else SCALARS["any"]
            return ListOf(item) if word == "list" else SetOf(item)
        if word == "dict":
            return MappingOf(SCALARS["any"], SCALARS["any"])
        if word == "mapping" and self.word == "of":
            return self.mapping()
        if word == "one":
            self.needs("of", "one")
            return self.choices()
        return _scalar(word)

    def grouped(self) -> Kind:
        found = self.type()
        if not self.takes(")"):
            raise ValueError("lacks a closing )")
        return found

    def mapping(self) -> Kind:
        self.takes("of")
        key = self.one()
        self.needs("to", f"mapping of {key}")
        return MappingOf(key, self.one())

    def choices(self) -> Kind:
        found = [self.choice()]
        while self.takes(","):
            found.append(self.choice())
        twice = [choice for choice in found if found.count(choice) > 1]
        if twice:
            raise ValueError(f"names the choice {twice[0]!r} twice")
        return OneOf(tuple(found))

    def choice(self) -> str | int | float:
        word = self.word
        if word in ("", ",", "(", ")", "or", "to"):
            hint = f"; write {word!r} in quotes if it is one" if word in ("or", "to") else ""
            raise ValueError(f"lacks a choice: `one of a, b, c`{hint}")
        self.tokens.pop()
        if word[0] == "'":
            return word[1:-1]
        if word[0] == '"':
            return _unquoted(word)
        if _WHOLE.match(word):
            return int(word)
        return float(word) if _FRACTION.match(word) else word


def _unquoted(word: str) -> str:
    try:
        return str(json.loads(word, strict=False))
    except ValueError:
        raise ValueError("has a backslash in a quoted choice that stands before nothing") from None


def _scalar(word: str) -> Kind:
    if word in SCALARS:
        return SCALARS[word]
    if other := _SAID_OTHERWISE.get(word.lower()):
        raise ValueError(f"no type is called {word!r}; write {other!r}")
    raise ValueError(f"no type is called {word!r}{suggest(word, _STARTS) or '; ' + _needs()}")
