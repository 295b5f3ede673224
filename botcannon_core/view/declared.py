"""What a compose file declares, a row for each service, the broken ones too. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from botcannon_core.compose.reader import Reading
from botcannon_core.compose.spec import ClassSpec, ServiceSpec
from botcannon_core.errors import Problem


@dataclass(frozen=True)
class Declared:
    """One service: its classes as `file.Entry`, how it runs (None: it does not), what is wrong."""

    service: str
    collector: str | None = None
    shell: str | None = None
    tasks: tuple[str, ...] = ()
    state: str | None = None
    problem: str | None = None


def declared(reading: Reading, states: Mapping[str, str | None]) -> list[Declared]:
    """The services in the order of the file, then those that are broken, with their first problem."""
    sound = [_sound(one, states.get(name)) for name, one in reading.spec.services.items()]
    return sound + [_broken(n, found, states.get(n)) for n, found in reading.broken.items()]


def _sound(service: ServiceSpec, state: str | None) -> Declared:
    return Declared(
        service.name,
        named(service.collector),
        named(service.shell) if service.shell else None,
        _tasks(service),
        state,
    )


def _tasks(service: ServiceSpec) -> tuple[str, ...]:
    """The tasks, or, where keys of a room stand in their place, those: `program buy`."""
    values = {
        key: ", ".join(value) if isinstance(value, list) else str(value)
        for key, value in service.chain.items()
    }
    shown = tuple(f"{key} {value}" for key, value in values.items())
    return shown or tuple(named(task) for task in service.tasks)


def _broken(name: str, problems: tuple[Problem, ...], state: str | None) -> Declared:
    return Declared(name, state=state, problem=str(problems[0]))


def named(one: ClassSpec) -> str:
    """A class in one word: `torch.Torch`."""
    return f"{one.file}.{one.entry}"
