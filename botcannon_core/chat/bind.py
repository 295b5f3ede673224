"""Words become the arguments of one method, completely, before anything is called.

Not here: what a word becomes under an annotation (convert) and who calls (command). Every mistake is
a Refused of one line: an unknown option, a missing or surplus argument, a value that does not fit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from inspect import Parameter
from typing import Any

from botcannon_core.chat.convert import (
    ANY,
    choices,
    convert,
    ends_the_walk,
    is_switch,
    item_type,
)
from botcannon_core.chat.parse import Word
from botcannon_core.chat.refused import Refused, nearest, shown
from botcannon_core.chat.shape import (
    BY_PLACE,
    PROGRESS,
    Shape,
    option_name,
    shape,
    spelled,
    usage,
)

Progress = Callable[..., None]
"""What a command calls to say how far it is: with a text, a fraction, or both."""


@dataclass(frozen=True)
class Call:
    """The arguments of a call that fits its method, and the words that walk on through its result.

    `given` are the parameters that were typed; the others have their defaults.
    """

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    rest: list[Word]
    given: frozenset[str] = frozenset()


def unheard(*_said: object) -> None:
    """The progress of a command that nobody watches."""


def bind(
    name: str, method: Callable[..., Any], words: Sequence[Word], progress: Progress = unheard
) -> Call:
    """The call of `method` that `words` ask for; raises Refused unless it fits. Calls nothing.

    A parameter `progress` gets what is given here.
    """
    what = shape(method)
    binder = _Binder(name, what, {PROGRESS: progress} if what.tells else {})
    rest = binder.take(list(words))
    call = binder.call(rest)
    _check_rest(name, binder.shape, rest)
    return call


def leaves(method: Callable[..., Any], words: Sequence[Word]) -> bool:
    """Whether `method` can take these words but not the last of them as arguments. Calls nothing."""
    what = shape(method)
    try:
        _Binder("", what).take(list(words[:-1]))
    except Refused:
        return False  # that is what is wrong, then
    try:
        return bool(_Binder("", what).take(list(words)))
    except Refused:
        return True


def spellings(method: Callable[..., Any], said: Sequence[Word], start: str) -> list[str]:
    """What may come next in a command: an option not yet given, or one of a parameter's choices."""
    what = shape(method)
    given = {word.text for word in said}
    options = [option for p in what.options if (option := option_name(p)) not in given]
    if start.startswith("-"):
        return options
    place = sum(not word.is_option for word in said)
    here = what.positional[place : place + 1] or ([what.surplus] if what.surplus else [])
    return [choice for p in here for choice in choices(p.annotation)] or options


@dataclass
class _Binder:
    """Fills parameters from left to right: a word the next free one, an option the one it names."""

    name: str
    shape: Shape
    values: dict[str, Any] = field(default_factory=dict)
    surplus: list[Any] = field(default_factory=list)
    extra: dict[str, Any] = field(default_factory=dict)

    def take(self, words: list[Word]) -> list[Word]:
        """Take what is this call's; give back the words that walk on."""
        while words:
            if words[0].is_end:
                return words[1:]
            if words[0].is_option:
                words = self._option(words[0], words[1:])
            elif not self._place(words[0]):
                return words
            else:
                words = words[1:]
        return words

    def call(self, rest: Sequence[Word]) -> Call:
        """What was taken as arguments; raises Refused if something is missing."""
        for p in self.shape.signature.parameters.values():
            needed = p.default is ANY and p.kind in (*BY_PLACE, Parameter.KEYWORD_ONLY)
            if needed and p.name not in self.values:
                raise self._missing(p)
        bound = self.shape.signature.bind_partial()
        bound.arguments.update(self.values)
        if self.shape.surplus and self.surplus:
            bound.arguments[self.shape.surplus.name] = tuple(self.surplus)
        if self.shape.extra and self.extra:
            bound.arguments[self.shape.extra.name] = self.extra
        bound.apply_defaults()
        return Call(bound.args, bound.kwargs, list(rest), frozenset(self.values))

    def _missing(self, p: Parameter) -> Refused:
        if p.name.startswith("_"):
            return Refused(f"{self.name} cannot be called from a chat: it needs a private value")
        return Refused(f"{self.name}: {spelled(p)} is missing (usage: {self._usage})")

    @property
    def _usage(self) -> str:
        return usage(self.name, self.shape)

    def _place(self, word: Word) -> bool:
        for p in self.shape.positional:
            if p.name not in self.values:
                self.values[p.name] = self._convert(word, p)
                return True
        if self.shape.surplus:
            self.surplus.append(self._convert(word, self.shape.surplus))
            return True
        return False

    def _option(self, word: Word, following: list[Word]) -> list[Word]:
        p, wanted_off = self._named(word)
        if wanted_off or (word.value is None and is_switch(p.annotation)):
            self._set(p, not wanted_off, word)
            return following
        value = word.value
        if value is None and following and not following[0].is_option and not following[0].is_end:
            value, following = following[0], following[1:]
        if value is None and p.kind is Parameter.VAR_KEYWORD:
            value = Word("true")
        if value is None:
            raise Refused(f"{self.name}: {word.text} needs a value")
        self._set(p, self._convert(value, p), word)
        return following

    def _named(self, word: Word) -> tuple[Parameter, bool]:
        """The parameter an option names, and whether it is switched off (`--no-force`)."""
        name = word.text[2:].replace("-", "_") if word.text.startswith("--") else ""
        known = {p.name: p for p in self.shape.options}
        if name in known:
            return known[name], False
        off = known.get(name.removeprefix("no_"))
        if off and name.startswith("no_") and word.value is None and is_switch(off.annotation):
            return off, True
        if self.shape.extra and self._may_be_extra(name):
            return self.shape.extra.replace(name=name), False
        raise self._unknown(word, list(known.values()))

    def _may_be_extra(self, name: str) -> bool:
        fits = name.isidentifier() and not name.startswith("_")
        return fits and name not in self.shape.taken | set(self.shape.signature.parameters)

    def _unknown(self, word: Word, known: list[Parameter]) -> Refused:
        options = [option_name(p) for p in known]
        # without the dashes, which would make all short ones alike
        near = nearest(word.text.lstrip("-"), [option.removeprefix("--") for option in options])
        if near:
            hint = f"did you mean '--{near}'?"
        else:
            hint = f"it takes {', '.join(options)}" if options else "it takes no options"
        quote = "" if word.text.startswith("--") else "; quote it if it is text"
        return Refused(f"{self.name}: unknown option {shown(word.text)} ({hint}{quote})")

    def _set(self, p: Parameter, value: Any, word: Word) -> None:
        values = self.extra if p.kind is Parameter.VAR_KEYWORD else self.values
        if p.name in values and isinstance(value, list) and item_type(p.annotation) is not None:
            values[p.name] = values[p.name] + value
        elif p.name in values:
            raise Refused(f"{self.name}: {shown(word.text)} is given twice")
        else:
            values[p.name] = value

    def _convert(self, word: Word, p: Parameter) -> Any:
        return convert(word, p.annotation, f"{self.name}: {p.name.replace('_', '-')}")


def _check_rest(name: str, what: Shape, rest: Sequence[Word]) -> None:
    """Refuse words that can lead nowhere before the call is made, not after."""
    if not rest:
        return
    returns = what.signature.return_annotation
    hidden = rest[0].text.replace("-", "_").startswith("_") and not rest[0].text[1:].isdigit()
    if hidden or rest[0].is_option or (returns is not ANY and ends_the_walk(returns)):
        raise Refused(surplus(name, what, rest[0]))


def surplus(name: str, what: Shape, word: Word) -> str:
    """Why a word that follows a complete call goes nowhere, with the usual cure."""
    cure = "; quotes keep text together" if what.positional else ""
    return f"{name}: {shown(word.text)} is one word too many (usage: {usage(name, what)}){cure}"
