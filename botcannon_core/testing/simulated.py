"""A world in this process: the chain as a worker builds it, a store in memory, a clock to be moved.

Fast, and any debugger can follow it. Not here: what only processes have, such as time limits, deaths and
the environment of a worker (real).
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import chdir, contextmanager
from functools import partial
from typing import Any, cast

from botcannon_core.cannon import asks, chain, job, recipes
from botcannon_core.cannon.chain import Ended
from botcannon_core.cannon.job import Job
from botcannon_core.cannon.pool import MOST_TURNS
from botcannon_core.cannon.progress import told
from botcannon_core.compose import loading
from botcannon_core.compose.plan import plan_of
from botcannon_core.compose.spec import DeliverSpec, ServiceSpec
from botcannon_core.errors import ServiceError, UsageError
from botcannon_core.ledger import journal, stream, visit
from botcannon_core.ledger.admission import Admitted, Gate
from botcannon_core.ledger.history import History
from botcannon_core.ledger.journal import Held
from botcannon_core.ledger.keys import Keys
from botcannon_core.ledger.line import Line
from botcannon_core.ledger.refused import Refused
from botcannon_core.ledger.store import Store
from botcannon_core.ledger.stream import Ending, Settled, pairs
from botcannon_core.message import Message, one_line, redacted
from botcannon_core.roles import Task
from botcannon_core.testing.bot import Reply, reply
from botcannon_core.testing.declared import Declared
from botcannon_core.testing.fake.store import FakeStore

WHO = "test"  # the consumer that takes every message, and its host


class Simulated:
    """All services of a project, each run when it is asked. Its clock stands until it is moved."""

    def __init__(self, declared: Declared) -> None:
        self._declared = declared
        self._now = float(int(time.time()))  # whole, so that spans in a test come out as written
        self._store = FakeStore(lambda: self._now, declared.namespace)
        self._recipes: dict[str, recipes.Recipes] = {}
        self._kept: dict[str, Sequence[Task]] = {}  # of services with `isolation: worker`
        self._held: Held | None = None  # the message that runs
        self._notes: list[str] = []  # what it has told of how far it is

    def ask(self, service: str, fields: Mapping[str, str]) -> Reply:
        """Run a message here, with all its tries. Raises what a constructor raises."""
        spec = self._declared.resolved(service)
        line = self._line(service)
        admitted = visit.put(
            line, self._keys(service), Gate.of(spec), visit.visitor("test"), fields
        )
        check_admitted(admitted, spec)
        if admitted.status == "repeat" or not spec.tasks:
            return reply(fields, admitted.id, service)
        done, ended = self._run(spec, taken(line, self._keys(service), admitted.id))
        taskback = job.taskback(done, ended)
        self._settle(line, spec, done, taskback, job.dead(done, ended, WHO))
        return reply(taskback, admitted.id, service, ended.trace, tuple(self._notes))

    def put(self, service: str, fields: Mapping[str, str], ago: float) -> None:
        """Add to what a service has stored. Raises UsageError for one older than the last."""
        add(self._line(service), self._keys(service).data, fields, self._now - ago)

    def wait(self, seconds: float) -> None:
        """Move the clock."""
        if seconds < 0:
            raise UsageError(f"time passes forward only, not by {seconds:g} s")
        self._now += seconds

    def _run(self, spec: ServiceSpec, one: Job) -> tuple[Job, Ended]:
        """The job after its last try, and how that ended; between tries the clock moves."""
        self._notes = []
        while True:
            one = one.begun()
            self._held = Held(one.id, one.entry, WHO, one.tries)
            message = Message(one.fields, one.id, spec.name)
            ended = chain.run(self._tasks(spec), message, spec.hidden)
            if ended.how not in ("failed", "again") or one.tries >= _most_tries(spec, ended):
                return one, ended
            self._now += _pause(spec.deliver, one.tries, ended)

    def _tasks(self, spec: ServiceSpec) -> Sequence[Task]:
        """The chain for one message: new objects, as in a new worker, unless a worker takes many."""
        if spec.name in self._kept:
            return self._kept[spec.name]
        if spec.name not in self._recipes:
            told = plan_of(spec, open_history=lambda: History(lambda: cast(Store, self._store)))
            with chdir(self._declared.folder):  # where a worker finds app/
                self._recipes[spec.name] = recipes.recipes(told)
        tasks = recipes.construct(
            self._recipes[spec.name], partial(self._answer, spec.name), partial(self._note, spec)
        )
        if spec.workers.isolation == "worker":
            self._kept[spec.name] = tasks
        return tasks

    def _answer(self, service: str, kind: str, body: Any) -> Any:
        """What a pool would answer to its worker."""
        line, answers = self._line(service), list[Any]()
        asks.answer(line, self._keys(service), [kind, body], answers.append, self._held)
        while not answers:
            line.ask("PING")  # heard after what was asked
        return answers[0]

    def _note(self, spec: ServiceSpec, *said: object) -> None:
        self._notes.append(one_line(redacted(told(*said), spec.hidden)))

    def _settle(
        self,
        line: Line,
        spec: ServiceSpec,
        done: Job,
        taskback: Mapping[str, str],
        dead: Mapping[str, str],
    ) -> None:
        is_parked = taskback["_outcome"] == "parked"
        ending = Ending(done.entry, taskback, dead if is_parked else {})
        settled: list[Settled] = []
        stream.settle(line, self._keys(spec.name), WHO, "", [ending], settled.append)
        if spec.chain and not is_parked:
            journal.forget(line, self._keys(spec.name), done.id, done.entry)
        line.ask("PING")  # heard after both

    def _line(self, service: str) -> Line:
        return Line(self._store, self._keys(service).data)

    def _keys(self, service: str) -> Keys:
        return self._store.keys(service)


def taken(line: Line, keys: Keys, message_id: str) -> Job:
    """The job of a message, from now on held by us; of what was only put, nothing is worked on."""
    stream.make_group(line, keys.data, stream.POOL)
    words = ("GROUP", stream.POOL, WHO, "COUNT", 1_000, "STREAMS", keys.data, ">")
    while answer := line.ask("XREADGROUP", *words):
        for entry in stream.entries(answer[0][1]):
            if entry.id == message_id:
                return Job.of(entry)
    raise ServiceError(f"the message {message_id} has gone again")


def check_admitted(admitted: Admitted, spec: ServiceSpec) -> None:
    """Raise ServiceError for a message that the service did not take."""
    if admitted.status == "full":
        raise ServiceError(
            f"{spec.name} takes no more messages: {spec.backlog.max} are not settled"
        )
    if admitted.status not in ("stored", "repeat"):
        raise ServiceError(f"{spec.name} did not take the message: {admitted.id}")


def add(line: Line, stream: str, fields: Mapping[str, str], moment: float) -> None:
    """Add an entry of a moment, in seconds since the epoch. Raises UsageError if the last is newer."""
    milliseconds, number = round(moment * 1000), 0
    newest = line.ask("XREVRANGE", stream, "+", "-", "COUNT", 1)
    if newest and newest[0][0].startswith(f"{milliseconds}-"):
        number = int(newest[0][0].partition("-")[2]) + 1
    try:
        line.ask("XADD", stream, f"{milliseconds}-{number}", *pairs(fields))
    except Refused as refused:
        raise UsageError(f"put the oldest first: {refused}") from refused


@contextmanager
def entered(declared: Declared) -> Iterator[None]:
    """Meanwhile `import app.NAME` means this project's; another's modules are put back afterwards."""
    path = list(sys.path)
    apps = {name: one for name, one in sys.modules.items() if f"{name}.".startswith("app.")}
    loading.enter(declared.folder)
    try:
        yield
    finally:
        sys.path[:] = path
        if "app" in apps and sys.modules.get("app") is not apps["app"]:
            for name in [name for name in sys.modules if f"{name}.".startswith("app.")]:
                del sys.modules[name]
            sys.modules.update(apps)


def _most_tries(spec: ServiceSpec, ended: Ended) -> int:
    """What keeps a journal counts its tries itself."""
    return MOST_TURNS if spec.chain and ended.how == "again" else spec.deliver.tries


def _pause(rule: DeliverSpec, tries: int, ended: Ended) -> float:
    """Seconds until the next try, without the spread that real pools give it."""
    if ended.how == "again":
        return ended.delay
    return min(rule.backoff_max, rule.backoff * 2.0 ** (tries - 1))
