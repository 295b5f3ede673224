"""The verb `program`: its actions, each with words and options of its own, checked before it runs.

Not here: what the actions do (looking, running, writing).
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Annotated, Literal

from botcannon_core.cli.signature import Rest, explained
from botcannon_core.cli.words import HelpAsked, bound

Action = Literal["ls", "show", "graph", "run", "new", "import"]
ACTIONS = {
    "ls": ("looking", "ls"),
    "show": ("looking", "show"),
    "graph": ("looking", "graph"),
    "run": ("running", "run"),
    "new": ("writing", "new"),
    "import": ("writing", "import_"),
}


def program(action: Action, *words: Annotated[str, Rest()], file: str | None = None) -> int | None:
    """Look at programs, draw, run, begin and import them: `program run buy --item=x`.

    program ls | show NAME | graph NAME | run NAME --ARG=VALUE... | new NAME | import SPEC

    `program ACTION --help` says how one is written.
    """
    name = f"program {action}"
    function = function_of(action)
    given = [*([f"--file={file}"] if file is not None else []), *words]
    try:
        call = bound(name, function, given)
    except HelpAsked:
        print(explained(name, function))
        return 0
    return function(*call.args, **call.kwargs)


def function_of(action: str) -> Callable[..., int | None]:
    """The function behind an action; only now, as its imports are most of its start."""
    module, function = ACTIONS[action]
    found: Callable[..., int | None] = getattr(
        importlib.import_module(f"botcannon_core.cli.program.{module}"), function
    )
    return found
