"""The checkout's own environment: makes, completes and repairs `.venv`, before botcannon itself can run.

Run by the `botcannon` script with any Python >= 3.11 when the stamp in `.venv` is not what it wants, so
this imports nothing but the standard library and the words. Not used by an installed botcannon.

What `.venv` holds beside Python's own files:

    setup.log        written first, so that an environment of ours is known as ours; all of pip's output
    stamp            written last: what this environment is good for. Missing: half-made, made anew
    requirements/    one empty file for each app/requirements.txt that is installed, named by its sum

If we die at any point, the stamp is missing and the next run starts over. pip inherits the lock, so a
next run also waits for a pip that outlived us.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

from botcannon_core.errors import CannonError

EXTRAS = ("terminal", "secrets")

# Settings of the user's that would send the packages elsewhere than into .venv
_MISLEADING = ("PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PYTHONHOME", "PYTHONPATH")
_OFFLINE = re.compile(r"connection broken by|Failed to establish a new connection|ReadTimeout")


class SetupError(CannonError):
    """The environment could not be made; the text says why and what helps."""

    exit_code = 2


@dataclass(frozen=True)
class Stamp:
    """What an environment is good for, as the `botcannon` script compares it: five lines of text."""

    checkout: str
    sums: str
    extras: tuple[str, ...]
    site: str = ""
    asked: str = ""

    def __str__(self) -> str:
        lines = (self.checkout, self.sums, " ".join(self.extras), self.site, self.asked)
        return "".join(f"{line}\n" for line in lines)

    def serves(self, wanted: Stamp) -> bool:
        """Nothing needs to be installed for `wanted`."""
        same = (self.checkout, self.sums) == (wanted.checkout, wanted.sums)
        return same and set(wanted.extras) <= set(self.extras)


@dataclass(frozen=True)
class Environment:
    """The `.venv` of one checkout."""

    checkout: Path
    lock: int

    @property
    def folder(self) -> Path:
        """Where it is."""
        return self.checkout / ".venv"

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "bin" / "python"

    @property
    def log(self) -> Path:
        """Everything that venv and pip said."""
        return self.folder / "setup.log"

    def stamp(self) -> Stamp | None:
        """What it says it is good for; None if it is half-made."""
        with contextlib.suppress(OSError, ValueError):
            text = (self.folder / "stamp").read_text(encoding="utf-8")
            checkout, sums, extras, site, asked = text.split("\n")[:5]
            return Stamp(checkout, sums, tuple(extras.split()), site, asked)
        return None

    def write(self, stamp: Stamp) -> None:
        """Declare it good, in one step."""
        new = self.folder / "stamp.new"
        new.write_text(str(stamp), encoding="utf-8")
        new.replace(self.folder / "stamp")

    def requirement(self, sum_: str) -> Path:
        """The file that exists when an app/requirements.txt of this sum is installed."""
        return self.folder / "requirements" / sum_


def main(words: Sequence[str]) -> int:
    """Make the environment ready; the words are checkout, sums, extra and the requirements' sum."""
    checkout, sums, extra, requirements = words
    asked = os.environ.get("BOTCANNON_PYTHON", "")
    wanted = Stamp(checkout, sums, (*EXTRAS, extra) if extra else EXTRAS, asked=asked)
    try:
        with _locked(Path(checkout)) as lock:
            _make_ready(Environment(Path(checkout), lock), wanted, requirements)
    except CannonError as error:
        _say(str(error))
        return error.exit_code
    except OSError as error:
        _say(f"cannot make {checkout}/.venv: {error.strerror}: {error.filename}")
        return SetupError.exit_code
    except KeyboardInterrupt:
        _say("interrupted; the next start goes on")
        return 130
    return 0


def _make_ready(environment: Environment, wanted: Stamp, requirements: str) -> None:
    start = time.monotonic()
    made = _intact_stamp(environment, wanted)
    if made is None:
        made = _made_anew(environment, wanted)
    extras = tuple(dict.fromkeys((*made.extras, *wanted.extras)))
    wanted = replace(wanted, extras=extras, site=made.site, asked=wanted.asked or made.asked)
    if not made.serves(wanted):
        _install(environment, made, _dependencies(environment.checkout, extras))
    environment.write(wanted)
    if requirements and not environment.requirement(requirements).exists():
        _install_requirements(environment, wanted, requirements)
    _say(f"ready after {time.monotonic() - start:.0f} s")


def _intact_stamp(environment: Environment, wanted: Stamp) -> Stamp | None:
    """The stamp of an environment that only needs to be completed; None if it has to be made anew."""
    stamp = environment.stamp()
    if stamp is None or stamp.checkout != wanted.checkout:
        return None
    if not (Path(stamp.site) / "botcannon_core" / "cli").is_dir():
        return None
    theirs = _answers(
        environment.python, "sys.version, sys.base_prefix, __import__('pip').__name__"
    )
    mine = [sys.version, sys.base_prefix]
    if theirs is None or (wanted.asked and theirs[:2] != mine):
        return None
    return stamp


def _made_anew(environment: Environment, wanted: Stamp) -> Stamp:
    """An environment with pip and botcannon_core in it, and nothing else."""
    _clear(environment.folder)
    environment.log.touch()
    _say(f"making .venv with Python {sys.version.split()[0]} (only this once)")
    # the real file: a name like python3 may be another version after the system's next upgrade
    inside_venv = sys.prefix != sys.base_prefix
    python = sys.executable if inside_venv else os.path.realpath(sys.executable)
    words = [python, "-I", "-m", "venv", str(environment.folder)]
    if _run(environment, words, Progress()):
        raise SetupError(f"python -m venv failed; see {environment.log}")
    answers = _answers(environment.python, "__import__('sysconfig').get_path('purelib')")
    if answers is None:
        raise SetupError(f"{environment.python} does not run; see {environment.log}")
    # Not a path entry (.pth): that would offer the checkout's own app/ to every other project
    site = str(answers[0])
    Path(site, "botcannon_core").symlink_to(environment.checkout / "botcannon_core")
    return Stamp(wanted.checkout, "", (), site, wanted.asked)


def _clear(folder: Path) -> None:
    """An empty folder; what was there and is not ours is put aside, never deleted."""
    folder.mkdir(exist_ok=True)
    ours = (folder / "setup.log").exists() or not (folder / "pyvenv.cfg").exists()
    if not ours:
        aside = folder.with_name(f".venv.aside-{time.strftime('%Y%m%d-%H%M%S')}")
        _say(f".venv was not made by botcannon; it is now {aside.name}")
        folder.rename(aside)
        folder.mkdir()
    for entry in folder.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def _dependencies(checkout: Path, extras: Sequence[str]) -> list[str]:
    """What pyproject.toml asks for."""
    with (checkout / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)["project"]
    optional = project.get("optional-dependencies", {})
    return [*project["dependencies"], *(name for extra in extras for name in optional[extra])]


def _install(environment: Environment, made: Stamp, words: Sequence[str]) -> str:
    """Run pip; its output. While it runs there is no stamp; the old one is back if it refuses."""
    stamp = environment.folder / "stamp"
    complete = stamp.exists()
    stamp.unlink(missing_ok=True)
    if not words:
        return ""
    pip = [str(environment.python), "-I", "-m", "pip", "install", *_pip_options(environment)]
    progress = Progress()
    code = _run(environment, [*pip, *words], progress)
    if code == 0:
        return progress.text
    if complete:
        environment.write(made)
    raise SetupError(_pip_failure(progress.text, environment.log))


def _install_requirements(environment: Environment, stamp: Stamp, sum_: str) -> None:
    file = Path("app", "requirements.txt")
    lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    if any(line.strip() and not line.lstrip().startswith("#") for line in lines):
        _say(f"installing {file}")
        text = _install(environment, stamp, ["-r", str(file)])
        if "Uninstalling" in text:  # what another project asked for may have been replaced
            shutil.rmtree(environment.folder / "requirements", ignore_errors=True)
    marker = environment.requirement(sum_)
    marker.parent.mkdir(exist_ok=True)
    marker.touch()
    environment.write(stamp)


def _pip_options(environment: Environment) -> list[str]:
    quiet = ["--no-input", "--progress-bar=off", "--disable-pip-version-check"]
    quiet += ["--no-warn-script-location", "--root-user-action=ignore"]
    patience = [] if "PIP_RETRIES" in os.environ else ["--retries=2"]
    return [*quiet, *patience, "-c", str(environment.checkout / "constraints.txt")]


def _pip_failure(text: str, log: Path) -> str:
    """Why pip gave up, in one line."""
    if _OFFLINE.search(text):
        return f"the package index cannot be reached; is this machine online? (all of it: {log})"
    errors = [line for line in text.splitlines() if line.startswith("ERROR: ")]
    why = errors[0].removeprefix("ERROR: ") if errors else "pip failed"
    if "(from versions: none)" in text:
        why += "; the package index lacks it or cannot be reached: is this machine online?"
    return f"cannot install what is needed: {why} (all of it: {log})"


def _run(environment: Environment, words: Sequence[str], progress: Progress) -> int:
    """Run a command to its end; everything it says goes to the log and to `progress`."""
    env = {name: value for name, value in os.environ.items() if name not in _MISLEADING}
    with environment.log.open("a", encoding="utf-8") as log:
        log.write(f"$ {' '.join(words)}\n")
        with subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=env,
            pass_fds=(environment.lock,) if environment.lock >= 0 else (),
        ) as process:
            assert process.stdout is not None
            progress.follow(process.stdout, log)
    return process.returncode


class Progress:
    """What a command said, and its newest line on a terminal while it runs."""

    def __init__(self) -> None:
        self.text = ""

    def follow(self, source: IO[str], log: IO[str]) -> None:
        """Read `source` to its end."""
        lines: list[str] = []
        live = sys.stderr.isatty()
        for line in source:
            lines.append(line)
            log.write(line)
            log.flush()
            if live:
                width = shutil.get_terminal_size().columns - 1
                sys.stderr.write(f"\r\033[K{'  ' + line.strip():.{width}}")
                sys.stderr.flush()
        if live:
            sys.stderr.write("\r\033[K")
        self.text = "".join(lines)


@contextlib.contextmanager
def _locked(checkout: Path) -> Iterator[int]:
    """Hold the checkout's lock (its descriptor, or -1 where folders cannot be locked)."""
    folder = os.open(checkout, os.O_RDONLY)
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _say("another start is setting up; waiting for it")
            fcntl.flock(folder, fcntl.LOCK_EX)
        except OSError:  # some network file systems
            yield -1
            return
        yield folder
    finally:
        os.close(folder)


def _answers(python: Path, expressions: str) -> list[Any] | None:
    """What an interpreter says about itself, as JSON; None if it does not run or has none."""
    code = f"import sys, json; print(json.dumps([{expressions}]))"
    try:
        answer = subprocess.run(
            [str(python), "-I", "-c", code], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    answers: list[Any] = json.loads(answer.stdout)
    return answers


def _say(text: str) -> None:
    print(f"botcannon: {text}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
