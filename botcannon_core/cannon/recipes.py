"""Recipes: how the objects of a service's chain are built, looked up once in the forker.

Not here: who builds them, and runs them (worker, single, an author's test).
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from botcannon_core.compose import loading
from botcannon_core.compose.loading import Recipe
from botcannon_core.compose.spec import ServiceSpec
from botcannon_core.roles import Task

Handles = dict[str, Callable[[], Any]]

# Where what a worker may ask for comes from: imported in the forker where it is asked for, and not
# elsewhere, as each fork would pay for it.
_HOMES = {
    "memory": "botcannon_core.ledger.memory",
    "cancel": "botcannon_core.ledger.cancels",
    "journal": "botcannon_core.ledger.journal",
    "progress": "botcannon_core.cannon.progress",
}


@dataclass(frozen=True)
class Recipes:
    """How to build a service's chain.

    `makers` make its tasks if these ask for nothing: then there is nothing else to build.
    """

    service: ServiceSpec
    handles: Handles
    shell: Recipe | None
    tasks: tuple[Recipe, ...]
    parts: Mapping[str, Recipe] = field(default_factory=dict)
    makers: tuple[Callable[[], Task], ...] = ()
    tells_progress: bool = False


def recipes(service: ServiceSpec, handles: Handles) -> Recipes:
    """Import all that the chain needs, and find out how each class is built."""
    shell = loading.recipe(service.shell) if service.shell is not None else None
    tasks = tuple(loading.recipe(one) for one in service.tasks)
    parts = {name: loading.recipe(one) for name, one in service.parts.items()}
    hidden = service.hidden
    given = {**loading.extras(service), **handles, "hidden": lambda: hidden}
    ask_nothing = not any(n in loading.HANDLES or n in given for one in tasks for n in one.asks)
    everything = (*tasks, *parts.values(), *([shell] if shell else []))
    asked = {name for one in everything for name in one.asks}
    for name in asked & _HOMES.keys():
        importlib.import_module(_HOMES[name])
    makers = tuple(one.maker() for one in tasks) if ask_nothing else ()
    return Recipes(service, given, shell, tasks, parts, makers, "progress" in asked)


def unheard(*_said: object) -> None:
    """The handle `progress` where nobody listens."""


def construct(
    how: Recipes, ask: Callable[[str, Any], Any], progress: Callable[..., None] = unheard
) -> list[Task]:
    """The tasks in order, with what they ask for; one shell for all of them."""
    shells: list[Any] = []

    def shell() -> Any:
        if not shells and how.shell is not None:
            shells.append(how.shell(handles))
        return shells[0] if shells else None

    def memory() -> Any:
        from botcannon_core.ledger.memory import Memory  # see _HOMES

        return Memory(ask)

    def cancel() -> Any:
        from botcannon_core.ledger.cancels import Cancel

        return Cancel(ask)

    def journal() -> Any:
        from botcannon_core.ledger.journal import Journal

        return Journal(ask)

    handles: Handles = {
        **how.handles,
        "memory": memory,
        "cancel": cancel,
        "progress": lambda: progress,
    }
    given = {**handles, "shell": shell}
    if how.service.chain:
        parts = {name: part(given) for name, part in how.parts.items()}
        given |= {"parts": lambda: parts, "journal": journal}
    return [task(given) for task in how.tasks]
