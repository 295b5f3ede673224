"""The action `run`: ask the service for a program, watch its steps, tell how it went.

It runs where programs run: in the workers of its service, with its journal, so that it goes on or is
undone whatever becomes of this terminal.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from functools import partial
from typing import IO, Any, cast

from botcannon_core.cannon import process
from botcannon_core.cli.opening import Project, opened
from botcannon_core.cli.program.declared import plans_of, program_of, services_of, typed
from botcannon_core.cli.program.ticking import Line, names_of, view
from botcannon_core.cli.tables import Format
from botcannon_core.collectors.envelope import Envelope, of_program
from botcannon_core.contract import pack, plain, unpack
from botcannon_core.errors import ServiceError, UsageError
from botcannon_core.ledger import journal, visit
from botcannon_core.message import Message
from botcannon_core.programs.drawing import tree
from botcannon_core.programs.program import Plans, Program
from botcannon_core.programs.request import BODY, PROGRAM, TRACE
from botcannon_core.programs.running import HalfDone
from botcannon_core.programs.state import State
from botcannon_core.view.entries import last_id
from botcannon_core.view.follow import Follower, followed
from botcannon_core.view.who import has_workers, presences

LOOK_SECONDS = 0.1  # between two looks at the journal
VERB = "program run"


def run(
    name: str,
    /,
    *,
    service: str = "",
    pool: str = "",
    step: bool = False,
    dry_run: bool = False,
    timeout: float | None = None,
    format: Format = "text",  # noqa: A002 - the option's name
    file: str | None = None,
    **args: str,
) -> int:
    """Run the program NAME and watch its steps: `program run buy --item=x --qty=2`.

    It runs in the workers of its service; if none are up, they are started for as long as it takes.
    The exit code is 1 if it failed and was undone, or if --timeout seconds pass first. --pool gives all
    args as one JSON object (`-`: from stdin), also those that are named like an option. --service
    chooses among several. --dry-run checks the args and shows the steps. --step runs them in this
    process, with a pause before each.
    """
    plans = plans_of(file)
    program = program_of(plans, name, VERB)
    given = typed(program, args, pool, VERB)
    if dry_run:
        return _shown(plans, program, given, format)
    asked = _service(plans, name, service)
    if step:
        return _stepped(plans, program, given, asked, format, file)
    with opened(file, asked) as project, _workers(project, file) as helper:
        return _watched(project, plans, program, given, timeout, format, helper)


def _stepped(
    plans: Plans,
    program: Program,
    given: Mapping[str, Any],
    service: str,
    format: Format,  # noqa: A002 - as the option is called
    file: str | None,
) -> int:
    from botcannon_core.cli.program.stepping import stepped  # half of what starting this verb costs

    with opened(file, service) as project:
        out = sys.stdout if format == "text" else sys.stderr
        try:
            with redirect_stdout(out):  # what steps print is none of the answer
                body = stepped(project, plans, program, given)
        except HalfDone as half:
            body = half.results["body"]
    return _said(plain(unpack(body)), format)


def _said(envelope: Envelope, format: Format) -> int:  # noqa: A002 - as the option is called
    if format == "json":
        print(json.dumps(envelope, ensure_ascii=False))
        return int(not envelope["ok"])
    return told(envelope)


def told(envelope: Envelope) -> int:
    """Tell how a run went, as text; the exit code."""
    if envelope["ok"]:
        for name, value in envelope["result"].items():
            print(
                f"{name}: {value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}"
            )
        return 0
    sys.stdout.flush()  # before what is wrong, where both go to one place
    error = envelope["error"]
    at = f"{error['step']}: " if error.get("step") else ""
    print(f"botcannon: {_ending(envelope)}: {at}{error['text']}", file=sys.stderr)
    for left in envelope.get("left") or ():
        print(f"botcannon: left: {left}", file=sys.stderr)
    return 1


def _ending(envelope: Envelope) -> str:
    """How a run ended that is not done, in a word."""
    undid = any(line["kind"] == "undo" for line in envelope.get("trace", ()))
    if envelope.get("left"):
        return "half undone" if undid else "stuck"
    return "undone" if undid else "failed"


def _shown(plans: Plans, program: Program, given: Mapping[str, Any], format: Format) -> int:  # noqa: A002 - as the option is called
    if format == "json":
        print(json.dumps({"program": program.name, "pool": plain(given)}, ensure_ascii=False))
    else:
        print("\n".join(tree(plans, program.name)))
        print(f"\npool: {json.dumps(plain(given), ensure_ascii=False)}\nnothing was run")
    return 0


def _service(plans: Plans, name: str, service: str) -> str:
    """Who is asked for it. Raises UsageError."""
    offering = services_of(plans, name)
    if service and service not in offering:
        raise UsageError(
            f"{VERB}: {service!r} does not run {name}; these do: {', '.join(offering) or 'none'}"
        )
    if not offering:
        raise UsageError(f"{VERB}: no service runs {name}; give one `program: {name}`")
    return service or offering[0]


# --- watching --------------------------------------------------------------------------------------


def _watched(
    project: Project,
    plans: Plans,
    program: Program,
    given: Mapping[str, Any],
    timeout: float | None,
    format: Format,  # noqa: A002 - as the option is called
    helper: _Helper | None,
) -> int:
    shown = view(names_of(plans, program)) if format == "text" else None
    fields = {PROGRAM: program.name, BODY: pack(given)}
    if shown is not None:
        fields[TRACE] = "1"  # the journal of a run that is over is gone, maybe before we looked
    stream = project.keys.taskback
    follower = Follower(project.store, stream, last_id(project.store, stream))
    try:
        until = None if timeout is None else time.monotonic() + timeout
        sent = project.put(visit.visitor("send"), fields)
        answer, trace = None, list[Line]()
        while answer is None:
            if helper is not None:
                helper.check()
            answer = _answer(follower, sent, until)
            if shown is not None and answer is None:
                trace = _trace(project, sent) or trace  # a journal that is gone was one of more
                shown.show(trace)
    finally:
        follower.close()
    envelope = of_program(Message(answer, sent), fields)
    if shown is not None:
        shown.show(envelope["trace"], is_over=True)
    return _said(envelope, format)


def _answer(follower: Follower, sent: str, until: float | None) -> dict[str, str] | None:
    """The taskback of the message, if it comes before it is time for another look."""
    look = time.monotonic() + LOOK_SECONDS
    for _, entry in followed({"": follower}, look):
        if entry.fields.get("_id") == sent and "_outcome" in entry.fields:
            return entry.fields
    if until is not None and look >= until:
        raise ServiceError(
            f"{VERB}: no answer to message {sent} in time; it goes on in its service"
        )
    return None


def _trace(project: Project, sent: str) -> list[Line]:
    """What the run has come to, as its journal says."""
    with project.store.asking() as client:
        found = cast(dict[str, str], client.hgetall(journal.key_of(project.keys, sent)))
    state = State()
    for record in journal.in_order(found):
        state.take(json.loads(record))
    return list(state.trace)


# --- workers for one run ---------------------------------------------------------------------------


class _Helper:
    """An `up` of the service's workers that lives as long as a run needs it."""

    def __init__(self, service: str, file: str | None, said: IO[bytes]) -> None:
        words = [sys.executable, "-P", "-m", "botcannon_core.cli.main", "up", service]
        more = ["--only=workers", *([f"--file={file}"] if file else [])]
        self._said = said
        self._process = subprocess.Popen(
            [*words, *more],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=said,
            start_new_session=True,  # Ctrl-C asks us, and we ask it
            preexec_fn=partial(process.die_with_parent, os.getpid(), signal.SIGTERM),
        )

    def check(self) -> None:
        """Raise ServiceError if it has ended, with what it said."""
        if self._process.poll() is not None:
            self._said.seek(0)
            raise ServiceError(self._said.read().decode(errors="replace").strip())

    def end(self) -> None:
        """Let it finish what it holds."""
        self._process.terminate()
        self._process.wait()


@contextmanager
def _workers(project: Project, file: str | None) -> Iterator[_Helper | None]:
    """Workers of the service: nobody's to start if they are there, else ours to end."""
    if has_workers(presences(project.store, project.name)):
        yield None
        return
    print(
        f"botcannon: no workers of {project.name} are up: starting some for this run",
        file=sys.stderr,
    )
    with tempfile.TemporaryFile() as said:
        helper = _Helper(project.name, file, said)
        try:
            yield helper
        finally:
            helper.end()
