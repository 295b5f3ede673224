"""The pytest fixture `testbot`, and the only module here that needs pytest. Ask for it in a conftest.py:

    from botcannon_core.testing import testbot

    __all__ = ["testbot"]

Not here: what can be said to it (bot).
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from botcannon_core.testing.bot import TestBot
from botcannon_core.testing.project import bot_of


@pytest.fixture
def testbot(request: pytest.FixtureRequest) -> Iterator[TestBot]:
    """The bot of the project that the test lies in; its store is new and empty for each test."""
    with bot_of(request.path.parent) as bot:
        yield bot
