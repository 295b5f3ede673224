"""Views: what a class says that knows better how it looks in a chat, by a method `_repr_chat_`.

Found without asking the object: the method must stand in its class. It may give a text, or anything that
a command may give. Not here: how that becomes text (render).
"""

from __future__ import annotations

from types import FunctionType
from typing import Any

METHOD = "_repr_chat_"


def has_view(value: object) -> bool:
    """Whether the value's class says how it looks."""
    for klass in type(value).__mro__:
        if METHOD in vars(klass):
            return type(vars(klass)[METHOD]) is FunctionType
    return False


def view(value: Any) -> Any:
    """What the value says of itself; raises what its method raises."""
    return getattr(type(value), METHOD)(value)
