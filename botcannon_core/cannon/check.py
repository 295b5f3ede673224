"""Every mistake that shows only when the code is imported, found before anything starts.

A short-lived forked child imports the modules and looks at the classes; it is given a time for each
module and ends with its whole group. The launcher itself never imports user code. Not here: what the
child does (lookout) and what fits (compose.fit).
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, NoReturn

from botcannon_core.cannon.look import Look
from botcannon_core.compose.importing import source_of
from botcannon_core.compose.loading import module_name
from botcannon_core.compose.spec import ComposeSpec, ServiceSpec
from botcannon_core.errors import ComposeError, Problem
from botcannon_core.message import one_line

GLANCE = 0.05  # seconds between two looks at whether the child lives
MOST_OUTPUT = 100_000  # bytes read of what a module printed before it died

Looks = dict[str, list[Look]]  # by module, in the order of their first use


@dataclass(frozen=True)
class Facts:
    """What the classes of a service say about themselves.

    `handles` are those that any class of the service asks for.
    """

    terminal: bool = False
    many: bool = False
    handles: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Check:
    """Everything wrong with the code of the services, and the facts of those whose classes were seen."""

    problems: tuple[Problem, ...] = ()
    facts: Mapping[str, Facts] = field(default_factory=dict)


def check(
    spec: ComposeSpec,
    services: Sequence[str],
    timeout: float = 10.0,
    project: Path | None = None,
    meanwhile: Callable[[], object] | None = None,
) -> Check:
    """All problems of the code that `services` name, and their facts; imports nothing in this process.

    A module that takes longer than `timeout` seconds to import is named, and the others are still
    looked at. Kwargs that are not known yet are not checked. `meanwhile` is called as soon as another
    process is looking.
    """
    folder = (project or Path.cwd()).resolve()
    looks, problems = _wanted(spec, services, folder)
    seen: dict[str, Mapping[str, Any]] = {}
    while looks:
        looks = _one_child(looks, folder, timeout, problems, seen, meanwhile)
        meanwhile = None
    facts = {name: _facts(spec.services[name], seen) for name in services}
    for name in services:
        problems += _unheard(spec.services[name], seen)
        problems += _never_waiting(spec.services[name], seen)
    return Check(tuple(sorted(set(_first_of_each(problems)))), facts)


def _unheard(service: ServiceSpec, seen: Mapping[str, Mapping[str, Any]]) -> Iterator[Problem]:
    """The service's own keys that no task of it asks for: a rule that nobody reads protects nothing."""
    tasks = range(len(service.classes) - len(service.working), len(service.classes))
    looked = [seen.get(f"{service.name}/{index}") for index in tasks]
    if None in looked:
        return  # what cannot be looked at is a problem of its own
    heard = {name for line in looked if line for name in line.get("handles", ())}
    for key in sorted(service.extra.keys() - heard):
        text = f"no task of {service.name!r} asks for `{key}`, so it would do nothing"
        place = service.place
        yield Problem(place.file, place.line, f"{place.path}.{key}", text)


def _never_waiting(
    service: ServiceSpec, seen: Mapping[str, Mapping[str, Any]]
) -> Iterator[Problem]:
    """Its concurrency, if no task of it could wait for anything while another message runs."""
    first = len(service.classes) - len(service.working)
    looked = [seen.get(f"{service.name}/{first + n}") for n in range(len(service.tasks))]
    can_wait = any(line is None or line.get("waits") for line in looked)
    if service.workers.concurrency > 1 and looked and not can_wait:
        text = (
            f"no task of {service.name!r} is `async def`,"
            " and only such ones run for many messages at the same time"
        )
        place = service.place
        yield Problem(place.file, place.line, f"{place.path}.workers.concurrency", text)


def _wanted(
    spec: ComposeSpec, services: Sequence[str], folder: Path
) -> tuple[Looks, list[Problem]]:
    looks: Looks = {}
    problems: list[Problem] = []
    for service in (spec.services[name] for name in services):
        for index, one in enumerate(service.classes):
            try:
                module = module_name(one, folder)
            except ComposeError as error:
                problems.extend(error.problems)
            else:
                looks.setdefault(module, []).append(Look(service, index, one, module))
    return looks, problems


def _facts(service: ServiceSpec, seen: Mapping[str, Mapping[str, Any]]) -> Facts:
    found = [seen.get(f"{service.name}/{index}", {}) for index in range(len(service.classes))]
    collector = found[0]
    return Facts(
        terminal=bool(collector.get("terminal")),
        many=bool(collector.get("many")),
        handles=frozenset(name for line in found for name in line.get("handles", ())),
    )


def _first_of_each(problems: Sequence[Problem]) -> list[Problem]:
    """Without those that only another path leads to: one broken app/ module may be wanted by many."""
    found: dict[tuple[str, int, str], Problem] = {}
    for one in problems:
        found.setdefault((one.file, one.line, one.text), one)
    return list(found.values())


def _one_child(
    looks: Looks,
    folder: Path,
    timeout: float,
    problems: list[Problem],
    seen: dict[str, Mapping[str, Any]],
    meanwhile: Callable[[], object] | None,
) -> Looks:
    """Have one child look at the modules; returns those it did not come to because one ended it."""
    module = next(iter(looks))
    with _scratch() as output, _child(looks, folder, output) as (pid, pipe):
        if meanwhile is not None:
            meanwhile()
        for line in _lines(pid, pipe, timeout):
            if "end" in line:
                return {}
            module = line.get("module", module)
            problems.extend(Problem(*one) for one in line.get("problems", ()))
            if "look" in line:
                seen[line["look"]] = line
            if "lost" in line:
                problems.append(_lost(looks[module][0], folder, line["lost"], output))
    names = list(looks)
    return {name: looks[name] for name in names[names.index(module) + 1 :]}


def _lost(look: Look, folder: Path, how: str, output: IO[bytes]) -> Problem:
    """The problem of the module that hung or took the process with it."""
    source = source_of(look.module, folder)
    shown = source.relative_to(folder) if source.is_relative_to(folder) else source
    output.seek(0)
    said = output.read(MOST_OUTPUT).decode(errors="replace").strip().splitlines()
    last = f"; the last that it said: {one_line(said[-1], 120)}" if said else ""
    return Problem(str(shown), 1, look.one.place.path, how + last)


@contextlib.contextmanager
def _child(looks: Looks, folder: Path, output: IO[bytes]) -> Iterator[tuple[int, int]]:
    """The child's pid and the pipe it reports on; at the end its whole group is gone."""
    parent = os.getpid()
    pipe, report = os.pipe()
    pid = os.fork()
    if pid == 0:
        _look_out(looks, folder, report, output.fileno(), parent)
    os.close(report)
    with contextlib.suppress(OSError):  # the child does the same; whoever is first
        os.setpgid(pid, pid)
    try:
        yield pid, pipe
    finally:
        # not reaped before, so neither number can be anybody else's
        with contextlib.suppress(OSError):
            os.killpg(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(pipe)


def _look_out(looks: Looks, folder: Path, report: int, output: int, parent: int) -> NoReturn:
    try:
        # only here: 15 ms that the launcher and its children never need, while the launcher goes on
        from botcannon_core.cannon.lookout import keep_lookout

        keep_lookout(looks, folder, report, output, parent)
    finally:
        os._exit(1)


def _scratch() -> IO[bytes]:
    """A file that nobody else sees and that is gone when it is closed."""
    if hasattr(os, "memfd_create"):
        return open(os.memfd_create("check"), "w+b")
    import tempfile  # 3 ms of every start, where the kernel has no such files

    return tempfile.TemporaryFile()


def _lines(pid: int, pipe: int, timeout: float) -> Iterator[Mapping[str, Any]]:
    """What the child reports; a last {"lost": how} if it ends, or says nothing for `timeout` seconds."""
    rest, deadline = b"", time.monotonic() + timeout
    while (left := deadline - time.monotonic()) > 0:
        # looked at before reading, so that a death cannot hide what was said just before it
        ended = _how_ended(pid)
        ready, _, _ = select.select([pipe], [], [], 0 if ended else min(left, GLANCE))
        data = os.read(pipe, 65_536) if ready else b""
        if ended and not data:
            yield {"lost": ended}
            return
        if ready and not data:  # it closed the pipe and lives on, or is just ending
            time.sleep(GLANCE / 10)
        *whole, rest = (rest + data).split(b"\n")
        for line in whole:
            deadline = time.monotonic() + timeout
            yield json.loads(line)
    yield {"lost": f"does not end its import within {timeout:g} s"}


def _how_ended(pid: int) -> str:
    """How the child ended, without reaping it; empty while it lives."""
    info = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    if info is None:
        return ""
    if info.si_code == os.CLD_EXITED:
        return f"ends the whole process at import, with status {info.si_status}"
    return f"is killed at import by {signal.Signals(info.si_status).name}"
