"""The environments of the peers and tools: one each, pinned, made once under a cache folder.

Not here: botcannon's own, which `./botcannon` makes as it does for everybody.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


class SetUpError(Exception):
    """An environment could not be made; its text is the end of what pip said."""


@dataclass(frozen=True)
class Environment:
    """A ready environment."""

    folder: Path

    def program(self, name: str) -> str:
        """The path of one of its programs."""
        return str(self.folder / "bin" / name)

    def versions(self) -> list[str]:
        """What is installed in it, as `name==version`."""
        return (self.folder / "versions.txt").read_text().split()


def cache_folder() -> Path:
    """Where environments are kept between runs."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base, "botcannon-benchmarks")


def environment(cache: Path, name: str, packages: Sequence[str]) -> Environment:
    """The environment `name` with these packages, made now if it is not there. Raises SetUpError."""
    made = Environment(cache / name)
    asked = "\n".join([sys.version, *packages])
    stamp = made.folder / "asked.txt"
    if not stamp.exists() or stamp.read_text() != asked:
        print(f"setting up {name}: {' '.join(packages)}", file=sys.stderr, flush=True)
        shutil.rmtree(made.folder, ignore_errors=True)
        _run(sys.executable, "-m", "venv", str(made.folder))
        pip = (made.program("python"), "-m", "pip", "--disable-pip-version-check")
        _run(*pip, "install", "--quiet", "--no-input", *packages)
        (made.folder / "versions.txt").write_text(_run(*pip, "freeze"))
        stamp.write_text(asked)
    return made


def _run(*words: str) -> str:
    ended = subprocess.run(words, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise SetUpError(f"{' '.join(words)}:\n{ended.stderr[-2000:]}")
    return ended.stdout
