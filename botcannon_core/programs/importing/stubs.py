"""Functions to be filled in, as text: one for each hook, in the file that its reference names.

A file that is there only grows, and only by functions that it lacks. Not here: where the files are
written.
"""

from __future__ import annotations

import ast
import builtins
import keyword
import re
from collections.abc import Iterable, Mapping
from typing import Any

from botcannon_core.programs.importing.entries import Place
from botcannon_core.programs.importing.ryuso import Hook

WIDTH = 100  # characters of a line, as far as that is in our hands


def grown(text: str | None, hooks: Iterable[tuple[Hook, Place]], title: str) -> str:
    """The text of a module with a function for each hook; what it has already stays as it is.

    `title` is for the head of a new file. Raises SyntaxError for a text that is not Python.
    """
    there = _names_in(text or "")
    new = [_stub(hook, place) for hook, place in hooks if place.entry not in there]
    if not new:
        return text or ""
    head = f'"""Steps of {_quoted(title)}."""' if text is None else text.rstrip("\r\n")
    added = "\n\n\n".join(["", *new] if head else new) + "\n"
    return head + (added.replace("\n", "\r\n") if "\r\n" in head else added)


def _names_in(text: str) -> set[str]:
    """Every name that a module gives a meaning at its top, also within if and try."""
    found: set[str] = set()
    waiting: list[ast.AST] = list(ast.parse(text).body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
            continue
        if isinstance(node, ast.Import | ast.ImportFrom):
            found |= {(one.asname or one.name).partition(".")[0] for one in node.names}
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        waiting += ast.iter_child_nodes(node)
    return found


def _stub(hook: Hook, place: Place) -> str:
    lines = [f"def {place.entry}(message, results):", *_docstring(hook)]
    taken = {"message", "results", place.entry}
    for name, arg in hook.args.items():
        variable = _variable(name, taken)
        lines.append(f"    {variable} = {_given(name, arg)}")
    lines += ["    # fill in: what is returned is merged into the results", "    return {}"]
    return "\n".join(lines)


def _docstring(hook: Hook) -> list[str]:
    first = _quoted(hook.description or f"The hook {hook.name}.")
    reference = ".".join(hook.reference)
    described = [
        f"    {_quoted(name)} ({arg['type']}): {_quoted(arg['description'])}"
        for name, arg in hook.args.items()
        if "description" in arg
    ]
    return [
        f'    """{first}',
        "",
        *([*described, ""] if described else []),
        f"    {reference}",
        '    """',
    ]


def _given(name: str, arg: Mapping[str, Any]) -> str:
    if "default" in arg:
        return f"results.get({_literal(name)}, {_literal(arg['default'])})"
    return f"results[{_literal(name)}]" if arg["required"] else f"results.get({_literal(name)})"


def _literal(value: Any) -> str:
    """A value as Python has it, texts in double quotes where they can be."""
    found = repr(value)
    is_plain = (
        isinstance(value, str) and not re.search(r"""['"\\]""", value) and value.isprintable()
    )
    return f'"{value}"' if is_plain else found


def _variable(name: str, taken: set[str]) -> str:
    """A name for a value that is one in Python and hides nothing."""
    found = re.sub(r"\W", "_", name)
    if not found.isidentifier():
        found = f"_{found}"
    while found in taken or keyword.iskeyword(found) or hasattr(builtins, found):
        found += "_"
    taken.add(found)
    return found


def _quoted(text: str) -> str:
    """Text as it may stand in a docstring."""
    shown = "".join(c if c.isprintable() else " " for c in text)
    found = shown.replace("\\", "\\\\").replace('"""', "'''")
    return f"{found} " if found.endswith('"') else found
