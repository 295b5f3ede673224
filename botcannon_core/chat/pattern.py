"""The pattern of an access rule, `users delete *`: which commands it means.

`*` and `?` stand for any text within a word; a `*` as the last word stands for everything that may
follow, also nothing. `--name=...` and `--name` speak of a parameter, however it was given. A pattern
*covers* a command (which allows it) strictly, and *hits* it (which denies it) generously: whatever is
in doubt is not allowed and is denied. Not here: who is meant (acl).
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from botcannon_core.chat.parse import Word, split
from botcannon_core.chat.refused import Refused
from botcannon_core.chat.said import Line, Said

ANY = "*"


@dataclass(frozen=True)
class Pattern:
    """Words to be matched in order, and what must be true of parameters: name and value or None."""

    words: tuple[str, ...]
    options: tuple[tuple[str, str | None], ...] = ()

    def covers(self, line: Line, is_open: bool = False) -> bool:
        """Whether all of the command is meant; `is_open`: or may be, once it goes on."""
        left = list(line)
        for name, wanted in self.options:
            named = [one for one in left if one.option == name]
            if any(not _allows_value(one, wanted) for one in named) or not (named or is_open):
                return False
            left = [one for one in left if one.option != name]
        return _covers(self.words, left, is_open)

    def hits(self, line: Line) -> bool:
        """Whether the command, or what it begins with, is meant in any reading of it."""
        for name, wanted in self.options:
            if not any(one.option == name and _denies_value(one, wanted) for one in line):
                return False
        return _hits(self.words, line)


def pattern(text: str) -> Pattern:
    """The pattern that `text` writes down; raises ValueError if it is none."""
    try:
        words = split(text)
    except Refused as refused:
        raise ValueError(str(refused)) from None
    plain = tuple(word.text for word in words if not word.is_option)
    if not plain or words[0].is_option:
        raise ValueError("must begin with a command, or with `*` for all of them")
    if any(word.is_end for word in words):
        raise ValueError("a lone '-' means nothing here")
    return Pattern(plain, tuple(_option(word) for word in words if word.is_option))


def matches(text: str, glob: str) -> bool:
    """Whether `text` is what `glob` says, exactly; only `*` and `?` are special."""
    return fnmatchcase(text, glob.replace("[", "[[]"))


def resembles(text: str, glob: str) -> bool:
    """Whether `text` could be taken for what `glob` says: in another case, form or number of zeros."""
    return matches(_folded(text), _folded(glob)) or _is_same_number(text, glob)


def _option(word: Word) -> tuple[str, str | None]:
    if not word.text.startswith("--"):
        raise ValueError(f"write options as --name or --name=value, not {word.text!r}")
    name = word.text.removeprefix("--").replace("-", "_")
    return name, word.value.text if word.value is not None else None


def _covers(words: Sequence[str], line: Sequence[Said], is_open: bool) -> bool:
    while line:
        if tuple(words) == (ANY,):
            return True
        if words and _is_word(line[0], words[0]):
            words, line = words[1:], line[1:]
        elif passed := _defaults(line):
            line = line[passed:]
        else:
            return False
    return is_open or tuple(words) in ((), (ANY,))


def _defaults(line: Sequence[Said]) -> int:
    """How many words may be passed over because nobody typed them: all that are left of a call, or none.

    A default in the middle must not let a later word stand in its place.
    """
    here = [one for one in line if one.call and one.call == line[0].call]
    return len(here) if all(one.left_out for one in here) else 0


def _is_word(one: Said, glob: str) -> bool:
    if one.is_name:
        return matches(one.text, glob.replace("_", "-"))
    return not one.by_name and _allows_value(one, glob)


def _allows_value(one: Said, wanted: str | None) -> bool:
    if wanted is None:
        return one.is_on
    return all(matches(text, wanted) for text in one.parts or (one.text,))


def _denies_value(one: Said, wanted: str | None) -> bool:
    if wanted is None:
        return one.is_on
    return any(resembles(text, wanted) for text in one.texts)


def _hits(words: Sequence[str], line: Sequence[Said]) -> bool:
    """Follow every way in which the words may lie on the line at once, so that none takes long."""
    places = {0}
    for word in words:
        if word == ANY:
            places = set(range(min(places), len(line) + 1))
            continue
        places = {after for place in places for after in _found(word, line, place)}
        if not places:
            return False
    return True


def _found(word: str, line: Sequence[Said], place: int) -> list[int]:
    """Behind which words of the line `word` may have been found, looking from `place` on."""
    found = []
    for at in _places(line, place):
        if not line[at].by_name and _denies_value(line[at], word):
            found.append(at + 1)
    return found


def _places(line: Sequence[Said], place: int) -> Iterator[int]:
    """Where the next word of a pattern may stand: what its author did not think of hides nothing."""
    here = [at for at in range(place, len(line)) if line[at].call == line[place].call != 0]
    after = here[-1] + 1 if here else place
    for at in here:
        yield at
        if not (line[at].left_out or line[at].by_name or line[at].rest):
            break
    yield from (at for at in here if line[at].rest)
    if after < len(line):
        yield after  # the name behind the call, whatever the call was given


def _folded(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().replace("_", "-").split())


def _is_same_number(text: str, other: str) -> bool:
    try:
        first, second = float(text), float(other)
    except ValueError:
        return False
    return math.isclose(first, second, rel_tol=1e-12) or first == second
