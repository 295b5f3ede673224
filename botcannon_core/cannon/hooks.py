"""Hooks: whom a crew tells what happens to the jobs it was given (pool)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botcannon_core.cannon.chain import Ended
from botcannon_core.cannon.job import Job


@dataclass(frozen=True)
class Hooks:
    """Whom the crew tells: a worker asks for something; a job ended; these did not begin after all; a
    line was printed; it fails; a worker says how far its job is.
    """

    asked: Callable[[Job | None, Any, Callable[[Any], None]], None]
    ended: Callable[[Job, Ended], None]
    back: Callable[[list[Job]], None]
    printed: Callable[[str, str], None]
    failed: Callable[[str], None]
    noted: Callable[[Job | None, Any], None] = lambda _job, _text: None
