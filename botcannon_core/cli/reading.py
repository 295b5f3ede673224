"""The verbs that show what goes by, line after line: logs and tail.

Both begin with the last lines there are, and go on with `-f` until Ctrl-C.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from botcannon_core.cannon.log import COLOURS
from botcannon_core.cli.opening import Project, opened
from botcannon_core.cli.signature import Short
from botcannon_core.cli.tables import Format, is_coloured, show_line
from botcannon_core.errors import UsageError
from botcannon_core.ledger.stream import Entry
from botcannon_core.view.entries import clock, last, newest, seconds_of, written
from botcannon_core.view.follow import Follower, followed
from botcannon_core.view.logged import Said, merged, said, with_error

Channel = Literal["data", "taskback", "log", "dead"]


def logs(
    *services: str,
    follow: Annotated[bool, Short("f")] = False,
    lines: Annotated[int, Short("n")] = 100,
    times: Annotated[bool, Short("t")] = False,
    id: str = "",  # noqa: A002 - the option's name
    file: str | None = None,
) -> None:
    """Show the last lines that SERVICES, or all, have logged.

    --follow goes on as they log more. --id=ERROR_ID shows all about one error instead, its traceback
    too. --times begins each line with its time.
    """
    with opened(file, *services) as project:
        width = max(12, *(len(name) + len(".worker-2") for name in project.services))
        writer = _Writer(width, times, is_coloured())
        if id:
            writer.write_all(_about(project, id))
            return
        recent = _recent(project, "log", lines)
        writer.write_all(merged(recent, lines))
        if follow:
            _go_on(project, "log", recent, lambda name, entry: writer.write(said(name, entry)))


def tail(
    service: str,
    *,
    channel: Channel = "data",
    follow: Annotated[bool, Short("f")] = False,
    lines: Annotated[int, Short("n")] = 10,
    format: Format = "text",  # noqa: A002 - the option's name
    file: str | None = None,
) -> None:
    """Show the newest messages in one of SERVICE's streams, the newest last.

    --follow goes on as they come. With --format=json each is one line of JSON.
    """
    write = _write_json if format == "json" else _write_entry
    with opened(file, service) as project:
        recent = _recent(project, channel, lines)
        for entry in last(recent[service], lines):
            write(service, entry)
        if follow:
            _go_on(project, channel, recent, write)


@dataclass(frozen=True)
class Line:
    """One entry of a stream as `tail --format=json` prints it."""

    id: str
    time: float
    fields: dict[str, str]


@dataclass
class _Writer:
    """Prints log lines with a column of names that grows when it must."""

    width: int
    with_times: bool
    coloured: bool

    def write_all(self, all_said: Iterable[Said]) -> None:
        for one in all_said:
            self.write(one)

    def write(self, one: Said) -> None:
        self.width = max(self.width, len(one.name))
        start = f"{one.name:{self.width}} |"
        if self.coloured:
            colour = COLOURS[zlib.crc32(one.service.encode()) % len(COLOURS)]
            start = f"\x1b[{colour}m{start}\x1b[0m"
        if self.with_times:
            start = f"{clock(one.time)} {start}"
        for line in one.lines(self.coloured):
            print(f"{start} {line}".rstrip(), flush=True)


def _about(project: Project, error_id: str) -> Sequence[Said]:
    found = with_error(project.store, project.services, error_id)
    if not found:
        where = ", ".join(project.services)
        raise UsageError(f"logs: no error {error_id!r} in what is kept of the logs of {where}")
    return found


def _recent(project: Project, channel: str, lines: int) -> dict[str, list[Entry]]:
    """The last entries of each service's stream, at least one: where to go on from."""
    return {
        name: newest(project.store, project.store.keys(name).key(channel), max(1, lines))
        for name in project.services
    }


def _go_on(
    project: Project,
    channel: str,
    recent: Mapping[str, Sequence[Entry]],
    write: Callable[[str, Entry], None],
) -> None:
    """Write what comes after `recent`, for ever."""
    followers = {
        name: Follower(
            project.store,
            project.store.keys(name).key(channel),
            entries[-1].id if entries else "0-0",
        )
        for name, entries in recent.items()
    }
    for name, entry in followed(followers):
        write(name, entry)


def _write_json(_service: str, entry: Entry) -> None:
    show_line(Line(entry.id, seconds_of(entry.id), entry.fields))


def _write_entry(_service: str, entry: Entry) -> None:
    print(f"{clock(seconds_of(entry.id))} {entry.id} {written(entry.fields)}", flush=True)
