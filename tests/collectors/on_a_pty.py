"""Runs a Python script on a terminal of its own, types into it and reads what it shows."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import termios
import time
from pathlib import Path

PATIENCE = 20.0  # seconds until a text that never comes is a failure
FORWARD = re.compile(r"\x1b\[(\d*)C")  # the cursor steps over cells: they show as spaces
ESCAPE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x08")


class OnAPty:
    """A script that runs with a pseudo terminal as its stdin, stdout and stderr."""

    def __init__(self, script: str, folder: Path, **environment: str) -> None:
        self._end, inner = pty.openpty()
        termios.tcsetwinsize(inner, (24, 80))
        self._raw = ""
        self._process = subprocess.Popen(
            [sys.executable, "-c", script],
            cwd=folder,
            env={**os.environ, "TERM": "xterm", "PYTHONPATH": os.getcwd(), **environment},
            stdin=inner,
            stdout=inner,
            stderr=inner,
            start_new_session=True,
        )
        os.close(inner)

    def type(self, keys: str) -> None:
        """Press these keys."""
        os.write(self._end, keys.encode())

    def wait_for(self, text: str) -> str:
        """Read until `text` was shown; everything shown until then."""
        deadline = time.monotonic() + PATIENCE
        while text not in _plain(self._raw):
            if not self._read(deadline):
                raise AssertionError(f"{text!r} was never shown, but: {_plain(self._raw)!r}")
        shown, _, self._raw = _plain(self._raw).partition(text)
        return shown + text

    def hang_up(self) -> int:
        """Close the terminal while the script runs; its exit code."""
        os.close(self._end)
        return self._process.wait(PATIENCE)

    def finish(self) -> int:
        """Read until the script ends; its exit code."""
        while self._read(time.monotonic() + PATIENCE):
            pass
        os.close(self._end)
        return self._process.wait(PATIENCE)

    def _read(self, deadline: float) -> bool:
        if not select.select([self._end], [], [], max(0.0, deadline - time.monotonic()))[0]:
            return False
        try:
            data = os.read(self._end, 65_536)
        except OSError:  # the other end is closed
            return False
        self._raw += data.decode(errors="replace")
        return bool(data)


def _plain(raw: str) -> str:
    """What was shown, without the ways of showing it."""
    return ESCAPE.sub("", FORWARD.sub(lambda step: " " * int(step[1] or 1), raw))
