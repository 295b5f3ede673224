"""What is said of a class that a compose file names, at its place: above all, that it is not there.

Not here: looking for it (loading), and whether one that is there suits its role (fit).
"""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

from botcannon_core.compose.plan import Part
from botcannon_core.compose.spec import ClassSpec, Place
from botcannon_core.errors import ComposeError, Problem, suggest


def problem(place: Place, text: str) -> Problem:
    """A Problem at a place of the compose file."""
    return Problem(place.file, place.line, place.path, text)


def refusal(found: Problem) -> ComposeError:
    """What to raise where this is wrong, and nobody looks for more."""
    return ComposeError([found])


def no_entry(one: ClassSpec | Part, module: ModuleType) -> Problem:
    """The problem that a module has no such class; a near name is suggested."""
    named = [name for name in vars(module) if not name.startswith("_")]
    own = [n for n in named if getattr(vars(module)[n], "__module__", None) == module.__name__]
    hint = suggest(one.entry, named) or (f"; it has {', '.join(own[:8])}" if own else "")
    shown = f"{module.__name__.replace('.', '/')}.py"
    return problem(one.at("entry"), f"no {one.entry!r} in {shown}{hint}")


def no_module(one: ClassSpec | Part, app: str, built_in: str | None) -> Problem:
    """The problem that neither of the folders has such a file; a near name is suggested."""
    known = [*_modules_in(app), *(_modules_in(built_in) if built_in else ())]
    text = f"no {one.file.replace('.', '/') + '.py'!r} in app/"
    text += " and no built-in of that name" if built_in else ""
    return problem(one.at("file"), text + suggest(one.file, known))


def _modules_in(folder: str) -> list[str]:
    found = (path.relative_to(folder).with_suffix("") for path in Path(folder).rglob("*.py"))
    names = (path.parent if path.name == "__init__" else path for path in found)
    return sorted({".".join(name.parts) for name in names if name.parts})
