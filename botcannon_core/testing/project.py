"""From a folder to a bot that can be talked to: what the fixture does, for who tests without pytest."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path

from botcannon_core.testing.bot import TestBot
from botcannon_core.testing.declared import declared
from botcannon_core.testing.real import Real
from botcannon_core.testing.simulated import Simulated, entered


@contextmanager
def bot_of(folder: str | Path) -> Iterator[TestBot]:
    """The bot of the project that `folder` lies in; when this is left, whatever was started has ended.

    Raises UsageError if there is no compose file in it or above it, ComposeError for one that cannot be
    read at all.
    """
    with ExitStack() as stack:
        project = declared(Path(folder).resolve())
        stack.enter_context(entered(project))
        real: Callable[[], Real] = cache(lambda: stack.enter_context(Real(project)))
        yield TestBot(project, Simulated(project), real)
