"""The actions that write into a project: new and import. What is there is never changed, only added to.

Not here: what a ryuso specification becomes (programs.importing), how text is added (compose.adding).
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import NamedTemporaryFile

from botcannon_core.cannon.declared import COMPOSE_FILE
from botcannon_core.cli.program import skeleton
from botcannon_core.compose import document, loading
from botcannon_core.compose.adding import Unaddable
from botcannon_core.errors import UsageError
from botcannon_core.programs.importing import imported

_NAME = re.compile(r"[a-z][a-z0-9_]{0,40}", re.ASCII)


@dataclass(frozen=True)
class Texts:
    """The compose file of a project and the modules in its app/, by their paths."""

    compose: Path
    text: str
    files: Mapping[str, str]


def new(name: str, /, *, file: str | None = None) -> None:
    """Begin the program NAME: a commented entry in the compose file, and app/NAME.py with its steps.

    It runs as it is: `program run NAME --item=x`.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"program new: {name!r} cannot be; small letters, digits and _ can, a letter first"
        )
    texts = _texts(file, "program new")
    path = f"app/{name}.py"
    if path in texts.files:
        raise UsageError(f"program new: {path} is there already; nothing was written")
    if any(find_spec(f"{room}.{name}") for room in loading.ROOMS.values()):
        text = f"{path} would stand in the place of the built-in {name!r}; take another name"
        raise UsageError(f"program new: {text}")
    try:
        added = skeleton.added(texts.text, name)
    except (Unaddable, document.Unusable) as error:
        raise UsageError(f"program new: {texts.compose}: {error}") from None
    _write(Path(path), skeleton.module(name))
    _write(texts.compose, added.compose)
    print(f"added: the program {name} to {texts.compose}, its steps to {path}")
    for note in added.notes:
        print(f"note: {note}")
    print(f"next: `botcannon program run {name} --item=x`")


def import_(spec: Path, /, *, dry_run: bool = False, file: str | None = None) -> None:
    """Make programs, steps and stubs of a ryuso specification in the JSON file SPEC.

    What is there already is left as it is, so that a changed specification can be imported again.
    --dry-run only says what it would add.
    """
    try:
        text = spec.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "is not UTF-8"
        raise UsageError(f"program import: {spec}: {why}") from None
    texts = _texts(file, "program import")
    try:
        found = imported(text, texts.text, texts.files, str(spec))
    except document.Unusable as error:
        raise UsageError(f"program import: {texts.compose}: {error}") from None
    files = dict(found.files)
    if found.compose != texts.text:
        files[str(texts.compose)] = found.compose  # last: until then, an import adds all that lacks
    for path, content in files.items() if not dry_run else ():
        _write(Path(path), content)
    does = "would add" if dry_run else "added"
    for what, names in (("programs", found.programs), ("steps", found.steps)):
        if names:
            print(f"{does}: {what} {', '.join(names)}")
    for path in files:
        print(f"{'would write' if dry_run else 'wrote'}: {path}")
    if not files:
        print("nothing to add: all of it is there")
    for note in found.notes:
        print(f"note: {note}")


def _texts(file: str | None, verb: str) -> Texts:
    """What the project has now. Raises UsageError if something of it cannot be read."""
    compose = Path(file or COMPOSE_FILE)
    try:
        text = compose.read_bytes().decode("utf-8") if compose.exists() else ""
        files = {
            str(path): path.read_bytes().decode()  # as it is: its line ends are the author's
            for path in sorted(Path("app").rglob("*.py"))
        }
    except (OSError, UnicodeDecodeError) as error:
        where = getattr(error, "filename", None) or "a file of the project"
        why = getattr(error, "strerror", None) or "is not UTF-8"
        raise UsageError(f"{verb}: {where}: {why}") from None
    return Texts(compose, text, files)


def _write(path: Path, text: str) -> None:
    """Put `text` in the place of the file at once: nobody ever sees half of it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        mode = path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask()
        with NamedTemporaryFile(
            "wb", dir=path.parent, prefix=f".{path.name}.", delete=False
        ) as made:
            made.write(text.encode())
            os.fchmod(made.fileno(), mode)
        Path(made.name).replace(path.resolve())
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from error


def _umask() -> int:
    now = os.umask(0o077)
    os.umask(now)
    return now
