"""A look: one class that the check is to see, as the launcher and the process that looks both know it.

Not here: who asks for it (check) and what is seen (lookout).
"""

from __future__ import annotations

from dataclasses import dataclass

from botcannon_core.compose.spec import ClassSpec, ServiceSpec


@dataclass(frozen=True)
class Look:
    """One class to look at: the `index`th of its service's classes, and the module it should be in."""

    service: ServiceSpec
    index: int
    one: ClassSpec
    module: str
