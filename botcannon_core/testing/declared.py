"""The project that a test belongs to: its compose file, read, with every value that a run needs.

Secrets that the environment does not have are made up, for a test must not need them. Not here: running
any of it (simulated, real).
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path

from botcannon_core.cannon.declared import COMPOSE_FILE
from botcannon_core.compose import conf, reader
from botcannon_core.compose.reader import Reading
from botcannon_core.compose.spec import ServiceSpec
from botcannon_core.errors import ComposeError, UsageError, suggest


@dataclass(frozen=True)
class Declared:
    """A compose file as it was read, and the folder it stands in."""

    folder: Path
    reading: Reading
    _resolved: dict[str, ServiceSpec] = field(default_factory=dict)

    @property
    def namespace(self) -> str:
        """The namespace of the project's keys."""
        return self.reading.spec.namespace

    @property
    def names(self) -> list[str]:
        """The names of all services, broken ones too."""
        return [*self.reading.spec.services, *self.reading.broken]

    @property
    def with_shell(self) -> list[str]:
        """The names of the services that have a shell."""
        return [name for name, one in self.reading.spec.services.items() if one.shell]

    def service(self, name: str) -> ServiceSpec:
        """A service as it was written. Raises UsageError if unknown, ComposeError if broken."""
        if name in self.reading.broken:
            raise ComposeError(self.reading.broken[name])
        if name not in self.reading.spec.services:
            hint = suggest(name, self.names) or f"; there are {', '.join(self.names)}"
            raise UsageError(f"no service {name!r} in {self.reading.spec.file}{hint}")
        return self.reading.spec.services[name]

    def resolved(self, name: str) -> ServiceSpec:
        """A service whose shell and tasks have their kwargs. Raises ComposeError if some are nowhere."""
        if name not in self._resolved:
            service = self.service(name)
            # a test stands in the collector's place, so nothing need be known of it
            door = replace(service.collector, key=None, kwargs={})
            services = {**self.reading.spec.services, name: replace(service, collector=door)}
            spec = replace(self.reading.spec, services=services)
            found = conf.resolve(spec, (name,), {}, made_up)
            if found.problems:
                raise ComposeError(found.problems)
            self._resolved[name] = found.spec.services[name]
        return self._resolved[name]

    def secrets(self, name: str) -> dict[str, str]:
        """Environment variables for the secrets of a service that the environment does not have."""
        found = {
            conf.variable(one.key, secret): made_up(one.key, secret)
            for one in self.service(name).classes
            if one.key
            for secret in one.secrets
        }
        return {variable: text for variable, text in found.items() if variable not in os.environ}


def made_up(key: str, name: str) -> str:
    """What stands for a secret in a test; it is hidden as a real one would be."""
    return f"secret-{key}-{name}"


def declared(start: Path, file: str = COMPOSE_FILE) -> Declared:
    """The project that `start` lies in: the nearest folder upwards with a compose file.

    Raises UsageError if there is none, ComposeError if the file cannot be read at all.
    """
    for folder in (start, *start.parents):
        if (folder / file).is_file():
            break
    else:
        raise UsageError(
            f"no {file} in {start} or above it: testbot talks to a service of a project"
        )
    reading = reader.read(folder / file)
    if not reading.spec.services and not reading.broken:
        raise ComposeError(reading.problems)
    return Declared(folder.resolve(), reading)
