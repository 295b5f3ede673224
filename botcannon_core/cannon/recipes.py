"""Recipes: how the objects of a service's chain are built, looked up once in the forker.

Not here: who builds them, and runs them (worker, single, an author's test).
"""

from __future__ import annotations

from botcannon_core.compose import loading

TYPE_CHECKING = False  # typing's own would cost each worker (docs/design.md)
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from botcannon_core.compose.loading import Recipe
    from botcannon_core.compose.plan import Plan
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


class Recipes:
    """How to build a service's chain.

    `makers` make its tasks if these ask for nothing: then there is nothing else to build.
    """

    __slots__ = ("handles", "makers", "parts", "plan", "shell", "tasks", "tells_progress")

    def __init__(
        self,
        plan: Plan,
        handles: Handles,
        shell: Recipe | None,
        tasks: tuple[Recipe, ...],
        parts: Mapping[str, Recipe],
        makers: tuple[Callable[[], Task], ...],
        tells_progress: bool,
    ) -> None:
        self.plan = plan
        self.handles = handles
        self.shell = shell
        self.tasks = tasks
        self.parts = parts
        self.makers = makers
        self.tells_progress = tells_progress


def recipes(plan: Plan) -> Recipes:
    """Import all that the chain needs, and find out how each class is built."""
    shell = loading.recipe(plan.shell) if plan.shell is not None else None
    tasks = tuple(loading.recipe(one) for one in plan.tasks)
    parts = {name: loading.recipe(one) for name, one in plan.parts.items()}
    hidden, open_history = plan.hidden, plan.open_history
    given = {**loading.extras(plan), "hidden": lambda: hidden}
    if open_history is not None:
        given["ledger"] = open_history
    ask_nothing = not any(n in loading.HANDLES or n in given for one in tasks for n in one.asks)
    everything = (*tasks, *parts.values(), *([shell] if shell else []))
    asked = {name for one in everything for name in one.asks}
    for name in asked & _HOMES.keys():
        __import__(_HOMES[name])
    makers = tuple(one.maker() for one in tasks) if ask_nothing else ()
    return Recipes(plan, given, shell, tasks, parts, makers, "progress" in asked)


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
    if how.plan.has_journal:
        parts = {name: part(given) for name, part in how.parts.items()}
        given |= {"parts": lambda: parts, "journal": journal}
    return [task(given) for task in how.tasks]
