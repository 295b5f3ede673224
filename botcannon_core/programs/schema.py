"""The keys that this room adds to a compose file, and what their plain values come to.

`programs` and `steps` stand beside `services`; `program`, or `programs` for several, in a service. Not
here: what is right and wrong with them (plan), and what a service is given of them (chains).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botcannon_core.compose.spec import Unfolded

TOP = ("programs", "steps")
CHAIN = ("program", "programs")


def unfold(document: Mapping[str, Any]) -> Unfolded:
    """What is wrong, where steps name their classes, and the chain of each service with programs."""
    # costs 10 ms, and every verb that reads a compose file imports this module
    from botcannon_core.programs.chains import unfolded

    return unfolded(document)
