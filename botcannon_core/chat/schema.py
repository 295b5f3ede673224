"""The keys that this room adds to a compose file, each with the check of its plain value.

A check yields what is wrong: the steps to the spot, and the text. Not here: what the values mean.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def _problems(value: Any) -> Iterator[tuple[tuple[str | int, ...], str]]:
    # 0.5 MB that the launcher keeps, and every verb that reads a compose file imports this module
    from botcannon_core.chat import acl

    return acl.problems(value)


SERVICE = {"acl": _problems}
