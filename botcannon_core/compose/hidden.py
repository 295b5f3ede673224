"""The value of a secret among kwargs. Not here: how it is found (conf)."""

from __future__ import annotations


class Hidden(str):
    """The value of a secret, once found: text that shows itself to nobody who prints a spec.

    Classes are built with the plain text; `str(value)` is how to get it.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return "***"
