"""Files that a command answers with, read and made fields of the answer; or a line that says why not.

A `File` is sent as it is: its author has chosen it. A path that a command merely gives may be made of
what somebody typed: it is sent only from the project folder or the temporary one, never if a part of it
is hidden (`.env`, `.botcannon`) or `..`, or if it is what was typed. Else it is text. Not here: what
doors do.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

from botcannon_core.file import File

if TYPE_CHECKING:  # who gives a path has imported it
    from pathlib import Path

Fields = dict[str, str]


def fields(file: File | Path | None, most: int, typed: Iterable[str]) -> tuple[Fields, str]:
    """The fields that carry a file of at most `most` bytes; if it does not go, a line that says why.

    `typed` are the words of the command.
    """
    if file is None or (not isinstance(file, File) and not is_sendable(file, typed)):
        return {}, ""
    name = file.name or "file"
    try:
        content = _content(file, most)
    except OSError as error:
        return {}, f"{name} could not be read: {error.strerror or type(error).__name__}"
    if len(content) > most:
        return {}, f"{name} is larger than the {most:,} bytes that are sent"
    if not content:
        return {}, f"{name} is empty"
    return {"file_name": name, "file_base64": base64.b64encode(content).decode()}, ""


def is_sendable(path: Path, typed: Iterable[str] = ()) -> bool:
    """Whether a path that a command gave is a file that may be sent without more ado."""
    if ".." in path.parts:  # joined from a folder and `../elsewhere`, perhaps, which somebody typed
        return False
    try:
        real = path.resolve(strict=True)
        if not real.is_file() or any(os.path.realpath(word) == str(real) for word in typed):
            return False
    except (
        OSError,
        RuntimeError,
        ValueError,
    ):  # nothing there, links in a circle, a name that is none
        return False
    from tempfile import gettempdir  # 0.7 MB in every worker, and few commands give a file

    for folder in map(os.path.realpath, (os.getcwd(), gettempdir())):
        if real.is_relative_to(folder):
            return not any(part.startswith(".") for part in real.relative_to(folder).parts)
    return False


def _content(file: File | Path, most: int) -> bytes:
    """The content, or a little more than `most` bytes of it."""
    data = file.data if isinstance(file, File) else file
    if isinstance(data, os.PathLike):
        # a pipe or a device would be read for ever, or wait
        with open(os.open(data, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as opened:
            return opened.read(most + 1)
    return data.encode(errors="replace") if isinstance(data, str) else bytes(data)
