"""The state of a service in numbers: what waits, what runs, what was done, and how fast.

Not here: which messages those are (held, parked).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from redis.exceptions import ResponseError

from botcannon_core.ledger.keys import Keys
from botcannon_core.ledger.store import Store
from botcannon_core.ledger.stream import INTAKE, POOL
from botcannon_core.view.entries import PAGE
from botcannon_core.view.parked import parked

MEASURE_SECONDS = 1.0
MOST_COUNTED = (
    100_000  # entries counted one by one where the store does not know how many there are
)
ENDINGS = ("done", "skipped", "parked")
COUNTED = ("stored", *ENDINGS, "repeats", "disruptions", "turned_away")

Group = Mapping[str, Any]


@dataclass(frozen=True)
class Status:
    """A service in numbers; `backlog` and `in_flight` are None without tasks.

    `backlog` are messages no pool has read yet, `in_flight` those that one holds; `dead` lie in `dead`
    now, and `half_done` of them are programs that could not be undone. `stored`, `done`, `skipped`,
    `parked`, `repeats` (which `unique` dropped) and `turned_away` (by the collector, before they were
    stored) count since the service first ran. `taskbacks` wait to be brought back. The rates are
    messages a second, stored and ended, measured just now. `collector` holds the lease on reading:
    `HOST:PID`.
    """

    service: str
    backlog: int | None
    in_flight: int | None
    stored: int
    done: int
    skipped: int
    parked: int
    dead: int
    half_done: int
    taskbacks: int
    repeats: int
    disruptions: int
    turned_away: int
    collector: str | None
    stored_per_second: float = 0.0
    ended_per_second: float = 0.0


def measured(
    store: Store,
    services: Mapping[str, bool],
    seconds: float = MEASURE_SECONDS,
    sleep: Callable[[float], None] = time.sleep,
) -> list[Status]:
    """The status of each service (name -> whether it has tasks), with rates over `seconds`."""
    before = {name: _counts(store, name) for name in services}
    began = time.monotonic()
    sleep(seconds)
    now = [status(store, name, has_tasks) for name, has_tasks in services.items()]
    past = max(time.monotonic() - began, 1e-9)
    return [_with_rates(one, before[one.service], past) for one in now]


def status(store: Store, service: str, has_tasks: bool) -> Status:
    """The status of one service now, without rates."""
    keys = store.keys(service)
    counts = _counts(store, service)
    with store.asking() as client:
        pool = _groups(client, keys.data).get(POOL)
        holder = client.get(keys.key("lease"))
        dead: Any = client.xlen(keys.dead)
        backlog = _unread(client, keys.data, pool) if has_tasks else None
        taskbacks = _taskbacks(client, keys)
    in_flight = int(pool["pending"]) if pool else 0
    return Status(
        service=service,
        backlog=backlog,
        in_flight=in_flight if has_tasks else None,
        **{name: counts.get(name, 0) for name in COUNTED},
        dead=dead,
        half_done=sum(1 for one in parked(store, service) if one.left) if dead else 0,
        taskbacks=taskbacks,
        collector=str(holder).rpartition(":")[0] if holder else None,
    )


def _with_rates(now: Status, before: Mapping[str, int], seconds: float) -> Status:
    ended = sum(getattr(now, name) - before.get(name, 0) for name in ENDINGS)
    stored = now.stored - before.get("stored", 0)
    return replace(
        now,
        stored_per_second=round(stored / seconds, 1),
        ended_per_second=round(ended / seconds, 1),
    )


def _counts(store: Store, service: str) -> dict[str, int]:
    with store.asking() as client:
        found: Any = client.hgetall(store.keys(service).key("counts"))
    return {name: int(count) for name, count in found.items()}


def _groups(client: Any, stream: str) -> dict[str, Group]:
    try:
        return {about["name"]: about for about in client.xinfo_groups(stream)}
    except ResponseError as error:
        if "no such key" in str(error):
            return {}
        raise


def _taskbacks(client: Any, keys: Keys) -> int:
    """What is on its way: of many intakes, each reads every answer, so the slowest one counts."""
    groups = [one for n, one in _groups(client, keys.taskback).items() if n.startswith(INTAKE)]
    if not groups:
        return int(client.xlen(keys.taskback))
    held = sum(int(group["pending"]) for group in groups)
    return held + max(_unread(client, keys.taskback, group) for group in groups)


def _unread(client: Any, stream: str, group: Group | None) -> int:
    """How many entries the group has not read; counted, up to a limit, if the store cannot say."""
    if group is None:
        return int(client.xlen(stream))
    if group.get("lag") is not None:
        return int(group["lag"])
    return sum(1 for _ in _after(client, stream, group["last-delivered-id"]))


def _after(client: Any, stream: str, entry: str) -> Iterable[str]:
    for _ in range(MOST_COUNTED // PAGE):
        page = client.xrange(stream, min=f"({entry}", count=PAGE)
        yield from (one for one, _ in page)
        if len(page) < PAGE:
            return
        entry = page[-1][0]
