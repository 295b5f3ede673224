"""A file as the answer of a command: a name, its content, and what is said with it.

Pure words: nothing here reads or sends one.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # not imported for everybody who answers without a file
    from pathlib import Path


@dataclass(frozen=True)
class File:
    """A file to be sent with an answer: `File("cpu.png", data)`.

    `data` is the content (a text is sent as UTF-8), or the path where it lies; it is read when it is
    sent. `text` is said with it.
    """

    name: str
    data: bytes | str | Path
    text: str = ""

    def __str__(self) -> str:
        if isinstance(self.data, os.PathLike):
            return self.name
        return f"{self.name} ({len(self.data):,} {'bytes' if self.is_binary else 'characters'})"

    @property
    def is_binary(self) -> bool:
        """Whether the content was given as bytes."""
        return isinstance(self.data, bytes)
