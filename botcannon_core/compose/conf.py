"""Where kwargs come from: the file, the same key elsewhere in the file, the store, the environment.

Pure: what the store holds comes in, what it should hold goes out. Not here: how it is kept there and
encrypted (ledger), and how a person is asked for a secret (cli).
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from botcannon_core.compose.spec import ClassSpec, ComposeSpec, Hidden, Place, Secret, ServiceSpec
from botcannon_core.errors import Problem

Ask = Callable[[str, str], str | None]
"""Asks a person for the secret (key, kwarg); None if there is nobody to ask."""


@dataclass(frozen=True)
class Resolved:
    """A spec whose kwargs are all real values, unless `problems` say which are not.

    A problem leaves its class as it was written, so that it can still be checked for other mistakes.
    `to_store` is what the store should hold by key, its secrets marked as Hidden.
    """

    spec: ComposeSpec
    problems: tuple[Problem, ...] = ()
    to_store: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def resolve(
    spec: ComposeSpec,
    services: Sequence[str],
    stored: Mapping[str, Mapping[str, Any]],
    secrets: Ask,
    environ: Mapping[str, str] = os.environ,
) -> Resolved:
    """`spec` with the kwargs of `services` filled in; the other services stay as they were written.

    The file wins over `stored`; a secret comes from `environ`, else `stored`, else from `secrets`. A
    stored secret counts as one however it was written, if it comes as Hidden.
    """
    given = _given(spec)
    finder = _Finder(given, stored, secrets, environ)
    done = {name: _service(spec.services[name], finder) for name in services}
    used = {c.key for name in services for c in spec.services[name].classes if c.key}
    conflicts = [p for key in sorted(used) for p in _conflicts(key, given.get(key, []))]
    return Resolved(
        replace(spec, services={**spec.services, **done}),
        tuple(sorted({*conflicts, *finder.problems})),
        {key: finder.found[key] for key in sorted(used & given.keys()) if key in finder.found},
    )


def keys(spec: ComposeSpec, services: Iterable[str]) -> tuple[str, ...]:
    """The conf keys of these services: what `stored` has to be asked for."""
    classes = (one for name in services for one in spec.services[name].classes)
    return tuple(sorted({one.key for one in classes if one.key}))


def variable(key: str, name: str) -> str:
    """The environment variable that holds the secret `name` of the kwargs under `key`."""
    return re.sub(r"[^A-Z0-9]", "_", f"BOTCANNON_SECRET_{key}_{name}".upper(), flags=re.ASCII)


def shown(one: ClassSpec) -> dict[str, Any]:
    """The kwargs as they may be shown to anybody: each secret as `***`."""
    kwargs = one.kwargs or {}
    return {n: "***" if isinstance(v, Secret | Hidden) else v for n, v in kwargs.items()}


def _given(spec: ComposeSpec) -> dict[str, list[ClassSpec]]:
    """Every class of the file that brings kwargs for a key, by that key."""
    found: dict[str, list[ClassSpec]] = {}
    for one in (*(one for s in spec.services.values() for one in s.classes), *spec.given):
        if one.key and one.kwargs is not None:
            found.setdefault(one.key, []).append(one)
    return found


def _conflicts(key: str, given: Sequence[ClassSpec]) -> list[Problem]:
    first = given[0] if given else None
    others = [one for one in given if first and one.kwargs != first.kwargs]
    return [_conflict(key, first, one) for one in others if first]


def _conflict(key: str, first: ClassSpec, other: ClassSpec) -> Problem:
    ours, theirs = other.kwargs or {}, first.kwargs or {}
    names = [
        n for n in {**theirs, **ours} if (n in ours, ours.get(n)) != (n in theirs, theirs.get(n))
    ]
    text = (
        f"other kwargs under the key {key!r} than in line {first.at('conf.kwargs').line}"
        f" ({', '.join(names)} differ); use another key, or `key` alone to have the same"
    )
    return _problem(other.at("conf.kwargs"), text)


def _service(service: ServiceSpec, finder: _Finder) -> ServiceSpec:
    hidden: set[str] = set()

    def fill(one: ClassSpec) -> ClassSpec:
        filled = finder.fill(one)
        hidden.update(str(v) for v in (filled.kwargs or {}).values() if isinstance(v, Hidden) and v)
        return filled

    return replace(
        service,
        collector=fill(service.collector),
        shell=fill(service.shell) if service.shell else None,
        tasks=tuple(fill(task) for task in service.tasks),
        parts={name: fill(part) for name, part in service.parts.items()},
        hidden=frozenset(hidden),
    )


class _Finder:
    """Finds the kwargs of a class; remembers what was found by key, so that nobody is asked twice."""

    def __init__(
        self,
        given: Mapping[str, Sequence[ClassSpec]],
        stored: Mapping[str, Mapping[str, Any]],
        ask: Ask,
        environ: Mapping[str, str],
    ) -> None:
        self.given = given
        self.stored = stored
        self.ask = ask
        self.environ = environ
        self.found: dict[str, dict[str, Any]] = {}
        self.lost: set[str] = set()  # keys whose kwargs could not be found; said once each
        self.problems: list[Problem] = []

    def fill(self, one: ClassSpec) -> ClassSpec:
        """`one` with its real kwargs, or as it was if they cannot be found."""
        if one.key is None:
            return one
        if one.key not in self.found and one.key not in self.lost:
            self._find(one, one.key)
        return replace(one, kwargs=self.found[one.key]) if one.key in self.found else one

    def _find(self, one: ClassSpec, key: str) -> None:
        source = self.given[key][0] if key in self.given else None
        kwargs = source.kwargs if source else self.stored.get(key)
        before = len(self.problems)
        if kwargs is None:
            text = f"no kwargs under the key {key!r} that can be used, in this file or in the store"
            self.problems.append(_problem(one.at("conf.key"), text))
        found = {
            name: self._secret(source or one, key, name) if isinstance(value, Secret) else value
            for name, value in (kwargs or {}).items()
        }
        if len(self.problems) == before:
            self.found[key] = found
        else:
            self.lost.add(key)

    def _secret(self, one: ClassSpec, key: str, name: str) -> Hidden | None:
        """The secret's value; an empty variable counts as none, as an empty line does."""
        value = self.environ.get(variable(key, name)) or self.stored.get(key, {}).get(name)
        value = value or self.ask(key, name)
        if value:
            return Hidden(value)
        text = f"a secret that is nowhere; set {variable(key, name)} or start on a terminal to be asked"
        self.problems.append(_problem(one.at(f"conf.kwargs.{name}"), text))
        return None


def _problem(place: Place, text: str) -> Problem:
    return Problem(place.file, place.line, place.path, text)
