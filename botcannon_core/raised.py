"""The words that a class may raise to end a message or a service. They are no errors.

Not here: which classes these are (roles). A worker needs the words, and never a description of its role.
"""

from __future__ import annotations

TYPE_CHECKING = False  # typing's own would cost each worker (docs/design.md)
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


class Halt(Exception):
    """Raised in `read()`: there will never be more. The service drains and ends well."""


class Skip(Exception):
    """Raised in a task: this message needs no more work. Its outcome is `skipped`."""


class Park(Exception):
    """Raised in a task as `Park(reason)`: this message cannot be done; put it aside, with why.

    `results` are told to whoever waits for the answer, `facts` are kept with the message in `dead`.
    """

    def __init__(
        self,
        *reason: object,
        results: Mapping[str, Any] | None = None,
        facts: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(*reason)
        self.results = dict(results or {})
        self.facts = dict(facts or {})


class Retry(Exception):
    """Raised in a task as `Retry(delay)`: try this message again after `delay` seconds."""

    def __init__(self, delay: float = 0.0, why: str = "asked to be tried again") -> None:
        self.delay = float(delay)
        super().__init__(f"{why} in {self.delay:g} s")
