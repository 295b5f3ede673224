"""From the command line to a verb, and from an error to a line for people and an exit code.

Not here: which verbs there are (verbs), how their words are checked (words) and what they do.
"""

from __future__ import annotations

import os
import sys
import time
import traceback
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from botcannon_core.cli.signature import explained
from botcannon_core.cli.verbs import function_of
from botcannon_core.cli.words import HelpAsked, bound
from botcannon_core.errors import CannonError, UsageError

_ALIASES = {"-h": "help", "--help": "help", "--version": "version", "-V": "version"}


def main(argv: Sequence[str] | None = None) -> None:
    """Run one command line and end the process with its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a chart on a latin-1 terminal is no reason to fail
            stream.reconfigure(errors="replace")
    sys.exit(exit_code(words))


def exit_code(words: Sequence[str]) -> int:
    """Run one command line; every way it can end becomes an exit code, with a line on stderr."""
    try:
        code = _run(words)
        if sys.stdout is not None:
            sys.stdout.flush()  # a closed pipe shows here, not at the interpreter's end
        return code
    except CannonError as error:
        _say(str(error))
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        _hush()
        return 141  # what a program says that SIGPIPE ended
    except Exception as error:
        if os.environ.get("BOTCANNON_DEBUG"):
            raise
        _say(f"unexpected {type(error).__name__}: {error} ({_kept_traceback()})")
        return 1


def _run(words: Sequence[str]) -> int:
    name, rest = _split(words)
    function = function_of(name)
    try:
        call = bound(name, function, rest)
    except HelpAsked:
        print(explained(name, function))
        return 0
    return function(*call.args, **call.kwargs) or 0


def _split(words: Sequence[str]) -> tuple[str, list[str]]:
    """The verb and its words; a `--file` written before the verb is moved behind it."""
    left, moved = list(words), list[str]()
    while left and (left[0] == "--file" or left[0].startswith("--file=")):
        if left[0] == "--file" and len(left) < 2:
            raise UsageError("--file needs the name of a compose file")
        moved.append(left.pop(0) if "=" in left[0] else f"{left.pop(0)}={left.pop(0)}")
    if not left:
        raise UsageError("say what to do: `botcannon help` lists the verbs")
    name = left.pop(0)
    if name.startswith("-") and name not in _ALIASES:
        raise UsageError(f"unknown option {name!r} before the verb; only --file may stand there")
    return _ALIASES.get(name, name), moved + left


def _say(text: str) -> None:
    with suppress(OSError):
        for line in text.splitlines() or [""]:
            print(f"botcannon: {line}", file=sys.stderr)


def _hush() -> None:
    """Let the interpreter end without complaining that nobody reads its output any more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _kept_traceback() -> str:
    """Write the traceback where it can be found; the answer says where, or shows it."""
    folder = Path(".botcannon", "log")
    name = f"unexpected-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.txt"
    try:
        Path(".botcannon").mkdir(mode=0o700, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        (folder / name).write_text(traceback.format_exc(), encoding="utf-8")
    except OSError:
        return "\n" + traceback.format_exc()
    return f"traceback: {folder / name}"


if __name__ == "__main__":
    main()
