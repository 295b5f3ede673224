"""The words of the command line, checked against a verb's signature before the verb runs.

Pure: words in, arguments out, or a UsageError. Not here: what a signature may say (signature), which
verbs there are (verbs) and what they do.

A switch takes no word; other options take one, as `--name=value` or `--name value`, `-n5` or `-n 5`.
Texts arrive as typed. A number is a count or a time, so that less than 0 is refused. `--` ends the
options; `-h` and `--help` raise HelpAsked.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from inspect import Parameter
from pathlib import Path
from typing import Any

from botcannon_core.cli.signature import Slot, slots, usage_of
from botcannon_core.errors import UsageError, suggest

_NUMBER = re.compile(r"[+-]?[0-9]+")


class HelpAsked(Exception):
    """The words hold `-h` or `--help` where an option may stand."""


@dataclass(frozen=True)
class Call:
    """The arguments of a verb, ready for `function(*args, **kwargs)`."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]


def bound(verb: str, function: Callable[..., Any], words: Sequence[str]) -> Call:
    """The arguments that `words` give to `function`, all of them checked.

    Raises UsageError for the first word that is wrong, and HelpAsked when the words ask for help.
    """
    return _Reading(verb, slots(function), list(words)).call()


@dataclass
class _Reading:
    """One pass over the words of one command."""

    verb: str
    parameters: tuple[Slot, ...]
    left: list[str]
    plain: list[str] = field(default_factory=list)
    given: dict[str, Any] = field(default_factory=dict)

    def call(self) -> Call:
        while self.left:
            self._take(self.left.pop(0))
        return Call(self._args(), self._kwargs())

    def _take(self, word: str) -> None:
        if self._rest_has_begun() or word == "-" or not word.startswith("-"):
            self.plain.append(word)
        elif word == "--":
            self.plain += self.left
            self.left = []
        elif word in ("-h", "--help"):
            raise HelpAsked
        elif word.startswith("--"):
            self._take_long(word)
        else:
            self._take_short(word)

    def _rest_has_begun(self) -> bool:
        named = len(self._places())
        return self._rest() is not None and len(self.plain) >= max(named, 1)

    def _take_long(self, word: str) -> None:
        written, equals, value = word.partition("=")
        slot = self._option(written)
        if slot is None:
            self._take_field(written, value if equals else None)
        elif slot.is_switch:
            if equals:
                raise self._wrong(f"{written} is a switch and takes no value, not {value!r}")
            self.given[slot.name] = True
        else:
            self._give(slot, written, value if equals else self._next(written))

    def _take_short(self, word: str) -> None:
        slot = next((s for s in self._options() if s.short and s.short == word[1]), None)
        if slot is None:
            raise self._wrong(f"unknown option {word!r}{self._hint()}")
        if slot.is_switch:
            self.given[slot.name] = True
            if word[2:]:  # -fn5 is -f -n5
                self.left.insert(0, "-" + word[2:])
        else:
            self._give(slot, word[:2], word[2:].removeprefix("=") or self._next(word[:2]))

    def _take_field(self, written: str, value: str | None) -> None:
        name = written.removeprefix("--")
        if not any(slot.kind is Parameter.VAR_KEYWORD for slot in self.parameters):
            near = suggest(written, [slot.option for slot in self._options()] + ["--help"])
            raise self._wrong(f"unknown option {written!r}{near or self._hint()}")
        if any(
            slot.name == name and slot.kind is Parameter.POSITIONAL_OR_KEYWORD
            for slot in self.parameters
        ):
            raise self._wrong(f"{name.upper()} is written as a word, not as {written}")
        if name in self.given:
            raise self._wrong(f"{written} is given twice")
        self.given[name] = self._next(written) if value is None else value

    def _give(self, slot: Slot, written: str, text: str) -> None:
        if slot.name in self.given:
            raise self._wrong(f"{written} is given twice")
        self.given[slot.name] = self._converted(slot, text, written)

    def _next(self, written: str) -> str:
        if not self.left:
            raise self._wrong(f"{written} needs a value")
        if self.left[0].startswith("--"):
            raise self._wrong(
                f"{written} needs a value; if it is meant, write {written}={self.left[0]}"
            )
        return self.left.pop(0)

    def _converted(self, slot: Slot, text: str, written: str) -> Any:
        choices = slot.choices
        if choices and text not in choices:
            allowed = ", ".join(filter(None, choices))
            raise self._wrong(
                f"{written} must be one of {allowed}, not {text!r}{suggest(text, choices)}"
            )
        if slot.type is int and not _NUMBER.fullmatch(text):
            raise self._wrong(f"{written} must be a whole number, not {text!r}")
        if slot.type is float and not _is_finite(text):
            raise self._wrong(f"{written} must be a number, not {text!r}")
        if slot.type in (int, float) and slot.type(text) < 0:
            raise self._wrong(f"{written} must be at least 0, not {text!r}")
        return slot.type(text) if slot.type in (int, float, Path) else text

    def _args(self) -> tuple[Any, ...]:
        places, plain = self._places(), self.plain
        missing = [slot.shown for slot in places[len(plain) :] if slot.required]
        if missing:
            raise self._wrong(f"{' and '.join(missing)} missing{self._hint()}")
        surplus = plain[len(places) :]
        if surplus and not any(s.kind is Parameter.VAR_POSITIONAL for s in self.parameters):
            raise self._wrong(f"surplus word {surplus[0]!r}{self._hint()}")
        named = [
            self._converted(slot, text, slot.shown)
            for slot, text in zip(places, plain, strict=False)
        ]
        # a place left out before none that follow: Python's own defaults fill the tail
        return (*named, *surplus)

    def _kwargs(self) -> dict[str, Any]:
        for slot in self._options():
            if slot.required and slot.name not in self.given:
                raise self._wrong(f"{slot.option} missing{self._hint()}")
        return self.given

    def _option(self, written: str) -> Slot | None:
        name = written.removeprefix("--").replace("-", "_")
        return next((slot for slot in self._options() if slot.name == name), None)

    def _options(self) -> list[Slot]:
        return [slot for slot in self.parameters if slot.kind is Parameter.KEYWORD_ONLY]

    def _places(self) -> list[Slot]:
        places = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
        return [slot for slot in self.parameters if slot.kind in places]

    def _rest(self) -> Slot | None:
        return next((slot for slot in self.parameters if slot.rest), None)

    def _hint(self) -> str:
        return f"; usage: {usage_of(self.verb, self.parameters)}"

    def _wrong(self, text: str) -> UsageError:
        return UsageError(f"{self.verb}: {text}")


def _is_finite(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False
