"""One line of text run as a command against a shell: the walk, step by step, and its reply.

Not here: capturing what is printed, and deadlines (the task and the pool that run this). A mistake of
the one who typed is a reply; an exception of the shell's own method is the author's and passes through.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Literal

from botcannon_core.chat import help as helping
from botcannon_core.chat.bind import bind, surplus
from botcannon_core.chat.leaves import is_leaf
from botcannon_core.chat.parse import Word, split
from botcannon_core.chat.refused import Refused
from botcannon_core.chat.render import Style, render
from botcannon_core.chat.settle import Items, Settler
from botcannon_core.chat.shape import shape
from botcannon_core.chat.walk import Member, Own, data_fields, defines, find, in_app, is_own


@dataclass(frozen=True)
class Reply:
    """The answer to a line: its text, not yet cut to length, and how it came about.

    `path` is what was reached, as names (`('users', 'by_id')`), whatever the spelling was.
    """

    text: str
    kind: Literal["done", "help", "refused"] = "done"
    path: tuple[str, ...] = ()
    silent: bool = False  # the command gave nothing; whatever it printed is the whole answer


def run(
    shell: object,
    text: str,
    *,
    own: Own = in_app,
    hidden: Collection[str] = (),
    max_items: int = 100,
) -> Reply:
    """The reply to `text`; raises only what the shell's own methods raise."""
    style = Style(own, hidden, max_items)
    try:
        words = split(text)
        about = helping.asked(shell, words, style)
        if about is not None:
            return Reply(helping.describe(shell, about, style), "help")
        return _follow(shell, words, style)
    except Refused as refused:
        return Reply(str(refused), "refused")


def _follow(shell: object, words: list[Word], style: Style) -> Reply:
    """Take one step a word (a command takes its arguments with it), and show where it ended."""
    value: Any = shell
    path: list[Member] = []
    called: Member | None = None
    with Settler(style.max_items) as settler:
        while words:
            word, *words = words
            member = find(_entered(value), word, style.own)
            if member is None:
                raise Refused(_nowhere(value, path, called, word, style))
            path.append(member)
            called = member if member.kind == "command" else None
            value, words = _step(member, path, words, settler)
        return _reply(value, path, called, style)


def _step(
    member: Member, path: list[Member], words: list[Word], settler: Settler
) -> tuple[Any, list[Word]]:
    """What one member gives, and the words left. All that can be refused is refused before it runs."""
    if member.kind == "closed":
        raise Refused(helping.closed(path))
    value = member.get()
    if member.kind == "property":
        return settler.settle(value), words
    if member.kind != "command":
        return value, words
    call = bind(_name(path), value, words)
    return settler.settle(value(*call.args, **call.kwargs)), call.rest


def _entered(value: Any) -> Any:
    return value.items if type(value) is Items else value


def _nowhere(
    value: Any, path: list[Member], called: Member | None, word: Word, style: Style
) -> str:
    """Why `word` leads nowhere: unknown among other names, or surplus after a complete command."""
    value = _entered(value)
    has_names = is_own(value, style.own) or type(value) is dict or data_fields(value)
    if called is not None and not has_names:
        return surplus(_name(path), shape(called.get()), word)
    return helping.unknown(value, path, word, style)


def _reply(value: Any, path: list[Member], called: Member | None, style: Style) -> Reply:
    names = tuple(member.name for member in path)
    if is_own(value, style.own) and not _shows_itself(value, style):
        return Reply(helping.overview(value, "" if called else _name(path), style), path=names)
    return Reply(render(value, style), path=names, silent=value is None)


def _shows_itself(value: object, style: Style) -> bool:
    return is_leaf(value) or bool(data_fields(value)) or defines(type(value), "__str__", style.own)


def _name(path: list[Member]) -> str:
    return " ".join(member.label for member in path)
