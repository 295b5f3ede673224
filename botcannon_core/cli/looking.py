"""The verbs that show what is there and change nothing: ps, ls, status, pending, dead.

Not here: what goes by in lines (reading: logs, tail), the compose file itself (checking: config), and
how it is all found out (view).
"""

from __future__ import annotations

import time

from botcannon_core.cli.opening import opened, read, running_here
from botcannon_core.cli.tables import Column, Format, show
from botcannon_core.errors import StoreError
from botcannon_core.message import one_line
from botcannon_core.view.counted import MEASURE_SECONDS, measured
from botcannon_core.view.declared import declared
from botcannon_core.view.entries import said, span
from botcannon_core.view.held import held
from botcannon_core.view.parked import parked
from botcannon_core.view.who import presences, state, who

LONGEST_FIELDS = 200  # characters of a message in a table; json shows all

PS: tuple[Column, ...] = (
    ("SERVICE", lambda row: row.service),
    ("PART", lambda row: row.part),
    ("HOST", lambda row: row.host),
    ("PID", lambda row: row.pid),
    ("STATE", lambda row: row.state),
    ("FOR", lambda row: None if row.since is None else span(time.time() - row.since)),
    ("RESTARTS", lambda row: row.restarts),
    ("NOTE", lambda row: row.note),
)
LS: tuple[Column, ...] = (
    ("SERVICE", lambda row: row.service),
    ("STATE", lambda row: "broken" if row.problem else row.state),
    ("COLLECTOR", lambda row: row.collector),
    ("SHELL", lambda row: row.shell),
    ("TASKS", lambda row: ", ".join(row.tasks)),
    ("PROBLEM", lambda row: row.problem),
)
STATUS: tuple[Column, ...] = (
    ("SERVICE", lambda row: row.service),
    ("BACKLOG", lambda row: row.backlog),
    ("IN FLIGHT", lambda row: row.in_flight),
    ("STORED", lambda row: row.stored),
    ("DONE", lambda row: row.done),
    ("SKIPPED", lambda row: row.skipped),
    ("PARKED", lambda row: row.parked),
    (
        "DEAD",
        lambda row: f"{row.dead} ({row.half_done} half done)" if row.half_done else row.dead,
    ),
    ("TASKBACKS", lambda row: row.taskbacks),
    ("STORED/S", lambda row: row.stored_per_second),
    ("ENDED/S", lambda row: row.ended_per_second),
    ("REPEATS", lambda row: row.repeats),
    ("DISRUPTIONS", lambda row: row.disruptions),
    ("TURNED AWAY", lambda row: row.turned_away),
    ("COLLECTOR", lambda row: row.collector),
)
PENDING: tuple[Column, ...] = (
    ("ID", lambda row: row.id),
    ("STATE", lambda row: row.state if row.due_in is None else f"in {span(row.due_in)}"),
    ("HELD BY", lambda row: row.held_by),
    ("AGE", lambda row: span(row.age)),
    ("SILENT", lambda row: span(row.silent)),
    ("TRIES", lambda row: row.tries),
    ("MESSAGE", lambda row: one_line(said(row.fields), LONGEST_FIELDS)),
)
DEAD: tuple[Column, ...] = (
    ("ID", lambda row: row.id),
    ("ERROR ID", lambda row: row.error_id),
    ("AGO", lambda row: span(time.time() - row.since)),
    ("TRIES", lambda row: row.tries),
    ("WHAT", lambda row: "half done" if row.left else row.what),
    ("ERROR", lambda row: one_line(row.error, LONGEST_FIELDS)),
    ("MESSAGE", lambda row: one_line(said(row.fields), LONGEST_FIELDS)),
)


def ps(*services: str, format: Format = "text", file: str | None = None) -> None:  # noqa: A002 - the option's name
    """List the running processes of SERVICES, or all, on every host that shares the store.

    The workers of a pool come and go with each message and are not listed.
    """
    with opened(file, *services) as project:
        # one that was renamed in the file while it runs is still there
        names = dict.fromkeys((*project.services, *(() if services else running_here())))
        show(who(project.store, names), PS, "nothing is up", format)


def ls(*, format: Format = "text", file: str | None = None) -> None:  # noqa: A002 - the option's name
    """List the services that are declared: their classes, and the state of those that run.

    A broken service is shown with its first problem; `config` shows them all.
    """
    missing: StoreError | None = None
    reading, states = read(file), dict[str, str | None]()
    try:
        with opened(file) as project:
            states = {name: state(presences(project.store, name)) for name in project.services}
    except StoreError as error:
        missing = error  # what is declared can be said without it
    show(declared(reading, states), LS, "", format)
    if missing is not None:
        raise missing


def status(
    service: str = "",
    *,
    format: Format = "text",  # noqa: A002 - the option's name
    file: str | None = None,
) -> None:
    """Show SERVICE, or all, in numbers: what waits, what runs, what was done, and how fast.

    BACKLOG is not read by a pool yet, IN FLIGHT is held by one, DEAD was parked and waits to be
    handled, TASKBACKS are on their way home, REPEATS were dropped by `unique`, TURNED AWAY were not
    even let in by the collector. The rates are messages a second, measured for one second.
    """
    with opened(file, *filter(None, (service,))) as project:
        rows = measured(project.store, {name: project.has_tasks(name) for name in project.services})
        show(rows, STATUS, "", format)
    if format == "text":
        print(f"\nrates: messages a second, measured over {MEASURE_SECONDS:g} s")


def pending(
    service: str,
    *,
    format: Format = "text",  # noqa: A002 - the option's name
    file: str | None = None,
) -> None:
    """List the messages of SERVICE that are being worked on, the oldest first.

    SILENT is for how long the pool has not renewed its lease: others take the message over when that
    is longer than a lease.
    """
    with opened(file, service) as project:
        show(list(held(project.store, service)), PENDING, "nothing is in flight", format)


def dead(
    service: str,
    *,
    format: Format = "text",  # noqa: A002 - the option's name
    file: str | None = None,
) -> None:
    """List the messages of SERVICE that were parked, and why, the newest first.

    `logs --id=ERROR_ID` shows the traceback; `retry` and `drop` take any of the ids.
    """
    with opened(file, service) as project:
        show(list(parked(project.store, service)), DEAD, "nothing is parked", format)
