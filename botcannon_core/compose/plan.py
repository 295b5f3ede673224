"""The plan: what a forker is told once, which is what the workers of a service need of its spec.

It travels as plain values, so that a forker imports nothing to read it: each worker would pay for that.
How the collector is built is not in it: no worker builds one.
"""

from __future__ import annotations

import marshal

from botcannon_core.compose.hidden import Hidden

TYPE_CHECKING = False  # typing's own would cost each worker (docs/design.md)
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from botcannon_core.compose.spec import ClassSpec, Place, Role, ServiceSpec


class Part:
    """A class or function to build, as ClassSpec has it."""

    __slots__ = ("entry", "file", "kwargs", "places", "role")

    def __init__(
        self,
        role: Role,
        file: str,
        entry: str,
        kwargs: Mapping[str, Any],
        places: Mapping[str, tuple[str, int, str]],
    ) -> None:
        self.role = role
        self.file = file
        self.entry = entry
        self.kwargs = kwargs
        self.places = places

    def at(self, name: str) -> Place:
        """Where its `file` or `entry` stands in the compose file."""
        from botcannon_core.compose.spec import Place  # only a mistake has to be shown

        return Place(*self.places[name])

    def packed(self) -> tuple[Any, ...]:
        """What it is made of, in order; Hidden texts as plain ones, with their names at the end."""
        hidden = tuple(name for name, value in self.kwargs.items() if isinstance(value, Hidden))
        kwargs = {**self.kwargs, **{name: str(self.kwargs[name]) for name in hidden}}
        return self.role, self.file, self.entry, kwargs, self.places, hidden


class Plan:
    """What workers need: what to build, and what they may do. See ServiceSpec and WorkersSpec.

    `open_history` makes the handle `ledger`, where a class asks for that.
    """

    __slots__ = (
        "concurrency",
        "extra",
        "files",
        "handles",
        "has_journal",
        "has_seats",
        "hidden",
        "isolation",
        "max_messages",
        "max_rss",
        "memory",
        "name",
        "open_history",
        "parts",
        "project",
        "shell",
        "tasks",
        "timeout",
    )

    name: str
    project: str
    shell: Part | None
    tasks: tuple[Part, ...]
    parts: Mapping[str, Part]
    extra: Mapping[str, Any]
    handles: Mapping[str, Any]
    open_history: Callable[[], Any] | None
    hidden: frozenset[str]
    has_journal: bool
    has_seats: bool
    isolation: str
    concurrency: int
    max_messages: int
    max_rss: int
    timeout: float
    memory: int
    files: int

    def __init__(self, **facts: Any) -> None:
        for name in self.__slots__:
            setattr(self, name, facts[name])

    @property
    def working(self) -> tuple[Part, ...]:
        """What is built in each worker, but for the shell."""
        return (*self.tasks, *self.parts.values())


def plan_of(
    service: ServiceSpec, project: str = "", open_history: Callable[[], Any] | None = None
) -> Plan:
    """What the workers of a service need of its spec."""
    rule = service.workers
    return Plan(
        name=service.name,
        project=project,
        shell=_part(service.shell) if service.shell is not None else None,
        tasks=tuple(map(_part, service.tasks)),
        parts={name: _part(one) for name, one in service.parts.items()},
        extra=dict(service.extra),
        handles=dict(service.handles),
        open_history=open_history,
        hidden=frozenset(map(str, service.hidden)),
        has_journal=bool(service.chain),
        has_seats=rule.has_seats,
        isolation=rule.isolation,
        concurrency=rule.concurrency,
        max_messages=rule.max_messages,
        max_rss=rule.max_rss,
        timeout=rule.timeout,
        memory=rule.limits.memory,
        files=rule.limits.files,
    )


def packed(plan: Plan) -> bytes:
    """The plan for a forker of ours. What is not plain in it (a date, a room's object) is pickled."""
    facts = {name: getattr(plan, name) for name in Plan.__slots__}
    facts["shell"] = plan.shell and plan.shell.packed()
    facts["tasks"] = tuple(one.packed() for one in plan.tasks)
    facts["parts"] = {name: one.packed() for name, one in plan.parts.items()}
    pickled = {name: _pickled(value) for name, value in facts.items() if not _is_plain(value)}
    return marshal.dumps(({n: v for n, v in facts.items() if n not in pickled}, pickled))


def unpacked(data: bytes) -> Plan:
    """The plan that our pool has packed."""
    facts, pickled = marshal.loads(data)  # noqa: S302 - written by our own pool
    if pickled:
        import pickle  # half a megabyte, for what is not plain

        facts |= {name: pickle.loads(value) for name, value in pickled.items()}  # noqa: S301 - the same
    facts["shell"] = facts["shell"] and _unpacked(*facts["shell"])
    facts["tasks"] = tuple(_unpacked(*one) for one in facts["tasks"])
    facts["parts"] = {name: _unpacked(*one) for name, one in facts["parts"].items()}
    return Plan(**facts)


def _unpacked(
    role: Role,
    file: str,
    entry: str,
    kwargs: dict[str, Any],
    places: Mapping[str, tuple[str, int, str]],
    hidden: tuple[str, ...],
) -> Part:
    kwargs |= {name: Hidden(kwargs[name]) for name in hidden}
    return Part(role, file, entry, kwargs, places)


def _part(one: ClassSpec) -> Part:
    found = {name: one.at(name) for name in ("file", "entry")}
    places = {name: (place.file, place.line, place.path) for name, place in found.items()}
    return Part(one.role, one.file, one.entry, dict(one.kwargs or {}), places)


def _is_plain(value: Any) -> bool:
    try:
        marshal.dumps(value)
    except ValueError:
        return False
    return True


def _pickled(value: Any) -> bytes:
    import pickle  # a pool has it

    return pickle.dumps(value)
