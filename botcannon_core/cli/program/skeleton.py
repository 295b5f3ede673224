"""The beginnings of a program: an entry for a compose file and a module with steps, with comments.

Pure: texts in, texts out. Not here: where they are written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import Template
from typing import Any

import yaml

from botcannon_core.compose import adding, document
from botcannon_core.compose.adding import Unaddable

COMMENTS = {
    "description": "What it does, in a line for whoever looks for it.",
    "args": "What goes in: int, list of string, {type: int, default: 1}, ...; all else is refused.",
    "outputs": "What comes out: a run that ends without it has failed, and is undone.",
    "steps": "One after the other; if one fails, those before it are undone, the last first.",
}
_MODULE = Template('''"""The steps of the program `$name`: each sees what those before it gave."""


class Reserve:
    """A step that can undo itself."""

    def task(self, message, results):
        # the args of the run and all that was returned so far are in `results`
        return {"reserved": results["item"]}

    def undo(self, message, results):
        # called if a later step fails; message.in_doubt: maybe `task` did nothing
        print("released", results["item"])


def confirm(message, results):
    """A plain function is a step, too; what undoes it is another one, named in its `undo`."""
    return {"done": f"{results['reserved']} is yours"}
''')


@dataclass(frozen=True)
class Added:
    """The compose file's new text, and what a person should know."""

    compose: str
    notes: tuple[str, ...] = ()


def module(name: str) -> str:
    """The text of app/NAME.py."""
    return _MODULE.substitute(name=name)


def added(compose: str, name: str) -> Added:
    """The compose file with the program `name`, and a service that runs it. Raises Unaddable."""
    if name in adding.keys(compose, ["programs"]):
        raise Unaddable(f"there is a program {name!r} already; nothing was written")
    if name in adding.keys(compose, ["steps"]):
        raise Unaddable(f"there is a step {name!r} already, and a name means one thing")
    text = adding.with_entries(compose, ["programs"], {name: _entry(name)})
    text, notes = _served(text, name)
    return Added(_commented(text, ["programs", name]), notes)


def _entry(name: str) -> dict[str, Any]:
    return {
        "description": f"Do {name}.",
        "args": {"item": "string"},
        "outputs": {"done": "string"},
        "steps": [{"file": name, "entry": "Reserve"}, {"file": name, "entry": "confirm"}],
    }


def _served(text: str, name: str) -> tuple[str, tuple[str, ...]]:
    """Named in the first service that has a list of programs, else in a service of its own."""
    for service in adding.keys(text, ["services"]):
        try:
            return adding.with_items(text, ["services", service, "programs"], [name]), (
                f"the service {service} runs it, too",
            )
        except Unaddable:
            continue
    if name in adding.keys(text, ["services"]):
        return text, (f"there is a service {name!r} already: give one `programs: [{name}]`",)
    made = {"collector": {"file": "socket", "entry": "JsonServer"}, "programs": [name]}
    return adding.with_entries(text, ["services"], {name: made}), (
        f"the service {name} runs it, and takes JSON on port 60856 of this machine",
    )


def _commented(text: str, under: Sequence[str]) -> str:
    """The text with a comment above each key of the entry, where keys stand on lines of their own."""
    node: Any = document.parse(text)
    for name in under:
        node = next(value for key, value in node.value if key.value == name)
    lines = text.splitlines(keepends=True)
    for key, _ in reversed(node.value):
        line, column = key.start_mark.line, key.start_mark.column
        before = lines[line][:column]
        if not before.strip():
            lines.insert(line, f"{before}# {COMMENTS[key.value]}\n")
    found = "".join(lines)
    return found if _same(found, text) else text


def _same(one: str, other: str) -> bool:
    return bool(_plain(one) == _plain(other))


def _plain(text: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 - it makes texts, lists and dicts only
    return found
