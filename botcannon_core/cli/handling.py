"""The verbs that do something to what a service holds: send, retry, drop, yml.

Not here: a conversation (chatting), and commands of a shell (shelling).
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from botcannon_core.cannon import prepare
from botcannon_core.chat.answer import note
from botcannon_core.cli.asking import ask_for_secret
from botcannon_core.cli.noting import Noting
from botcannon_core.cli.opening import Project, opened, read
from botcannon_core.compose import conf
from botcannon_core.compose.spec import Hidden
from botcannon_core.errors import ComposeError, MessageError, ServiceError, UsageError
from botcannon_core.ledger import conf as stored_conf
from botcannon_core.ledger import dead as dead_ledger
from botcannon_core.ledger import visit
from botcannon_core.ledger.store import open_store
from botcannon_core.ledger.stream import Entry
from botcannon_core.message import Message, checked_fields, one_line
from botcannon_core.view.entries import last_id, said
from botcannon_core.view.follow import Follower, followed
from botcannon_core.view.parked import ALL, Parked, named
from botcannon_core.view.who import has_workers, presences

LONGEST_FIELDS = 120  # characters of a message in a line about it


def send(
    service: str,
    *,
    wait: bool = False,
    timeout: float | None = None,
    file: str | None = None,
    **fields: str,
) -> int:
    """Put one message into SERVICE: `send chat --text=hello --user=ada`. Prints its id.

    --wait prints its taskback as JSON instead, as soon as it has ended; how far it is stands on stderr
    meanwhile. The exit code is 1 if it was parked or cancelled, or if --timeout seconds pass first.
    Fields named `wait`, `timeout` or `file` cannot be sent.
    """
    if timeout is not None and not wait:
        raise UsageError("send: --timeout means nothing without --wait")
    with opened(file, service) as project:
        message = _fields(fields)
        if not wait:
            print(project.put(visit.visitor("send"), message))
            return 0
        expect_answers(project, "send")
        return _answered(project, message, timeout)


def retry(service: str, id: str, *, file: str | None = None) -> None:  # noqa: A002 - shown as ID
    """Give a parked message of SERVICE another try, or `all` of them; a taskback is delivered again.

    ID is what `dead` shows, the message's own id, or the id of its error.
    """
    with opened(file, service) as project:
        found = _parked(project, "retry", id)
        with project.line() as line:
            for one in reversed(found):  # in the order in which they were parked
                if dead_ledger.retry(line, project.keys, one.id) is not None:
                    print(f"again: {_about(one)}")
        if not has_workers(presences(project.store, service)) and project.has_tasks(service):
            _note(f"no workers of {service} are up: {_how_they_start(service)}")


def drop(service: str, id: str, *, file: str | None = None) -> None:  # noqa: A002 - shown as ID
    """Delete a parked message of SERVICE for ever, or `all` of them, and say what it was.

    ID is what `dead` shows, the message's own id, or the id of its error.
    """
    with opened(file, service) as project:
        found = _parked(project, "drop", id)
        with project.line() as line:
            for one in reversed(found):
                if dead_ledger.drop(line, project.keys, one.id):
                    print(f"dropped: {_about(one)}")


def yml(file: str) -> None:
    """Store the kwargs of a compose FILE under their keys, secrets encrypted, and start nothing.

    Services of other files and hosts can then name the key alone.
    """
    reading = read(file)
    if reading.problems:
        raise ComposeError(reading.problems)
    spec, names = reading.spec, tuple(reading.spec.services)
    store = open_store(spec.store, spec.namespace, Path.cwd())
    try:
        stored = stored_conf.stored(store, conf.keys(spec, names), prepare.is_given)
        found = conf.resolve(spec, names, stored, ask_for_secret)
        if found.problems:
            raise ComposeError(found.problems)
        prepare.save(store, found.to_store)
    finally:
        store.close()
    for key, kwargs in found.to_store.items():
        shown = {n: "***" if isinstance(v, Hidden) else v for n, v in kwargs.items()}
        print(f"stored: {key} {json.dumps(shown, ensure_ascii=False, default=str)}")
    if not found.to_store:
        print(f"nothing to store: {file} gives no kwargs under a key")


def expect_answers(project: Project, verb: str) -> None:
    """Refuse to wait where nobody will ever answer; say so where nobody does now."""
    name = project.name
    if not project.has_tasks(name):
        raise UsageError(f"{verb}: {name} has no tasks, so nothing is ever answered")
    if not has_workers(presences(project.store, name)):
        _note(f"no workers of {name} are up, so no answer comes: {_how_they_start(name)}")


def _how_they_start(name: str) -> str:
    return f"`botcannon up {name}` starts them, or `botcannon start {name}` if they were stopped"


def _fields(fields: dict[str, str]) -> dict[str, str]:
    if not fields:
        raise UsageError("send: say what to send, as in `botcannon send chat --text=hello`")
    try:
        return checked_fields(fields, "send")
    except MessageError as error:
        raise UsageError(str(error)) from error


def _answered(project: Project, fields: dict[str, str], timeout: float | None) -> int:
    """Send, wait for the taskback and print it; the exit code."""
    stream = project.keys.taskback
    follower = Follower(project.store, stream, last_id(project.store, stream))  # before the sending
    try:
        until = None if timeout is None else time.monotonic() + timeout
        sent = project.put(visit.visitor("send"), fields)
        with Noting() as noting:
            answer = _answer(sent, followed({stream: follower}, until), noting)
        if answer is not None:
            print(json.dumps(answer, ensure_ascii=False))
            return int(Message(answer).error is not None)
    finally:
        follower.close()
    raise ServiceError(f"send: no answer to message {sent} within {timeout:g} s; it may still come")


def _answer(sent: str, came: Iterable[tuple[str, Entry]], noting: Noting) -> dict[str, str] | None:
    """The taskback of the message `sent`, once it is among what `came`; its notes are shown."""
    for _, entry in came:
        if entry.fields.get("_id") == sent:
            message = Message(entry.fields, sent)
            if message.note is None:
                return entry.fields
            noting.show(note(message))
    return None


def _parked(project: Project, verb: str, name: str) -> Sequence[Parked]:
    found = named(project.store, project.name, name)
    if not found and name != ALL:
        raise UsageError(
            f"{verb}: nothing parked in {project.name} has the id {name!r}; "
            f"`botcannon dead {project.name}` lists them"
        )
    if not found:
        print("nothing is parked")
    return found


def _about(one: Parked) -> str:
    what = "the taskback of " if one.what == "taskback" else ""
    fields = one_line(said(one.fields), LONGEST_FIELDS)
    return f"{what}{one.message_id} {fields} ({one_line(one.error, LONGEST_FIELDS)})"


def _note(text: str) -> None:
    print(f"botcannon: {text}", file=sys.stderr)
