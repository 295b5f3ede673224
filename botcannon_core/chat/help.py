"""What a person reads who asks for help: static text within one screen; nothing runs to make it.

Not here: which names exist (walk) and what a method takes (bind).
"""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Sequence
from inspect import Parameter
from typing import Any

from botcannon_core.chat.bind import leaves
from botcannon_core.chat.convert import ANY, is_switch, kind_name
from botcannon_core.chat.parse import Word
from botcannon_core.chat.refused import Refused, nearest, shown
from botcannon_core.chat.render import Style, compact, table
from botcannon_core.chat.said import Line
from botcannon_core.chat.shape import Shape, shape, usage
from botcannon_core.chat.walk import Member, is_own, listed, step, steps, summary, trace

WORDS = ("help", "?")  # at the beginning or the end
SWITCHES = ("--help", "-h")  # anywhere
_WIDTH = 78
_LINES = 20  # of a screen of 24, so that the question stays in sight
_TITLES = {"group": "More", "command": "Commands", "property": "Values", "value": "Values"}


def asked(shell: object, words: Sequence[Word], style: Style) -> list[Word] | None:
    """The path that help is wanted about, or None if the words are a command to run."""
    if not words:
        return []
    if _is_word(words[0]) or (_is_switch(words[0])):
        return [word for word in words[1:] if not _is_switch(word)]
    for at, word in enumerate(words):
        if _is_switch(word):
            return list(words[:at])
    return list(words[:-1]) if _is_word(words[-1]) and _is_question(shell, words, style) else None


def describe(shell: object, words: Sequence[Word], style: Style) -> str:
    """Help about what `words` name, as far as it can be seen without running anything.

    Raises Refused if they name nothing.
    """
    path = trace(shell, words, style.own)
    line = steps(shell, path)
    if path and not style.gate.may(line):
        raise Refused(forbidden(path))
    stopped = path and path[-1].kind in ("command", "property")
    if len(path) < len(words) and not stopped:
        here = path[-1].get() if path else shell
        raise Refused(unknown(here, path, words[len(path)], style, line))
    if not path:
        return overview(shell, "", style)
    name = " ".join(member.label for member in path)
    if path[-1].kind == "command":
        return _command(name, path[-1])
    if path[-1].kind == "property":
        return f"{name}: {path[-1].summary or 'a value, worked out when it is asked for'}"
    if path[-1].kind == "closed":
        raise Refused(closed(path))
    return overview(path[-1].get(), name, style, line)


def overview(value: object, name: str, style: Style, line: Line = ()) -> str:
    """Every name that can be said on `value` by whoever asks: with a line each if they fit on a screen.

    `line` is the command that led there.
    """
    found = listed(value, line, style.own, style.gate)
    if not is_own(value, style.own):
        return _data(value, name, found)
    about = _about(value, name)
    if not found:
        return f"{about}\nThere is nothing to say to it.".strip()
    if len(found) <= _LINES - 4:
        room = _WIDTH - max(len(_called(m)) for m in found) - 4
        text = table(
            [(f"  {_called(m)}", _told(m, (*line, step(value, m)), style, room)) for m in found]
        )
    else:
        text = _names(found)
    # of what a call has given, help knows nothing: it would have to run the call to look
    onward = _onward(name) if name or not line else ""
    return f"{about}\n{text}\n{onward}".strip()


def unknown(here: object, path: Sequence[Member], word: Word, style: Style, line: Line = ()) -> str:
    """One line about a word that names nothing, with the nearest that does."""
    prefix = "".join(member.label + " " for member in path)
    if word.is_option:
        return f"{(prefix or 'this bot ').strip()} takes no option {shown(word.text)} (try help)"
    labels = [member.label for member in listed(here, line, style.own, style.gate)]
    near = nearest(word.text.replace("_", "-"), labels)
    meant = f", did you mean {prefix + near!r}?" if near else ""
    return f"unknown command {shown(prefix + word.text)}{meant} (try {prefix}help)"


def forbidden(path: Sequence[Member]) -> str:
    """One line about a command that whoever asks may not run."""
    name = " ".join(member.label for member in path)
    return f"you may not use {shown(name)} (try help)"


def closed(path: Sequence[Member]) -> str:
    """One line about a name that stands for something a chat cannot enter."""
    name = " ".join(member.label for member in path)
    return f"{shown(name)} is {path[-1].summary}, which cannot be used from a chat (try help)"


def _command(name: str, member: Member) -> str:
    method = member.get()
    what = shape(method)
    text = inspect.cleandoc(getattr(method, "__doc__", None) or "")
    lines = [usage(name, what), *textwrap.indent(text, "  ").splitlines()[: _LINES // 2]]
    rows = [(f"  {_parameter(p)}", kind_name(p.annotation), _default(p)) for p in _public(what)]
    if rows:
        lines += table(rows[:_LINES]).splitlines()[: _LINES - len(lines)]
    return "\n".join(lines)


def _public(what: Shape) -> list[Parameter]:
    return list(what.parameters.values())


def _parameter(p: Parameter) -> str:
    name = p.name.replace("_", "-")
    if p.kind is Parameter.VAR_KEYWORD:
        return "--NAME=..."
    return f"--{name}" if p.kind is Parameter.KEYWORD_ONLY or is_switch(p.annotation) else name


def _default(p: Parameter) -> str:
    if p.default is ANY or p.default is None or is_switch(p.annotation):
        return ""
    return f"(default {compact(p.default)})"


def _data(value: Any, name: str, found: Sequence[Member]) -> str:
    if found:
        return f"{name}: has\n{_names(found)}"
    if type(value) in (list, tuple):
        return f"{name}: a list of {len(value)}; say its number, from 0"
    return f"{name}: a value; say it to see it"


def _about(value: object, name: str) -> str:
    written = summary(type(value))
    return f"{name}: {written}" if name and written else (written or name)


def _names(found: Sequence[Member]) -> str:
    """Names only, by kind, wrapped to the screen and cut where it ends."""
    by_title: dict[str, list[str]] = {}
    for member in found:
        by_title.setdefault(_TITLES[member.kind], []).append(member.label)
    lines: list[str] = []
    for title in ("More", "Commands", "Values"):
        if names := by_title.get(title):
            text = f"{title}: {'  '.join(names)}"
            lines += textwrap.wrap(
                text, _WIDTH, subsequent_indent="  ", break_on_hyphens=False, break_long_words=True
            )
    cut = len(lines) - (_LINES - 4)
    return "\n".join([*lines[: _LINES - 4], "  …"] if cut > 0 else lines)


def _called(member: Member) -> str:
    return f"{member.label} ..." if member.kind == "group" else member.label


def _told(member: Member, line: Line, style: Style, room: int) -> str:
    if member.kind == "value" and not member.summary:
        decision = style.gate.decide(line)
        return compact(member.get(), style) if decision.allowed and not decision.confirm else ""
    return textwrap.shorten(member.summary, max(room, 20), placeholder="…")


def _onward(name: str) -> str:
    return f"'help {name} NAME' tells more." if name else "'help NAME' tells more."


def _is_question(shell: object, words: Sequence[Word], style: Style) -> bool:
    """Whether the last word asks for help: in `wipe db ?` it does, in `search for help` it is text."""
    path = trace(shell, words[:-1], style.own)
    if len(path) == len(words) - 1:
        return True
    kind = path[-1].kind if path else ""
    return kind == "property" or (kind == "command" and leaves(path[-1].get(), words[len(path) :]))


def _is_word(word: Word) -> bool:
    return word.text.lower() in WORDS and not word.quoted


def _is_switch(word: Word) -> bool:
    return word.text in SWITCHES and not word.quoted and word.value is None
