"""What is declared and which of it is meant, with its store on the way: the first step of what runs.

It imports little, so that the store's server, which starts by itself, does so early. Not here: what else
must be right before anything runs (prepare).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from botcannon_core.compose import reader
from botcannon_core.compose.reader import Reading
from botcannon_core.errors import ComposeError, Problem, UsageError, suggest
from botcannon_core.ledger.store import Opening

COMPOSE_FILE = "cannon-compose.yml"
OWN_FOLDER = ".botcannon"


@dataclass(frozen=True)
class Declared:
    """What a compose file says of the services `wanted`, what is wrong with it, and its store."""

    project: Path
    reading: Reading
    wanted: tuple[str, ...]
    problems: tuple[Problem, ...]
    opening: Opening


def read(file: str | None) -> Reading:
    """What the compose file says; the default one stands in the working directory."""
    return reader.read(Path(file or COMPOSE_FILE))


def chosen(reading: Reading, names: Sequence[str]) -> tuple[str, ...]:
    """The services that `names` mean: themselves, or all. Raises UsageError for one unknown."""
    known = [*reading.spec.services, *reading.broken]
    for name in names:
        if name not in known:
            hint = suggest(name, known) or f"; there are: {', '.join(sorted(known)) or 'none'}"
            raise UsageError(f"no service {name!r} in {reading.spec.file}{hint}")
    return tuple(dict.fromkeys(names or known))


def begin(file: str | None, names: Sequence[str]) -> Declared:
    """What is declared of the services `names`, or of all; its store starts unless there are problems.

    Raises ComposeError where there is nothing to run.
    """
    project = Path.cwd()
    reading = read(file)
    if not reading.spec.services and not reading.broken:
        raise ComposeError(reading.problems)
    wanted = chosen(reading, names)
    problems = tuple(_problems_of(reading, wanted, all_of_them=not names))
    opening = Opening(reading.spec.store, reading.spec.namespace, project)
    if not problems:
        opening.begin()
    return Declared(project, reading, wanted, problems, opening)


def _problems_of(reading: Reading, wanted: Sequence[str], all_of_them: bool) -> Sequence[Problem]:
    """All problems, or, of a choice of services, those of the file and of the chosen ones."""
    others = {p for name, found in reading.broken.items() if name not in wanted for p in found}
    return reading.problems if all_of_them else [p for p in reading.problems if p not in others]
