"""What the rules say about a line, found without running it: which command it is, and who decides.

What a call gives is known only once it has run, so a line that walks on through a result is explained as
far as that call. Not here: running it (command).
"""

from __future__ import annotations

from dataclasses import dataclass

from botcannon_core.chat import help as helping
from botcannon_core.chat.acl import Decision, Gate
from botcannon_core.chat.bind import bind
from botcannon_core.chat.parse import Word, split
from botcannon_core.chat.refused import Refused
from botcannon_core.chat.render import Style
from botcannon_core.chat.said import Line, arguments, spelled
from botcannon_core.chat.walk import Own, in_app, steps, trace


@dataclass(frozen=True)
class Explained:
    """What was understood, what the rules say about it, and the words that only running could follow.

    Without a `line` it is a plea for help, which everybody may have about what is theirs.
    """

    line: Line
    decision: Decision
    beyond: tuple[str, ...] = ()

    def __str__(self) -> str:
        if not self.line:
            return "help: allowed; it lists what whoever asks may run"
        told = f"{spelled(self.line)}: {self.decision}"
        if not self.beyond:
            return told
        rest = " ".join(self.beyond)
        return f"{told}\nhow it goes on ({rest}) is decided when it has run"


def explain(shell: object, text: str, gate: Gate, own: Own = in_app) -> Explained:
    """What `gate` says about `text`; raises Refused if it is no command. Runs nothing."""
    words = split(text)
    style = Style(own)
    about = helping.asked(shell, words, style)
    if about is not None:
        line = steps(shell, trace(shell, about, own))
        if not line or gate.may(line):
            return Explained((), Decision(True))
        return Explained(line, gate.decide(line))
    path = trace(shell, words, own)
    line = steps(shell, path)
    rest: list[Word] = words[len(path) :]
    if path and path[-1].kind == "closed":
        raise Refused(helping.closed(path))
    if path and path[-1].kind == "command":
        method = path[-1].get()
        name = " ".join(member.label for member in path)
        try:
            call = bind(name, method, rest)
        except Refused:
            if gate.may(line):
                raise
            return Explained(line, gate.decide(line))  # whatever its arguments would be
        line, rest = (*line, *arguments(method, call, len(path))), call.rest
    elif rest and (not path or path[-1].kind != "property"):
        here = path[-1].get() if path else shell
        raise Refused(helping.unknown(here, path, rest[0], style, line))
    return Explained(line, gate.decide(line), tuple(word.text for word in rest))
