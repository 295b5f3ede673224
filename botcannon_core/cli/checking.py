"""The verb `config`: is the compose file right, and what does it say in full?

It finds what `up` would find, and starts nothing. Not here: the finding (compose, cannon.check).
"""

from __future__ import annotations

import sys
from pathlib import Path

import yaml

from botcannon_core.cannon import prepare
from botcannon_core.cannon.check import check
from botcannon_core.cli.opening import read
from botcannon_core.compose import conf
from botcannon_core.compose.reader import Reading
from botcannon_core.compose.spec import ComposeSpec
from botcannon_core.errors import ComposeError, Problem, StoreError
from botcannon_core.ledger import conf as stored_conf
from botcannon_core.ledger.store import open_store
from botcannon_core.view.resolved import resolved


def config(*, file: str | None = None) -> None:
    """Check the compose file and the code it names, and print it with every value filled in.

    Secrets are shown as ***. All that is wrong is told at once; services without a mistake are printed
    all the same.
    """
    reading = read(file)
    spec, problems, missing = _resolved(reading)
    if spec.services:
        print(yaml.safe_dump(resolved(spec), sort_keys=False, allow_unicode=True), end="")
        sys.stdout.flush()  # before what is wrong, where both go to one place
    for line in missing:
        print(f"botcannon: {line}", file=sys.stderr)
    if problems:
        raise ComposeError(problems)


def _resolved(reading: Reading) -> tuple[ComposeSpec, list[Problem], list[str]]:
    """The spec with all kwargs that can be found, all problems, and what is only missing here."""
    names = tuple(reading.spec.services)
    missing: list[str] = []

    def note(key: str, name: str) -> str:
        missing.append(
            f"the secret {key}.{name} is not known yet: set {conf.variable(key, name)}, or start on a "
            "terminal to be asked"
        )
        return "unknown"  # shown as ***, like any other

    stored = _stored(reading.spec, conf.keys(reading.spec, names), missing)
    found = conf.resolve(reading.spec, names, stored, note)
    looked = check(reading.checkable, [*names, *reading.halves])
    problems = {*reading.problems, *looked.problems, *found.problems}
    return found.spec, sorted(problems, key=lambda one: (one.line, one)), missing


def _stored(
    spec: ComposeSpec, keys: tuple[str, ...], missing: list[str]
) -> dict[str, dict[str, object]]:
    """The kwargs in the store; without it, the file can still be checked."""
    if not keys:
        return {}
    try:
        store = open_store(spec.store, spec.namespace, Path.cwd())
        try:
            return stored_conf.stored(store, keys, prepare.is_given)
        finally:
            store.close()
    except StoreError as error:
        missing.append(f"kwargs in the store were not looked at: {error}")
        return {}
