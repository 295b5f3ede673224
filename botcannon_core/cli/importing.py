"""Importing in a hurry: without looking for garbage, which imports hardly make.

The collector would look after every 700 objects that a module makes, a tenth of the time until a verb
begins. Not here: what is imported, and when (verbs, starting).
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def hurry() -> Iterator[None]:
    """No search for garbage until the end of the block; then as it was."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
