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
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from botcannon_core.cli.installing import SetupError, Shop, say
from botcannon_core.errors import CannonError

EXTRAS = ("terminal", "secrets")


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
    def shop(self) -> Shop:
        """Where its commands are run; everything that venv and pip say is in its log."""
        return Shop(self.folder / "setup.log", self.lock)

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
        say(str(error))
        return error.exit_code
    except OSError as error:
        say(f"cannot make {checkout}/.venv: {error.strerror}: {error.filename}")
        return SetupError.exit_code
    except KeyboardInterrupt:
        say("interrupted; the next start goes on")
        return 130
    return 0


def _make_ready(environment: Environment, wanted: Stamp, requirements: str) -> None:
    start = time.monotonic()
    made = _intact_stamp(environment, wanted) or _made_anew(environment, wanted)
    extras = tuple(dict.fromkeys((*made.extras, *wanted.extras)))
    wanted = replace(wanted, extras=extras, site=made.site, asked=wanted.asked or made.asked)
    if not made.serves(wanted):
        say("installing what the tests need" if "test" in extras else "installing what it needs")
        _install(environment, made, _dependencies(environment.checkout, extras))
        say(f"ready after {time.monotonic() - start:.0f} s")
    environment.write(wanted)
    if requirements and not environment.requirement(requirements).exists():
        _install_requirements(environment, wanted, requirements)


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
    environment.shop.log.touch()
    say(f"making .venv with Python {sys.version.split()[0]} (only this once)")
    # the real file: a name like python3 may be another version after the system's next upgrade
    inside_venv = sys.prefix != sys.base_prefix
    python = sys.executable if inside_venv else os.path.realpath(sys.executable)
    words = [python, "-I", "-m", "venv", str(environment.folder)]
    code, _ = environment.shop.run(words)
    if code:
        raise SetupError(f"python -m venv failed; see {environment.shop.log}")
    answers = _answers(environment.python, "__import__('sysconfig').get_path('purelib')")
    if answers is None:
        raise SetupError(f"{environment.python} does not run; see {environment.shop.log}")
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
        say(f".venv was not made by botcannon; it is now {aside.name}")
        folder.rename(aside)
        folder.mkdir()
    # should we die meanwhile: no stamp from the first moment, known as ours until the last
    order = {"stamp": 0, "setup.log": 2}
    for entry in sorted(folder.iterdir(), key=lambda entry: order.get(entry.name, 1)):
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
    constraints = environment.checkout / "constraints.txt"
    try:
        return environment.shop.pip_install(environment.python, constraints, words)
    except SetupError:
        if complete:
            environment.write(made)
        raise


def _install_requirements(environment: Environment, stamp: Stamp, sum_: str) -> None:
    file = Path("app", "requirements.txt")
    lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    if any(line.strip() and not line.lstrip().startswith("#") for line in lines):
        say(f"installing {file}")
        text = _install(environment, stamp, ["-r", str(file)])
        if "Uninstalling" in text:  # what another project asked for may have been replaced
            shutil.rmtree(environment.folder / "requirements", ignore_errors=True)
    marker = environment.requirement(sum_)
    marker.parent.mkdir(exist_ok=True)
    marker.touch()
    environment.write(stamp)


@contextlib.contextmanager
def _locked(checkout: Path) -> Iterator[int]:
    """Hold the checkout's lock (its descriptor, or -1 where folders cannot be locked)."""
    folder = os.open(checkout, os.O_RDONLY)
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another start is setting up; waiting for it")
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


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
