"""Whether a class suits the role and the kwargs it is given, seen without constructing it.

Every mistake becomes a Problem in the compose file. Not here: finding and importing the class (loading).
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator
from typing import Any

from botcannon_core.compose import kwargs
from botcannon_core.compose.inspected import accepts
from botcannon_core.compose.loading import HANDLES
from botcannon_core.compose.problems import problem
from botcannon_core.compose.signature import Parameters, parameters
from botcannon_core.compose.spec import ClassSpec, ServiceSpec
from botcannon_core.errors import Problem, suggest
from botcannon_core.roles import Collector, Task

FLAGS = ("many", "every_outcome", "terminal")
"""The class attributes of a collector that are plain true or false."""

_METHODS = {
    "collector": ("read", 0),
    "task": ("task", 2),
}  # what a role calls, with how many values
_MAY_HAVE = {"start": 0, "stored": 1, "note": 1, "admit": 1, "taskback": 1, "close": 0, "doze": 0}
_AT_ONCE = ("admit", "doze")  # of these a coroutine would be taken for an answer: for a yes
_VALUES = ("nothing", "a message", "message and results")
_PROTOCOLS = {"collector": Collector, "task": Task}


def misfits(entry: Any, one: ClassSpec, service: ServiceSpec) -> list[Problem]:
    """What is wrong with `entry` as what `one` wants it to be in `service`; empty if nothing is."""
    wrong = _kind(entry, one)
    if wrong:
        return [problem(one.at("entry"), wrong)]
    taken = parameters(entry, skip=0 if isinstance(entry, type) else 2)
    return [
        *(problem(one.at("entry"), text) for text in _role(entry, one)),
        *(problem(one.at("entry"), text) for text in _besides(entry, one)),
        *(problem(one.at("entry"), text) for text in _flags(entry, one)),
        *(problem(one.at("entry"), text) for text in _undo(entry, one, service)),
        *(_kwargs(taken, one, service) if taken else ()),
        *(_mistyped(entry, one) if one.kwargs else ()),
    ]


def flag(entry: Any, name: str) -> bool:
    """Whether a collector's class says `name = True`."""
    return getattr(entry, name, False) is True


def asks_for(entry: Any, more: Iterable[str] = ()) -> frozenset[str]:
    """The handles that a class's constructor (or a function) names; `more` are handles, too."""
    taken = parameters(entry)
    return (HANDLES | set(more)) & set(taken.names) if taken else frozenset()


def waits(task: Any) -> bool:
    """Whether a task is `async def`, under whatever is wrapped around it."""
    run = task.task if isinstance(task, type) and hasattr(task, "task") else task
    return inspect.iscoroutinefunction(inspect.unwrap(run))


def _kind(entry: Any, one: ClassSpec) -> str:
    if one.role == "task" and not isinstance(entry, type):
        if not callable(entry):
            return f"{one.entry!r} is neither a class nor a function"
        return "" if accepts(entry, 2) or _has_more(entry) else _calls(one.entry, 2)
    if not isinstance(entry, type):
        return f"{one.entry!r} is not a class"
    if getattr(entry, "_is_protocol", False):
        return f"{one.entry!r} is only the description of a role; name a class of your own"
    if inspect.isabstract(entry):
        lacking = ", ".join(sorted(getattr(entry, "__abstractmethods__", ())))
        return f"{one.entry!r} is abstract; it lacks {lacking}"
    return ""


def _has_more(function: Any) -> bool:
    """Whether a function needs more than message and results, which kwargs and handles may bring."""
    taken = parameters(function)
    return bool(taken and len(taken.names) + len(taken.unnamed) > 2)


def _role(entry: type, one: ClassSpec) -> list[str]:
    """That the method of the role is there and can be called as it will be."""
    if one.role not in _METHODS or not isinstance(entry, type):
        return []
    name, count = _METHODS[one.role]
    method = inspect.getattr_static(entry, name, None)
    inherited = method is vars(_PROTOCOLS[one.role])[name]
    if inherited or not callable(getattr(entry, name, None)):
        near = suggest(name, [n for n in dir(entry) if not n.startswith("_") and n != name])
        return [f"{one.entry!r} has no {name}(), which a {one.role} needs{near}"]
    # other than plain functions bind themselves in ways of their own
    if inspect.isfunction(method) and not accepts(method, count + 1):
        return [_calls(f"{one.entry}.{name}", count)]
    return []


def _besides(entry: Any, one: ClassSpec) -> Iterator[str]:
    """That what a collector may have, too, can be called as it will be."""
    for name, count in _MAY_HAVE.items() if one.role == "collector" else ():
        method = inspect.getattr_static(entry, name, None)
        if not inspect.isfunction(method):
            continue
        if not accepts(method, count + 1):
            yield _calls(f"{one.entry}.{name}", count)
        elif name in _AT_ONCE and inspect.iscoroutinefunction(method):
            yield (f"{one.entry}.{name}() must not be async: nobody would wait for what it answers")


def _undo(entry: Any, one: ClassSpec, service: ServiceSpec) -> list[str]:
    """That the undo of a step's class can be called as its task is."""
    undo = inspect.getattr_static(entry, "undo", None) if isinstance(entry, type) else None
    is_step = inspect.isfunction(undo) and one in service.parts.values()
    return [_calls(f"{one.entry}.undo", 2)] if is_step and not accepts(undo, 3) else []


def _calls(name: str, count: int) -> str:
    return f"{name}() is called with {_VALUES[count]}, but does not take just that"


def _flags(entry: Any, one: ClassSpec) -> list[str]:
    if one.role != "collector":
        return []
    given = {name: getattr(entry, name, False) for name in FLAGS}
    return [
        f"{one.entry}.{name} must be True or False, is of type {type(value).__name__}"
        for name, value in given.items()
        if not isinstance(value, bool)
    ]


def _kwargs(taken: Parameters, one: ClassSpec, service: ServiceSpec) -> list[Problem]:
    """That what the constructor needs is given, and nothing that it does not take."""
    if one.kwargs is None:
        return []
    unknown = [] if taken.anything else [n for n in one.kwargs if n not in taken.names]
    lacking = [n for n in taken.needed if n not in one.kwargs]
    return [
        *(_unknown(name, taken, one) for name in unknown),
        *(
            _lacking(name, taken, one, service)
            for name in lacking
            if not _offered(name, one, service)
        ),
        *(_unnamed(name, one) for name in taken.unnamed),
    ]


def _mistyped(entry: Any, one: ClassSpec) -> Iterator[Problem]:
    """What its annotations say about the kwargs that are given."""
    for found in kwargs.wrong(entry, one.kwargs or {}):
        place = one.at(f"conf.kwargs.{found.path}")
        # what is missing, or kept in the store, has no place of its own
        is_there = place.path.endswith(f".{found.path}")
        yield problem(place, found.text if is_there else str(found))


def _offered(name: str, one: ClassSpec, service: ServiceSpec) -> bool:
    if name == "shell":
        return one.role != "shell" and service.shell is not None
    return name in HANDLES or name in service.offered


def _unknown(name: str, taken: Parameters, one: ClassSpec) -> Problem:
    names = list(taken.names)
    hint = suggest(name, names) or f"; {_takes(taken)}"
    return problem(one.at(f"conf.kwargs.{name}"), f"{one.entry} takes no {name!r}{hint}")


def _lacking(name: str, taken: Parameters, one: ClassSpec, service: ServiceSpec) -> Problem:
    if name == "shell" and one.role != "shell":
        text = (
            f"{one.entry} asks for `shell`, but the service {service.name!r} has none; give it one"
        )
        return problem(one.at("entry"), text)
    return problem(
        one.at("conf.kwargs"), f"{one.entry} needs {name!r}, which is not given; {_takes(taken)}"
    )


def _unnamed(name: str, one: ClassSpec) -> Problem:
    text = f"{one.entry} takes {name!r} by position only, so that it cannot be given; drop the `/`"
    return problem(one.at("entry"), text)


def _takes(taken: Parameters) -> str:
    return f"it takes {', '.join(taken.names)}" if taken.names else "it takes nothing"
