"""The one error of this room: a line that will not be run, and why, in words for the one who typed it.

Not here: exceptions of the shell's own methods; those are the author's and pass through untouched.
"""

from __future__ import annotations

from collections.abc import Iterable

from botcannon_core.errors import CannonError
from botcannon_core.message import one_line


class Refused(CannonError):
    """What was typed is not run; the text is one line that says why and what would do."""


def shown(text: str, limit: int = 60) -> str:
    """`text` in quotes as an error may repeat it: one printable, bounded line."""
    return f"'{one_line(text, limit)}'"


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known name that `word` was most likely meant to be, whatever its case."""
    from difflib import get_close_matches  # 0.3 MB in every worker, for who mistypes

    by_lower = {name.lower(): name for name in known}
    near = get_close_matches(word.lower()[:100], list(by_lower), n=1, cutoff=0.6)
    return by_lower[near[0]] if near else None
