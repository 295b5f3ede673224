"""From a ClassSpec to the module, the class and the object it names.

A file is `app.NAME` of the project folder, else a built-in of its role found by the same name, so that a
user can shadow one. Not here: whether the class suits its role (fit), and in which process it is built.
"""

from __future__ import annotations

import os
import sys
from _frozen_importlib import ModuleSpec, module_from_spec  # importlib has more beside

from botcannon_core.compose.signature import parameters, plain

TYPE_CHECKING = False  # typing's own would cost each worker (docs/design.md)
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from functools import partial
    from pathlib import Path
    from types import FunctionType, ModuleType
    from typing import Any

    from botcannon_core.compose.plan import Part, Plan
    from botcannon_core.compose.spec import ClassSpec, Role, ServiceSpec

    Handles = Mapping[str, Callable[[], Any]]
    """By name, what makes the thing that a class asks for."""
else:
    from _functools import partial  # functools has more beside

ROOMS: Mapping[Role, str] = {
    "collector": "botcannon_core.collectors",
    "task": "botcannon_core.tasks",
}
"""Where the built-ins of a role live; a shell is always the user's own."""

HANDLES = frozenset({"shell", "has_shell", "ledger", "hidden", "memory", "progress", "cancel"})
"""What a class can ask for by naming it as a constructor parameter: the service's shell, whether there
is one, the reader of every service's history, the texts that may never be shown, what the service
remembers, what to call to say how far it is, and what ends what the sender of a message has running."""

_HOUSE = os.path.dirname(os.path.dirname(os.path.dirname(__file__)))  # holds botcannon_core

_UNION = type(int | None)


class Recipe:
    """How to build one object, with everything looked up that can be; it is called with the handles.

    `asks` are the parameters without a kwarg: what has a handle of the name is given.
    """

    __slots__ = ("asks", "entry", "is_function", "kwargs")

    def __init__(
        self,
        entry: Callable[..., Any],
        kwargs: Mapping[str, Any],
        asks: tuple[str, ...],
        is_function: bool,
    ) -> None:
        self.entry = entry
        self.kwargs = kwargs
        self.asks = asks
        self.is_function = is_function

    def __call__(self, handles: Handles) -> Any:
        """The object; raises what its constructor raises."""
        given = {**self.kwargs, **{n: handles[n]() for n in self.asks if n in handles}}
        return FunctionTask(self.entry, given) if self.is_function else self.entry(**given)

    def maker(self) -> Callable[[], Any]:
        """What makes the object where no handle is asked for, with everything else looked up."""
        if self.is_function:
            return partial(_itself, self({}))
        return partial(self.entry, **self.kwargs) if self.kwargs else self.entry


class FunctionTask:
    """A task made of a plain function `f(message, results)`, with its kwargs and handles bound."""

    def __init__(self, function: Callable[..., Any], kwargs: Mapping[str, Any]) -> None:
        self.task = partial(function, **kwargs) if kwargs else function


def load(one: ClassSpec | Part, project: Path | None = None) -> Any:
    """The class (or function) that `one` names; its module is imported once a process.

    Raises ComposeError if there is no such file or entry; what the module raises while it is imported
    comes through as it is.
    """
    name = module_name(one, project)
    enter(project)
    __import__(name)
    module = sys.modules[name]
    if not hasattr(module, one.entry):
        from botcannon_core.compose import problems  # what a mistake needs comes with the mistake

        raise problems.refusal(problems.no_entry(one, module))
    return getattr(module, one.entry)


def build(one: ClassSpec | Part, handles: Handles, project: Path | None = None) -> Any:
    """The object that `one` names: `Entry(**kwargs)`, or a FunctionTask around a function.

    A parameter that has a name in `handles` and no kwarg gets what that handle's factory makes.
    Raises what the constructor raises, and what `load` raises.
    """
    return recipe(one, project)(handles)


def recipe(one: ClassSpec | Part, project: Path | None = None) -> Recipe:
    """How to build `one`, for whoever builds it often."""
    entry = load(one, project)
    kwargs = {name: _plain(value) for name, value in _fitting(entry, one.kwargs or {}).items()}
    taken = parameters(entry)
    asks = tuple(name for name in (taken.names if taken else ()) if name not in kwargs)
    return Recipe(entry, kwargs, asks, one.role == "task" and not isinstance(entry, type))


def extras(service: ServiceSpec | Plan) -> dict[str, Callable[[], Any]]:
    """The handles of the service's own: its keys, or what rooms made of them, and `has_shell`."""
    told = {**service.extra, **service.handles, "has_shell": service.shell is not None}
    return {key: partial(_itself, value) for key, value in told.items()}


def module_name(one: ClassSpec | Part, project: Path | None = None) -> str:
    """The module that holds `one`, found without importing it. Raises ComposeError if there is none."""
    folder = os.path.join(project or os.getcwd(), "app")
    if _is_module(folder, one.file):
        return f"app.{one.file}"
    room = ROOMS.get(one.role)
    built_in = os.path.join(_HOUSE, *room.split(".")) if room else None
    if built_in and _is_module(built_in, one.file):
        return f"{room}.{one.file}"
    from botcannon_core.compose import problems  # as above

    raise problems.refusal(problems.no_module(one, folder, built_in))


def enter(project: Path | None = None) -> None:
    """Make `import app.NAME` mean the project's folder, whatever else is called `app`.

    The project folder comes first on `sys.path`. Without an `app/__init__.py` Python would prefer an
    installed package of that name, so the namespace package is made here.
    """
    folder = os.path.realpath(project or os.getcwd())
    app = os.path.join(folder, "app")
    # asked before the path is changed: a namespace package follows the path, its modules do not
    is_ours = _belongs(sys.modules.get("app"), app)
    sys.path[:] = [folder, *(path for path in sys.path if path != folder)]
    if is_ours:
        return
    for name in [name for name in sys.modules if name == "app" or name.startswith("app.")]:
        del sys.modules[name]
    for path in (folder, app):
        # what is there now counts; of all other folders nothing has to be read again
        sys.path_importer_cache.pop(path, None)
    if not os.path.isfile(os.path.join(app, "__init__.py")):
        spec = ModuleSpec("app", None, is_package=True)
        spec.submodule_search_locations = [app]
        sys.modules["app"] = module_from_spec(spec)


def _is_module(folder: str, name: str) -> bool:
    path = os.path.join(folder, *name.split("."))
    return os.path.isfile(f"{path}.py") or os.path.isfile(os.path.join(path, "__init__.py"))


def _belongs(module: ModuleType | None, folder: str) -> bool:
    return any(os.path.normpath(path) == folder for path in getattr(module, "__path__", ()))


def _itself(value: Any) -> Any:
    return value


def _fitting(entry: Any, kwargs: Mapping[str, Any]) -> Mapping[str, Any]:
    function = plain(entry)
    if not kwargs or (function is not None and _fit_already(kwargs, function)):
        return kwargs
    # the type language takes 20 ms and 4 MB, which few forkers need
    from botcannon_core.compose.kwargs import fitting

    return fitting(entry, kwargs)


def _fit_already(kwargs: Mapping[str, Any], function: FunctionType) -> bool:
    """Whether it is seen at a glance that each is what its annotation says, if it has one."""
    said = function.__annotations__
    return all(
        name not in said or _is_plainly(value, said[name], function.__globals__)
        for name, value in kwargs.items()
    )


def _is_plainly(value: Any, said: Any, names: Mapping[str, Any]) -> bool:
    kind = str if isinstance(value, str) else type(value)  # a Hidden is text, too
    if kind not in (str, int, float, bool):
        return False
    if isinstance(said, str):
        # `names` are those of its module, where `int` may be something else
        return said in (kind.__name__, f"{kind.__name__} | None") and kind.__name__ not in names
    return said is kind or (type(said) is _UNION and said == kind | None)


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, str) else value  # of a Hidden its text
