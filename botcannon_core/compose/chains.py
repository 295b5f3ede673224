"""Services with a room's keys in the place of `tasks`: what the room says becomes their one task.

Not here: what the keys mean (the room), and reading them (reader, rooms).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from botcannon_core.compose import nodes, rooms
from botcannon_core.compose.classes import SPEC, class_spec
from botcannon_core.compose.nodes import Spot
from botcannon_core.compose.spec import Chain, ClassSpec, ServiceSpec
from botcannon_core.compose.table import Convert

Steps = tuple[str | int, ...]


def unfolded(
    top: Spot, services: Mapping[str, ServiceSpec | None], extra: Mapping[str, Any]
) -> dict[str, ServiceSpec | None]:
    """The services with their chains; what rooms find wrong is put down where it stands."""
    chains = {name: one.chain for name, one in services.items() if one and one.chain}
    if not chains and not extra:
        return dict(services)
    found = rooms.unfold({**extra, "services": chains})
    for steps, text in found.problems:
        rooms.below(top, steps).refuse(text)
    classes = {steps: _class(rooms.below(top, steps)) for steps in found.places}
    made = dict(services)
    for name in chains:
        service = services[name]
        assert service is not None
        if name in found.chains:
            if found.chains[name].lane and service.deliver.order_by:
                text = "has programs with a lock, which takes the place of deliver.order_by"
                rooms.below(top, ("services", name)).refuse(text)
            made[name] = _with(service, found.chains[name], classes)
        else:  # broken; what its steps name is looked at all the same
            parts = {str(steps): one for steps, one in classes.items() if one}
            made[name] = replace(service, parts=parts)
    return made


def _with(
    service: ServiceSpec, chain: Chain, classes: Mapping[Steps, ClassSpec | None]
) -> ServiceSpec:
    """The service with its one task, and a class for each part that could be read."""
    rule = service.deliver
    tries = {"tries": rule.tries, "backoff": rule.backoff, "backoff_max": rule.backoff_max}
    kwargs = {**chain.kwargs, **tries}
    task = ClassSpec("task", chain.file, chain.entry, None, kwargs, service.place)
    found = {name: classes.get(steps) for name, steps in chain.parts.items()}
    return replace(
        service,
        tasks=(task,),
        parts={name: one for name, one in found.items() if one},
        handles=chain.handles,
        deliver=replace(service.deliver, lane=chain.lane),
    )


def _class(spot: Spot) -> ClassSpec | None:
    """The SPEC that stands here among keys that are its room's business."""
    quiet = Spot(spot.node, spot.path, spot.file, [])
    others: dict[str, Convert] = {
        key.value: nodes.value for key, _ in nodes.entries(quiet) if key.value not in SPEC
    }
    found: ClassSpec | None = class_spec(spot, "task", others)["spec"]
    return found
