"""Opening a project to look at it or to handle what it holds: its compose file and its store.

A broken file can still be looked into, as far as it says where. Not here: making ready to run
(cannon.declared, cannon.prepare).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from botcannon_core.cannon import control, declared
from botcannon_core.compose.reader import Reading
from botcannon_core.compose.spec import BacklogSpec, ServiceSpec
from botcannon_core.errors import ComposeError, ServiceError, StoreError
from botcannon_core.ledger import visit
from botcannon_core.ledger.admission import Gate
from botcannon_core.ledger.keys import Keys
from botcannon_core.ledger.line import Line
from botcannon_core.ledger.refused import Refused
from botcannon_core.ledger.store import Store, open_store


@dataclass(frozen=True)
class Project:
    """A compose file that was read, its open store, and the services that were meant."""

    reading: Reading
    store: Store
    services: tuple[str, ...]

    @property
    def name(self) -> str:
        """The one service, where one was named."""
        return self.services[0]

    @property
    def keys(self) -> Keys:
        """The keys of the one service."""
        return self.store.keys(self.name)

    @property
    def spec(self) -> ServiceSpec:
        """What is declared of the one service. Raises ComposeError if it is broken."""
        if self.name not in self.reading.spec.services:
            raise ComposeError(self.reading.broken[self.name])
        return self.reading.spec.services[self.name]

    def has_tasks(self, name: str) -> bool:
        """True if somebody works on the service's messages, as far as can be said."""
        spec = self.reading.spec.services.get(name)
        return spec is None or bool(spec.tasks)

    def put(self, asked_by: str, fields: Mapping[str, str]) -> str:
        """Store a visitor's message and return its id, or that of the one it repeats.

        Raises ServiceError when the service takes no more messages now.
        """
        spec = self.reading.spec.services.get(self.name)
        gate = Gate.of(spec) if spec is not None else Gate(BacklogSpec())
        with self.line() as line:
            admitted = visit.put(line, self.keys, gate, asked_by, fields)
        if admitted.status == "full":
            raise ServiceError(
                f"{self.name} takes no more messages now: {gate.backlog.max} are not settled; "
                f"`botcannon status {self.name}` shows how it goes on"
            )
        if admitted.status not in ("stored", "repeat"):
            raise StoreError(f"the message could not be stored: {admitted.id}")
        return admitted.id

    @contextmanager
    def line(self) -> Iterator[Line]:
        """A line to the server in charge of the one service; what it refuses becomes a StoreError."""
        line = Line(self.store, self.keys.data)
        try:
            yield line
        except Refused as error:
            raise StoreError(f"the store at {self.store.address} refused: {error}") from error
        finally:
            line.close()


@contextmanager
def opened(file: str | None, *names: str) -> Iterator[Project]:
    """The project with the services `names`, or all.

    Raises ComposeError if the file cannot be read at all, UsageError for a service that is not in it,
    StoreError.
    """
    reading = read(file)
    services = declared.chosen(reading, names)
    store = open_store(reading.spec.store, reading.spec.namespace, Path.cwd())
    try:
        yield Project(reading, store, services)
    finally:
        store.close()


def read(file: str | None) -> Reading:
    """The compose file, which names one service at least. Raises ComposeError."""
    reading = declared.read(file)
    if not reading.spec.services and not reading.broken:
        raise ComposeError(reading.problems)
    return reading


def running_here() -> dict[str, str]:
    """The services of this folder's launchers and their states, without asking the store."""
    found: dict[str, str] = {}
    for path in control.launchers(Path(declared.OWN_FOLDER, "run")).values():
        found |= control.tell(path, {"verb": "pid"})["services"]
    return found
