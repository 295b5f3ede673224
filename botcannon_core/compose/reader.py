"""A compose file as a ComposeSpec, with every problem at its line.

The tables at the end say which keys there are and what each takes; everything else is how tables
are read. Reading never raises: what is wrong becomes a Problem, and a broken service is left out. Not
here: whether the files and classes it names exist (loading), and where secrets come from (conf).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from botcannon_core.compose import document, nodes, rooms, values
from botcannon_core.compose.chains import unfolded
from botcannon_core.compose.classes import class_spec
from botcannon_core.compose.nodes import Spot
from botcannon_core.compose.spec import (
    OF_MANY,
    BacklogSpec,
    ClassSpec,
    ComposeSpec,
    DeliverSpec,
    KeepSpec,
    LimitsSpec,
    RestartSpec,
    ServiceSpec,
    StoreSpec,
    UniqueSpec,
    WorkersSpec,
)
from botcannon_core.compose.table import Convert, table
from botcannon_core.errors import Problem

SHORTEST_LEASE = 1.0  # seconds: a third of it must be enough to be heard by a busy store


@dataclass(frozen=True)
class Reading:
    """What a compose file says.

    `spec.services` holds the services that can be run; `broken` names the others with what is wrong in
    each. `problems` are all there are, in the order of their lines, those of broken services too.
    `halves` are what could be read of those broken ones that have a collector at least.
    """

    spec: ComposeSpec
    problems: tuple[Problem, ...] = ()
    broken: Mapping[str, tuple[Problem, ...]] = field(default_factory=dict)
    halves: Mapping[str, ServiceSpec] = field(default_factory=dict)

    @property
    def checkable(self) -> ComposeSpec:
        """The spec with the halves too: what they name is checked as well, so all is told at once."""
        return replace(self.spec, services={**self.halves, **self.spec.services})


def read(path: Path) -> Reading:
    """What the compose file at `path` says and everything that is wrong with it; never raises."""
    problems: list[Problem] = []
    try:
        top = nodes.root(path, problems)
    except document.Unusable as error:
        return _nothing(path, str(error), error.line)
    if top is None or nodes.is_empty(top.node):
        return _nothing(path, "is empty; it needs at least `services:` with one service", 1)
    of_rooms = rooms.top_keys()
    found = table(top, {**TOP, **of_rooms}, required=("services",))
    services: dict[str, ServiceSpec | None] = found.pop("services", {})
    extra = {key: found.pop(key) for key in of_rooms if key in found}
    services = unfolded(top, services, extra)
    return _reading(ComposeSpec(file=str(path), extra=extra, **found), services, problems)


def _nothing(path: Path, text: str, line: int) -> Reading:
    return Reading(ComposeSpec(str(path)), (Problem(str(path), line, "", text),))


def _reading(
    spec: ComposeSpec, services: Mapping[str, ServiceSpec | None], problems: list[Problem]
) -> Reading:
    ordered = sorted(set(problems))
    shared = tuple(found for key in rooms.top_keys() for found in _within(key, ordered))
    broken = {name: _within(f"services.{name}", ordered) for name in services}
    broken |= {n: broken[n] + shared for n, one in services.items() if one and one.chain}
    good = {n: service for n, service in services.items() if service and not broken[n]}
    others = (one for n, s in services.items() if s and broken[n] for one in s.classes)
    given = tuple(one for one in others if not _within(one.place.path, ordered))
    return Reading(
        replace(spec, services=good, given=given),
        tuple(ordered),
        {name: found for name, found in broken.items() if found},
        {n: half for n, half in services.items() if half and broken[n] and _is_telling(broken[n])},
    )


def _is_telling(problems: tuple[Problem, ...]) -> bool:
    """True if its classes are what was meant: one without its shell or kwargs would be wronged."""
    return not any(".shell" in problem.path or ".conf" in problem.path for problem in problems)


def _within(path: str, problems: list[Problem]) -> tuple[Problem, ...]:
    below = (path + ".", path + "[")
    return tuple(p for p in problems if p.path == path or p.path.startswith(below))


# --- mappings --------------------------------------------------------------------------------------


def _store(spot: Spot) -> StoreSpec:
    if isinstance(spot.node, yaml.MappingNode):
        return StoreSpec(**table(spot, STORE))
    return StoreSpec(url=values.url(spot))


def _workers(spot: Spot) -> WorkersSpec:
    found = table(spot, WORKERS)
    most = found.get("max", WorkersSpec.max)
    for name, default in (("hot", WorkersSpec.hot), ("idle", WorkersSpec.idle)):
        # what was not written adapts; what was written must fit
        if found.setdefault(name, min(default, most)) > most:
            spot.refuse(f"{name} is {found[name]}, more than max, which is {most}")
    for name, alone in OF_MANY.items() if found.get("isolation") != "worker" else ():
        if found.get(name, alone) != alone:
            spot.refuse(f"{name} needs isolation: worker; by message each has a process of its own")
    return WorkersSpec(**found)


def _limits(spot: Spot) -> LimitsSpec:
    return LimitsSpec(**table(spot, LIMITS))


def _restart(spot: Spot) -> RestartSpec:
    return RestartSpec(**_with_backoff(spot, RESTART, RestartSpec.backoff, RestartSpec.backoff_max))


def _deliver(spot: Spot) -> dict[str, Any]:
    """The values as written: what `tries` is by default depends on the tasks."""
    found = _with_backoff(spot, DELIVER, DeliverSpec.backoff, DeliverSpec.backoff_max)
    if found.get("lease", DeliverSpec.lease) < SHORTEST_LEASE:
        spot.refuse(
            f"a lease must be at least {SHORTEST_LEASE:g} s, so that it can be renewed in time"
        )
    return found


def _with_backoff(
    spot: Spot, keys: Mapping[str, Convert], first: float, longest: float
) -> dict[str, Any]:
    found = table(spot, keys)
    first = found.get("backoff", first)
    if found.setdefault("backoff_max", max(first, longest)) < first:
        spot.refuse("backoff is longer than backoff_max")
    return found


def _backlog(spot: Spot) -> BacklogSpec:
    return BacklogSpec(**table(spot, BACKLOG))


def _unique(spot: Spot) -> UniqueSpec | None:
    found = table(spot, UNIQUE, required=("by",))
    return UniqueSpec(**found) if "by" in found else None


def _keep(spot: Spot) -> KeepSpec:
    return KeepSpec(**table(spot, KEEP))


def _tasks(spot: Spot) -> tuple[ClassSpec, ...]:
    if isinstance(spot.node, yaml.MappingNode):
        spots = [child for _, child in nodes.entries(spot)]
    elif isinstance(spot.node, yaml.SequenceNode):
        spots = list(nodes.items(spot))
    else:
        raise ValueError(f"must be a list or a mapping of tasks, is {nodes.kind(spot.node)}")
    read_each = [class_spec(child, "task")["spec"] for child in spots]
    return tuple(task for task in read_each if task)


def _service(spot: Spot) -> ServiceSpec | None:
    """The service, or None when so much is wrong that there is none; problems are put down."""
    name = spot.path.removeprefix("services.")
    of_rooms, of_chains = rooms.service_keys(), rooms.chain_keys()
    found = table(spot, {**SERVICE, **of_rooms, **of_chains}, required=("collector",))
    extra = {key: found.pop(key) for key in of_rooms if key in found}
    chain = {key: found.pop(key) for key in of_chains if key in found}
    if chain and "tasks" in found:
        spot.refuse(f"either `tasks` or `{next(iter(chain))}`, not both")
    collector = found.pop("collector", {"spec": None})
    if collector["spec"] is None:
        return None
    shell = found.pop("shell", {"spec": None})["spec"]
    poll = collector.get("poll", ServiceSpec.poll)
    # what a person typed is not run three times because it failed
    typed = any(task.file == "torch" for task in found.get("tasks", ()))
    deliver = DeliverSpec(
        **{"tries": 1 if typed else DeliverSpec.tries, **found.pop("deliver", {})}
    )
    return ServiceSpec(
        name,
        collector["spec"],
        shell,
        poll=poll,
        place=spot.place,
        deliver=deliver,
        extra=extra,
        chain=chain,
        **found,
    )


def _services(spot: Spot) -> dict[str, ServiceSpec | None]:
    found: dict[str, ServiceSpec | None] = {}
    before = len(spot.problems)
    for key, child in nodes.entries(spot):
        try:
            values.valid_name(key.value)
        except ValueError as error:
            child.refuse(str(error))
            continue
        found[key.value] = _service(child)
    if not found and len(spot.problems) == before:
        spot.refuse("names no service; there must be at least one")
    return found


# --- the tables: every key there is ----------------------------------------------------------------

STORE: dict[str, Convert] = {
    "url": values.url,
    "fsync": partial(values.choice, among=("everysec", "always")),
}
RESTART: dict[str, Convert] = {
    "max": partial(values.count, least=0),
    "backoff": values.time,
    "backoff_max": values.time,
}
KEEP: dict[str, Convert] = {"messages": partial(values.count, least=1), "age": values.time}
WORKERS: dict[str, Convert] = {
    "hot": partial(values.count, least=0),
    "idle": partial(values.count, least=1),
    "max": partial(values.count, least=1),
    "cooldown": values.time,
    "timeout": values.time,
    "lazy": values.switch,
    "isolation": partial(values.choice, among=("message", "worker")),
    "concurrency": partial(values.count, least=1),
    "max_messages": partial(values.count, least=1),
    "max_rss": values.size,
    "limits": _limits,
    "env": values.variables,
}
LIMITS: dict[str, Convert] = {
    "memory": values.size,
    "files": partial(values.count, least=16),
    "processes": partial(values.count, least=1),
}
DELIVER: dict[str, Convert] = {
    "tries": partial(values.count, least=1),
    "backoff": values.time,
    "backoff_max": values.time,
    "lease": values.time,
    "order_by": values.field,
}
BACKLOG: dict[str, Convert] = {
    "max": partial(values.count, least=1),
    "when_full": partial(values.choice, among=("wait", "drop-oldest", "fail")),
}
UNIQUE: dict[str, Convert] = {"by": values.field, "within": values.time}
# The keys of rooms join this table when it is used.
SERVICE: dict[str, Convert] = {
    "collector": partial(class_spec, role="collector", more={"poll": values.time}),
    "shell": partial(class_spec, role="shell"),
    "tasks": _tasks,
    "workers": _workers,
    "restart": _restart,
    "stop_grace": values.time,
    "keep": _keep,
    "deliver": _deliver,
    "backlog": _backlog,
    "unique": _unique,
}
TOP: dict[str, Convert] = {"namespace": values.name, "store": _store, "services": _services}
