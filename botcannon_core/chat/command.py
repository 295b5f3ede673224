"""One line of text run as a command against a shell: the walk, step by step, and its reply.

Not here: capturing what is printed, and deadlines (the task and the pool that run this). A mistake of
the one who typed is a reply; an exception of the shell's own method is the author's and passes through.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from botcannon_core.chat import help as helping
from botcannon_core.chat import said as saying
from botcannon_core.chat.acl import OPEN, Gate
from botcannon_core.chat.bind import Progress, bind, surplus, unheard
from botcannon_core.chat.leaves import is_leaf
from botcannon_core.chat.parse import Word, split
from botcannon_core.chat.refused import Refused
from botcannon_core.chat.render import Style, item_line, render, speaks
from botcannon_core.chat.said import Line, Said
from botcannon_core.chat.settle import Items, Settler
from botcannon_core.chat.shape import shape
from botcannon_core.chat.views import has_view, view
from botcannon_core.chat.walk import Member, Own, data_fields, find, in_app, is_own, step
from botcannon_core.file import File

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Reply:
    """The answer to a line: its text, not yet cut to length, and how it came about.

    `path` is what was reached, as names (`('users', 'by_id')`), whatever the spelling was, `line` the
    same with the arguments; `confirm` means that `line` waits for a yes, and was not run. `file` is one
    to be sent along, or the path that a command has given, where perhaps one lies.
    """

    text: str
    kind: Literal["done", "help", "refused", "forbidden", "confirm"] = "done"
    path: tuple[str, ...] = ()
    silent: bool = False  # the command gave nothing; whatever it printed is the whole answer
    line: Line = ()
    file: File | Path | None = None


class Forbidden(Refused):
    """The rules do not let whoever asks run this."""


class Unconfirmed(Refused):
    """The command runs only after a yes."""


@dataclass
class Walk:
    """How far a line has come: readable while it runs, and by whoever hears that it failed."""

    line: list[Said] = field(default_factory=list)
    path: list[Member] = field(default_factory=list)

    @property
    def names(self) -> tuple[str, ...]:
        """What was reached, as names."""
        return tuple(member.name for member in self.path)


def run(
    shell: object,
    text: str,
    *,
    own: Own = in_app,
    hidden: Collection[str] = (),
    max_items: int = 100,
    gate: Gate = OPEN,
    walk: Walk | None = None,
    progress: Progress = unheard,
) -> Reply:
    """The reply to `text`; raises only what the shell's own methods raise.

    `gate` has the rules, as they are for whoever asks; `walk` tells how far it came, `progress` is told
    by the command itself how far that is.
    """
    style = Style(own, hidden, max_items, gate)
    walk = walk or Walk()
    try:
        words = split(text)
        about = helping.asked(shell, words, style)
        if about is not None:
            return Reply(helping.describe(shell, about, style), "help")
        return _follow(shell, words, style, walk, progress)
    except Forbidden as refused:
        return Reply(str(refused), "forbidden", walk.names, line=tuple(walk.line))
    except Unconfirmed as asked:
        return Reply(str(asked), "confirm", walk.names, line=tuple(walk.line))
    except Refused as refused:
        return Reply(str(refused), "refused", walk.names, line=tuple(walk.line))


def _follow(
    shell: object, words: list[Word], style: Style, walk: Walk, progress: Progress
) -> Reply:
    """Take one step a word (a command takes its arguments with it), and show where it ended."""
    value: Any = shell
    called: Member | None = None
    with Settler(style.max_items, _teller(progress, style)) as settler:
        while words:
            word, *words = words
            value = _entered(value)
            member = find(value, word, style.own)
            if member is None:
                raise Refused(_nowhere(value, walk, called, word, style))
            walk.path.append(member)
            walk.line.append(step(value, member))
            called = member if member.kind == "command" else None
            value, words = _step(member, walk, words, settler, style.gate, progress)
        return _reply(value, walk, called, style, settler)


def _step(
    member: Member,
    walk: Walk,
    words: list[Word],
    settler: Settler,
    gate: Gate,
    progress: Progress,
) -> tuple[Any, list[Word]]:
    """What one member gives, and the words left. All that can be refused is refused before it runs."""
    if not gate.may(tuple(walk.line)):
        raise Forbidden(helping.forbidden(walk.path))
    if member.kind == "closed":
        raise Refused(helping.closed(walk.path))
    if member.kind == "property":
        _pass(walk, gate)
        return settler.settle(member.get()), words
    value = member.get()
    if member.kind != "command":
        return value, words
    call = bind(_name(walk.path), value, words, progress)
    walk.line += saying.arguments(value, call, len(walk.path))
    _pass(walk, gate)
    return settler.settle(value(*call.args, **call.kwargs)), call.rest


def _teller(progress: Progress, style: Style) -> Callable[[Any], None]:
    """Tells each item of what comes one by one, where anybody hears it."""
    if progress is unheard:
        return unheard
    return lambda item: progress(item_line(item, style))


def _pass(walk: Walk, gate: Gate) -> None:
    """Go on only if the rules let this command, as it now stands, be run or shown."""
    decision = gate.decide(tuple(walk.line))
    if not decision.allowed:
        raise Forbidden(helping.forbidden(walk.path))
    if decision.confirm:
        raise Unconfirmed(saying.spelled(walk.line))


def _entered(value: Any) -> Any:
    return value.items if type(value) is Items else value


def _nowhere(value: Any, walk: Walk, called: Member | None, word: Word, style: Style) -> str:
    """Why `word` leads nowhere: unknown among other names, or surplus after a complete command."""
    has_names = is_own(value, style.own) or type(value) is dict or data_fields(value)
    if called is not None and not has_names:
        return surplus(_name(walk.path), shape(called.get()), word)
    return helping.unknown(value, walk.path, word, style, tuple(walk.line))


def _reply(value: Any, walk: Walk, called: Member | None, style: Style, settler: Settler) -> Reply:
    line = tuple(walk.line)
    if is_own(value, style.own) and not _shows_itself(value, style):
        name = "" if called else _name(walk.path)
        return Reply(helping.overview(value, name, style, line), path=walk.names, line=line)
    is_result = walk.path[-1].kind not in ("group", "value")
    if not is_result:
        _pass(walk, style.gate)
    if has_view(value):
        value, is_result = settler.settle(view(value)), True
    # who gives a path has imported it, and others need not
    path: Any = getattr(sys.modules.get("pathlib"), "Path", ())
    file = value if is_result and issubclass(type(value), (File, path)) else None
    text = file.text if isinstance(file, File) else render(value, style)
    return Reply(text, path=walk.names, silent=value is None, line=line, file=file)


def _shows_itself(value: object, style: Style) -> bool:
    return is_leaf(value) or bool(data_fields(value)) or speaks(value, style)


def _name(path: list[Member]) -> str:
    return " ".join(member.label for member in path)
