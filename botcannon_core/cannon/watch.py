"""A watch: wait on many descriptors at once and call whoever minds the one that is ready.

A thin shape over `selectors`, so that a loop reads as what it does. Not here: timers; a loop says how
long it may wait.
"""

from __future__ import annotations

import selectors
from collections.abc import Callable
from typing import Protocol


class HasDescriptor(Protocol):
    """Anything that can be waited on."""

    def fileno(self) -> int:
        """Its descriptor; -1 once closed."""
        ...


class Watch:
    """Descriptors and what to do when there is something to read."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._known: dict[int, tuple[HasDescriptor, int]] = {}

    def on(self, source: HasDescriptor, call: Callable[[], object]) -> None:
        """Call `call` whenever `source` is readable or closed by the other end."""
        self.forget(source)
        self._selector.register(source.fileno(), selectors.EVENT_READ, call)
        self._known[id(source)] = (source, source.fileno())

    def forget(self, source: HasDescriptor) -> None:
        """Stop watching `source`; it may be closed already, or never have been watched."""
        _, descriptor = self._known.pop(id(source), (source, -1))
        if descriptor >= 0:
            self._selector.unregister(descriptor)

    def knows(self, source: HasDescriptor) -> bool:
        """True while `source` is watched."""
        return id(source) in self._known

    def wait(self, timeout: float | None) -> None:
        """Wait up to `timeout` seconds (None: for ever) and make every call that is due."""
        for key, _ in self._selector.select(timeout):
            if self._is_current(key):  # an earlier call of this round may have forgotten it
                key.data()

    def close(self) -> None:
        """Forget everything."""
        self._selector.close()

    def _is_current(self, key: selectors.SelectorKey) -> bool:
        return self._selector.get_map().get(key.fd) == key
