"""Runs the commands that fill an environment (venv and pip): their log, their progress, their failures.

Not here: which environment, and what belongs into it (environment). Standard library and words only.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from botcannon_core.errors import CannonError

# Settings of the user's that would send the packages elsewhere than into .venv
_MISLEADING = ("PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PYTHONHOME", "PYTHONPATH")
_OFFLINE = re.compile(r"connection broken by|Failed to establish a new connection|ReadTimeout")


class SetupError(CannonError):
    """The environment could not be made; the text says why and what helps."""

    exit_code = 2


@dataclass(frozen=True)
class Shop:
    """Where commands run: the file that gets all they say, and the lock they hold while they live."""

    log: Path
    lock: int

    def run(self, words: Sequence[str]) -> tuple[int, str]:
        """Run a command to its end; its exit code and all that it said."""
        env = {name: value for name, value in os.environ.items() if name not in _MISLEADING}
        with self.log.open("a", encoding="utf-8") as log:
            log.write(f"$ {' '.join(words)}\n")
            with subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                env=env,
                pass_fds=(self.lock,) if self.lock >= 0 else (),
            ) as process:
                assert process.stdout is not None
                text = _followed(process.stdout, log)
        return process.returncode, text

    def pip_install(self, python: Path, constraints: Path, words: Sequence[str]) -> str:
        """Install with the pip of `python`; all that it said. Raises SetupError when it refuses."""
        pip = [str(python), "-I", "-m", "pip", "install", *_manners(), "-c", str(constraints)]
        code, text = self.run([*pip, *words])
        if code:
            raise SetupError(refusal(text, self.log))
        return text


def say(text: str) -> None:
    """Tell the person who waits; never on stdout, which is the verb's."""
    print(f"botcannon: {text}", file=sys.stderr)


def refusal(text: str, log: Path) -> str:
    """Why pip gave up, in one line."""
    if _OFFLINE.search(text):
        return f"the package index cannot be reached; is this machine online? (all of it: {log})"
    errors = [line for line in text.splitlines() if line.startswith("ERROR: ")]
    why = errors[0].removeprefix("ERROR: ") if errors else "pip failed"
    if "(from versions: none)" in text:
        why += "; the package index lacks it or cannot be reached: is this machine online?"
    return f"cannot install what is needed: {why} (all of it: {log})"


def _manners() -> list[str]:
    quiet = ["--no-input", "--progress-bar=off", "--disable-pip-version-check"]
    quiet += ["--no-warn-script-location", "--root-user-action=ignore"]
    return quiet if "PIP_RETRIES" in os.environ else [*quiet, "--retries=2"]


def _followed(source: IO[str], log: IO[str]) -> str:
    """Read `source` to its end into the log; a terminal shows the newest line meanwhile."""
    lines: list[str] = []
    live = sys.stderr.isatty()
    for line in source:
        lines.append(line)
        log.write(line)
        log.flush()
        if live:
            width = shutil.get_terminal_size().columns - 1
            print(f"\r\033[K{'  ' + line.strip():.{width}}", end="", file=sys.stderr, flush=True)
    if live:
        print("\r\033[K", end="", file=sys.stderr, flush=True)
    return "".join(lines)
