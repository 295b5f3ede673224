"""Everything that must be right before anything runs: check, find kwargs, open the store.

All that is wrong is reported together. Not here: reading the file (declared), what runs afterwards
(launcher), and how people are asked for a secret (cli).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from botcannon_core.cannon import cautions
from botcannon_core.cannon.check import Facts, check
from botcannon_core.cannon.declared import OWN_FOLDER, Declared
from botcannon_core.cannon.service import Part
from botcannon_core.compose import conf
from botcannon_core.compose.spec import ComposeSpec, ServiceSpec
from botcannon_core.errors import ComposeError, Problem
from botcannon_core.ledger import conf as stored_conf
from botcannon_core.ledger.history import History
from botcannon_core.ledger.line import Line
from botcannon_core.ledger.store import Opening, Store


@dataclass(frozen=True)
class Ready:
    """What is needed to run: the services with real kwargs, what is known of them, the open store.

    `parts` are those of each service that are run here; `cautions` is what people should know first.
    """

    project: Path
    parts: frozenset[Part]
    services: Mapping[str, ServiceSpec]
    facts: Mapping[str, Facts]
    store: Store
    cautions: tuple[str, ...] = ()

    @property
    def run_folder(self) -> Path:
        """Where locks and control sockets are."""
        return self.project / OWN_FOLDER / "run"

    @property
    def terminal_owner(self) -> str | None:
        """The service whose collector is run here and owns the terminal, if there is one."""
        if "intake" not in self.parts:
            return None
        return next((name for name, facts in self.facts.items() if facts.terminal), None)

    def lazily(self) -> Ready:
        """The same, with every service's workers forked one after the other."""
        lazy = {
            name: replace(one, workers=replace(one.workers, lazy=True))
            for name, one in self.services.items()
        }
        return replace(self, services=lazy)

    def line(self, service: str) -> Line:
        """A new line to the server in charge of a service."""
        return Line(self.store, self.store.keys(service).data)

    def open_history(self) -> History:
        """The `ledger` handle for the process that calls this."""
        return History(self.store.copier())

    def history_for(self, service: str) -> Callable[[], History] | None:
        """How a worker opens its `ledger` handle; None if no class of the service asks for one."""
        if "ledger" not in self.facts[service].handles:
            return None
        return partial(History, self.store.copier())


def prepare(
    declared: Declared,
    ask: conf.Ask,
    parts: frozenset[Part],
    meanwhile: Callable[[], object] | None = None,
) -> Ready:
    """Make ready to run these parts of what is declared.

    The caller does `meanwhile` while another process looks at the classes. Raises ComposeError with
    every problem, and StoreError if the store cannot be used.
    """
    try:
        return _prepared(declared, ask, parts, meanwhile)
    except BaseException:
        declared.opening.drop()
        raise


def _prepared(
    declared: Declared,
    ask: conf.Ask,
    parts: frozenset[Part],
    meanwhile: Callable[[], object] | None,
) -> Ready:
    spec, halves = declared.reading.spec, declared.reading.halves
    problems = list(declared.problems)
    sound = [name for name in declared.wanted if name in spec.services]
    lookable = [*sound, *(name for name in declared.wanted if name in halves)]
    looked = check(declared.reading.checkable, lookable, meanwhile=meanwhile)
    problems += looked.problems
    resolved = _resolved(spec, sound, declared.opening, ask, problems)
    if "intake" in parts:
        problems += _two_owners(resolved, looked.facts)
    if problems:
        raise ComposeError(sorted(set(problems), key=lambda one: (one.line, one)))
    project, store = declared.project, declared.opening.store()
    services = {name: resolved.services[name] for name in declared.wanted}
    known = (*cautions.of_store(store), *cautions.of_files(project, spec.file))
    return Ready(project, parts, services, looked.facts, store, known)


def save(store: Store, to_store: Mapping[str, Mapping[str, object]]) -> None:
    """Keep the file's kwargs in the store, for services that name only their key."""
    for key, kwargs in to_store.items():
        stored_conf.save(store, key, kwargs)


def _resolved(
    spec: ComposeSpec,
    names: Sequence[str],
    opening: Opening,
    ask: conf.Ask,
    problems: list[Problem],
) -> ComposeSpec:
    """The spec with real kwargs; the store is opened only if a class has a key."""
    keys = conf.keys(spec, names)
    stored = stored_conf.stored(opening.store(), keys, is_given) if keys else {}
    # a person is asked for nothing that a mistake elsewhere would make them type again
    found = conf.resolve(spec, names, stored, ask if not problems else _nobody)
    problems += found.problems
    if keys and not problems:
        save(opening.store(), found.to_store)
    return found.spec


def is_given(key: str, name: str) -> bool:
    """True if the environment has this secret, so that a stored one of another key is no hindrance."""
    return bool(os.environ.get(conf.variable(key, name)))


def _nobody(_key: str, _name: str) -> str | None:
    return None


def _two_owners(spec: ComposeSpec, facts: Mapping[str, Facts]) -> list[Problem]:
    owners = [name for name, one in facts.items() if one.terminal]
    if len(owners) < 2:
        return []
    place = spec.services[owners[1]].collector.place
    text = f"{' and '.join(owners)} both want the terminal; name one of them: `up {owners[0]}`"
    return [Problem(place.file, place.line, place.path, text)]
