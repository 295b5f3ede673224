"""The verb that starts services: up. It reads the file and sets the store going, before all else.

Most of a store's start is its server's own waiting, so what imports slowly comes after it (launching).
"""

from __future__ import annotations

from typing import Literal

from botcannon_core.cannon.declared import begin
from botcannon_core.cli.importing import hurry


def up(
    *services: str,
    lazy: bool = False,
    only: Literal["collector", "workers", ""] = "",
    detach: bool = False,
    file: str | None = None,
) -> int:
    """Start SERVICES, or all, and keep them running until they end or Ctrl-C.

    --lazy forks the next worker only when the last one has ended. --only runs one part of the services
    here and leaves the other to another `up`. --detach goes on in the background once all is up.
    """
    declared = begin(file, services)
    with hurry():  # 20 ms that the store's server starts in
        from botcannon_core.cli.launching import launch
    return launch(declared, lazy=lazy, only=only, detach=detach)
