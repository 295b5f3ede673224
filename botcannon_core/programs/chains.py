"""What services are given of the programs in a document: the one task, its parts, handles and lanes.

Not here: which keys that is said by (schema), and what is right and wrong with them (plan).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from botcannon_core.compose.spec import Chain, Unfolded
from botcannon_core.programs.declared import places
from botcannon_core.programs.fault import PlanError
from botcannon_core.programs.locks import Locks
from botcannon_core.programs.plan import resolve
from botcannon_core.programs.program import Plans


def unfolded(document: Mapping[str, Any]) -> Unfolded:
    """What is wrong, where steps name their classes, and the chain of each service with programs."""
    found = tuple(places(document))
    try:
        plans = resolve(document)
    except PlanError as error:
        return Unfolded(tuple((fault.steps, fault.text) for fault in error.faults), found)
    return Unfolded((), found, {name: _chain(plans, name) for name in plans.services})


def _chain(plans: Plans, service: str) -> Chain:
    offered = plans.services[service]
    own = replace(plans.only(offered), services={service: offered})
    has_locks = any(own.programs[name].lock for name in offered)
    return Chain(
        "run_program",
        "RunProgram",
        parts={key: step.place for key, step in own.steps.items()},
        handles={"programs": own},
        lane=Locks(own) if has_locks else None,
    )
