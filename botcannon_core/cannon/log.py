"""The log: what the processes of an `up` say, on the screen, in a file and in the log stream.

While a collector owns the terminal nothing is written to the screen. Secrets are shown as ***. Not
here: reading the log again (view).
"""

from __future__ import annotations

import os
import re
import time
import zlib
from collections import deque
from collections.abc import Collection
from pathlib import Path
from typing import TextIO

from botcannon_core.ledger import stream
from botcannon_core.ledger.keys import Keys
from botcannon_core.ledger.line import Line
from botcannon_core.message import redacted

COLOURS = (36, 33, 35, 32, 34, 31, 96, 93, 95, 92, 94)  # cyan first: red looks like an error
LARGEST_FILE_BYTES = 10_000_000  # then it is moved to .1, once, and begun anew
MOST_MISSED = 1000  # lines kept for a service's stream while its store is away: the newest
_ESCAPES = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)|.)")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


class Log:
    """Where lines go; `screen` is None while somebody else owns it."""

    def __init__(self, folder: Path, screen: TextIO | None) -> None:
        self._screen = screen
        self._coloured = bool(screen and screen.isatty() and not os.environ.get("NO_COLOR"))
        self._width = 12
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / "up.log"
        self._file = self._open()
        self._missed: dict[str, deque[dict[str, str]]] = {}  # by stream, while the store is away

    def write(
        self,
        keys: Keys,
        line: Line | None,
        said: dict[str, str],
        hidden: Collection[str] = (),
    ) -> None:
        """What one process said, in one or more lines: `part`, `level`, `text`, perhaps `error_id`."""
        text = redacted(said.get("text", ""), hidden)
        name = f"{keys.service}.{said.get('part', '')}"
        for one in text.split("\n"):
            self._print(name, one)
        if line is not None:
            missed = self._missed.setdefault(keys.log, deque(maxlen=MOST_MISSED))
            missed.append({**said, "text": text})
            self.catch_up(keys, line)

    def catch_up(self, keys: Keys, line: Line) -> None:
        """Put into the stream what has not come into it, once the store can be reached."""
        missed = self._missed.get(keys.log)
        while missed and line.is_open:
            stream.write_log(line, keys, missed.popleft())

    def say(self, text: str) -> None:
        """A line of the launcher's own."""
        self._print("botcannon", text)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _print(self, name: str, text: str) -> None:
        clock = time.strftime("%Y-%m-%d %H:%M:%S")
        clean = _CONTROLS.sub("", _ESCAPES.sub("", text))
        self._keep(f"{clock} {name} | {clean}\n")
        if self._screen is None:
            return
        self._width = max(self._width, len(name))
        shown = f"{name:{self._width}} |"
        if self._coloured:
            colour = COLOURS[zlib.crc32(name.split(".")[0].encode()) % len(COLOURS)]
            self._show(self._screen, f"\x1b[{colour}m{shown}\x1b[0m {text}")
        else:
            self._show(self._screen, f"{shown} {clean}")

    def _keep(self, line: str) -> None:
        try:
            self._file.write(line)
        except OSError:
            pass  # a full disk must not end what runs

    def _show(self, screen: TextIO, line: str) -> None:
        try:
            print(line, file=screen, flush=True)
        except OSError:
            self._screen = None  # nobody reads any more; the file goes on

    def _open(self) -> TextIO:
        if self.path.exists() and self.path.stat().st_size > LARGEST_FILE_BYTES:
            self.path.replace(self.path.with_suffix(".log.1"))
        return self.path.open("a", buffering=1, encoding="utf-8", errors="replace")
