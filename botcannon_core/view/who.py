"""Who is there: the processes of services on every host, as their launchers say.

A launcher that has said nothing for a while is taken to be gone. Not here: the workers, which come and
go with each message.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from botcannon_core.ledger.presence import Presence, present
from botcannon_core.ledger.store import Store

LAUNCHER = "service"  # the part under which a launcher speaks of the service as a whole


@dataclass(frozen=True)
class Who:
    """One process that runs for a service; `since` is when it started, None if that is not known."""

    service: str
    part: str
    host: str
    pid: int
    state: str
    since: float | None
    restarts: int
    note: str


def who(store: Store, services: Iterable[str]) -> list[Who]:
    """The processes of these services, the launcher of each before its children."""
    found = [_who(one) for name in services for one in presences(store, name)]
    return sorted(found, key=lambda one: (one.service, one.host, one.part != "launcher", one.part))


def presences(store: Store, service: str) -> list[Presence]:
    """What launchers say of a service, lately."""
    with store.asking() as client:
        return present(client, store.keys(service))


def state(found: Iterable[Presence]) -> str | None:
    """The state of a service in one word, or one for each host if they differ; None if it is down."""
    states = [one.state for one in found if one.part == LAUNCHER]
    return ", ".join(dict.fromkeys(states)) or None


def has_workers(found: Iterable[Presence]) -> bool:
    """True if a pool of the service is alive somewhere."""
    return any(one.part == "pool" for one in found)


def _who(one: Presence) -> Who:
    whole = one.part == LAUNCHER
    return Who(
        service=one.service,
        part="launcher" if whole else one.part,
        host=one.host,
        pid=one.pid,
        state=one.state,
        since=None if whole else one.since,
        restarts=one.restarts,
        note=one.note,
    )
