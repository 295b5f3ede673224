"""The verbs about the project itself rather than what it runs: init, test, version and help.

Nothing here touches the store or a running service, so these work before anything is set up.
"""

from __future__ import annotations

import importlib.util
import platform
import shutil
import subprocess
import sys
from importlib.resources import files
from importlib.resources.abc import Traversable
from os.path import relpath
from pathlib import Path
from typing import Annotated

from botcannon_core.cli.signature import Rest, explained
from botcannon_core.cli.verbs import GROUPS, VERBS, function_of
from botcannon_core.errors import UsageError
from botcannon_core.version import __version__

SELECTIONS = {"chaos": "chaos", "fuzz": "fuzz", "all": ""}
EVERYDAY = "not chaos and not fuzz"


def init(folder: Path) -> None:
    """Lay out a new bot project in FOLDER: app/ with a small bot, a compose file and one test.

    Nothing that exists is overwritten: if a file is in the way, nothing is written at all.
    """
    templates = _templates()
    in_the_way = [name for name in templates if (folder / name).exists()]
    if in_the_way:
        raise UsageError(f"init: {folder} has {', '.join(in_the_way)} already; nothing was written")
    try:
        for name, template in templates.items():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(template.read_bytes())
    except OSError as error:
        raise UsageError(f"init: cannot write {error.filename}: {error.strerror}") from error
    print(f"{folder} is ready. Next:\n\n    cd {folder}\n    {_command_from(folder)} up\n")


def test(*words: Annotated[str, Rest()]) -> int:
    """Run the project's tests; the words are paths or options for pytest.

    In botcannon's own checkout, format, lint and types are checked first, and one word may choose the
    tests: `chaos`, `fuzz`, or `all` of them. Paths run those tests alone. To begin with an option, write
    `--` first: `botcannon test -- -k reader`.
    """
    if importlib.util.find_spec("pytest") is None:
        raise UsageError("test: pytest is not installed; pip install 'botcannon[test]'")
    if _is_own_checkout(Path()):
        return _test_ourselves(words)
    if not words and not Path("tests").is_dir():
        raise UsageError(f"test: no tests/ in {Path.cwd()}; `botcannon init DIR` shows one")
    return _python("-m", "pytest", *(words or ("tests",)))


def version() -> None:
    """Say which botcannon and which Python this is."""
    print(f"botcannon {__version__}, Python {platform.python_version()} on {platform.system()}")


def help_(verb: str = "") -> None:
    """List all verbs, or say how one VERB is written."""
    print(explained(verb, function_of(verb)) if verb else overview())


def overview() -> str:
    """All verbs in their groups, on one screen."""
    lines = ["botcannon: bots, workers and pipelines on Redis streams", ""]
    for group, verbs in GROUPS.items():
        lines.append(group)
        lines += [f"  {verb:<9} {VERBS[verb].promise}" for verb in verbs]
    lines += ["", "`botcannon help VERB` says more. --file=FILE names another cannon-compose.yml."]
    return "\n".join(lines)


def _templates() -> dict[str, Traversable]:
    """What `init` writes, by its path in the new project."""
    found: dict[str, Traversable] = {}
    left = [("", files("botcannon_core.cli") / "templates")]
    while left:
        prefix, folder = left.pop()
        for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
            if entry.is_dir() and entry.name != "__pycache__":
                left.append((f"{prefix}{entry.name}/", entry))
            elif entry.is_file():
                # stored without its dot, or it would rule over the templates themselves
                name = ".gitignore" if entry.name == "gitignore" else entry.name
                found[prefix + name] = entry
    return found


def _command_from(folder: Path) -> str:
    """How botcannon is called from `folder`: by its name, or by the way to its launcher script."""
    launcher = Path(__file__).resolve().parents[2] / "botcannon"
    if shutil.which("botcannon") or not launcher.is_file():
        return "botcannon"
    return min(str(launcher), relpath(launcher, folder.resolve()), key=len)


def _is_own_checkout(folder: Path) -> bool:
    return (folder / "botcannon_core" / "cli" / "main.py").is_file()


def _test_ourselves(words: tuple[str, ...]) -> int:
    chosen = [word for word in words if word in SELECTIONS]
    others = [word for word in words if word not in SELECTIONS]
    if len(chosen) > 1:
        raise UsageError(f"test: choose one of {', '.join(SELECTIONS)}, not {' and '.join(chosen)}")
    failed = [] if others else _failed_checks()
    markers = SELECTIONS[chosen[0]] if chosen else EVERYDAY
    spread = [] if others else ["-n", "2", "--dist", "loadgroup"]
    code = _step("tests", "-m", "pytest", *spread, "-m", markers, *others)
    if failed:
        print(f"failed besides the tests: {', '.join(failed)}", flush=True)
    return code or bool(failed)


def _failed_checks() -> list[str]:
    """The names of the checks that failed, after all of them ran."""
    checks = {
        "format": ("-m", "ruff", "format", "--check", "."),
        "lint": ("-m", "ruff", "check", "."),
        "types": ("-m", "mypy"),
    }
    return [name for name, words in checks.items() if _step(name, *words)]


def _step(name: str, *words: str) -> int:
    print(f"── {name}: {' '.join(words[1:])}", flush=True)
    return _python(*words)


def _python(*words: str) -> int:
    return subprocess.run([sys.executable, *words], check=False).returncode
