"""What went wrong when a module was imported, as a Problem at the user's own line.

Not here: importing (loading) and hanging or dying while it is done (cannon.check).
"""

from __future__ import annotations

import sys
import traceback
from pathlib import Path

from botcannon_core.compose.spec import ClassSpec
from botcannon_core.errors import Problem, suggest
from botcannon_core.message import one_line


def import_problem(error: BaseException, one: ClassSpec, module: str, project: Path) -> Problem:
    """`error`, raised when `module` was imported for `one`, at its deepest line in app/, with advice."""
    path, line = _where(error, module, project)
    return Problem(_shown(path, project), line, one.place.path, _text(error, project))


def source_of(module: str, project: Path) -> Path:
    """The file of a module of app/ or of a built-in, found without importing it."""
    top = project if module.split(".")[0] == "app" else Path(__file__).parents[2]
    path = top.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_name(path.name + ".py")


def _where(error: BaseException, module: str, project: Path) -> tuple[Path, int]:
    frames = [
        (Path(frame.filename), frame.lineno or 1)
        for frame in traceback.extract_tb(error.__traceback__)
    ]
    if isinstance(error, SyntaxError) and error.filename:
        frames.append((Path(error.filename), error.lineno or 1))
    own = [frame for frame in frames if frame[0].is_relative_to(project / "app")]
    return own[-1] if own else (source_of(module, project), 1)


def _shown(path: Path, project: Path) -> str:
    return str(path.relative_to(project) if path.is_relative_to(project) else path)


def _text(error: BaseException, project: Path) -> str:
    if isinstance(error, SystemExit):
        return "calls sys.exit() at import; a module is imported to look at its classes, not to run"
    if isinstance(error, SyntaxError):
        return f"is no valid Python: {one_line(str(error.msg))}"
    if isinstance(error, ModuleNotFoundError) and error.name:
        return f"fails at import: {_missing(error.name, project)}"
    said = one_line(_said(error))
    return f"fails at import: {type(error).__name__}{': ' if said else ''}{said}"


def _said(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - a user's __str__ may raise anything
        return "(its text cannot be had)"


def _missing(name: str, project: Path) -> str:
    """Advice about a module that is not there, which may be a neighbour in app/."""
    top = name.split(".")[0]
    if top == "app":
        known = [".".join(p.relative_to(project).with_suffix("").parts) for p in _own(project)]
        return f"there is no module {name!r}{suggest(name, known)}"
    if source_of(f"app.{top}", project).is_file():
        return f"there is no module {name!r}; the one in app/ is imported as 'app.{name}'"
    if top in sys.stdlib_module_names:
        return f"there is no module {name!r} in this Python ({sys.version.split()[0]})"
    return f"{name!r} is not installed; name it in app/requirements.txt"


def _own(project: Path) -> list[Path]:
    return sorted((project / "app").rglob("*.py"))
