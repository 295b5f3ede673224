"""Admission: how a message gets into the data stream, once, in order, if there is room and it is new.

One script decides it in one step (lua/admit). Not here: what an intake does while there is no room
(cannon.intake.desk).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from botcannon_core.compose.spec import BacklogSpec, DeliverSpec, ServiceSpec, UniqueSpec
from botcannon_core.digest import digest
from botcannon_core.ledger import cancels, lanes
from botcannon_core.ledger.keys import Keys
from botcannon_core.ledger.line import MOST_UNANSWERED, Line
from botcannon_core.ledger.refused import Refused
from botcannon_core.ledger.stream import LOG_LINES, POOL, pairs

REMEMBER_SECONDS = 3600.0  # longer than any outage after which an intake says its messages again

Status = Literal["stored", "repeat", "full", "later", "refused"]


@dataclass(slots=True)
class Admitted:
    """What became of a message.

    `stored`: it has the id. `repeat`: its value was seen, in the message with the id. `full`: no room
    now. `later`: an earlier number was refused. `refused`: an error of the store's, in `id`.
    """

    status: Status
    id: str = ""


@dataclass(frozen=True)
class Gate:
    """The rules of a service for its messages."""

    backlog: BacklogSpec
    unique: UniqueSpec | None = None
    deliver: DeliverSpec = field(default_factory=DeliverSpec)
    has_tasks: bool = True
    said: str = ""  # the field in which people talk to the service, where `cancel` is a wish

    @staticmethod
    def of(service: ServiceSpec) -> Gate:
        """The rules that were declared for a service."""
        has_tasks = bool(service.tasks)
        said = service.said if has_tasks and service.shell is not None else ""
        return Gate(service.backlog, service.unique, service.deliver, has_tasks, said)

    def is_wish(self, fields: Mapping[str, str]) -> bool:
        """Whether somebody wants theirs ended by this message."""
        return bool(self.said) and cancels.is_wish(fields, self.said)


def admit(
    line: Line,
    keys: Keys,
    gate: Gate,
    life: str,
    first: int,
    messages: Sequence[Mapping[str, str]],
    then: Callable[[list[Admitted]], None],
) -> None:
    """Store messages, in order; `then` gets what became of each.

    `first` is the number of the first of them. Numbers count up by one in one life, so that nothing is
    stored twice.
    """
    names = [keys.data, keys.key(f"admitted:{life}"), keys.key("counts")]
    names += [keys.taskback, keys.dead, keys.log]
    args: list[str | int] = [
        first,
        MOST_UNANSWERED,
        _ms(REMEMBER_SECONDS),
        gate.backlog.max if gate.has_tasks else 0,  # without tasks nothing is ever unsettled
        gate.backlog.when_full,
        _ms(gate.unique.within) if gate.unique else 0,
        POOL,
        LOG_LINES,
    ]
    for fields in messages:
        for key in _named(keys, gate, fields):
            names += [key] if key else []
            args.append(len(names) if key else 0)
        args.append(2 * len(fields))
        args += pairs(fields)

    def heard(answer: Any) -> None:
        if isinstance(answer, Refused):
            then([Admitted("refused", str(answer)) for _ in messages])
            return
        admitted = list(map(Admitted, answer[::2], answer[1::2]))
        for fields, one in zip(messages, admitted, strict=True):
            if one.status == "stored" and gate.is_wish(fields):
                cancels.wish(line, keys, fields, one.id)
        then(admitted)

    line.run("admit", tuple(names), *args, then=heard)


def _named(keys: Keys, gate: Gate, fields: Mapping[str, str]) -> tuple[str | None, str | None]:
    """The keys of a message's unique value and of its lane, if it has them."""
    unique = fields.get(gate.unique.by) if gate.unique else None
    lane = gate.deliver.lane_of(fields)
    return (
        None if unique is None else keys.key(f"unique:{digest(unique)}"),
        None if lane is None else lanes.key_of(keys, lane),
    )


def _ms(seconds: float) -> int:
    return max(1, int(seconds * 1000))
