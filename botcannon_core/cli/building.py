"""Building a service's classes in this process: its spec with real kwargs, and the handles here.

Not here: which class is built, and what is done with it (shelling, program.stepping).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from botcannon_core.cannon import prepare
from botcannon_core.cannon.recipes import unheard
from botcannon_core.cli.opening import Project
from botcannon_core.compose import conf, loading
from botcannon_core.compose.spec import ServiceSpec
from botcannon_core.errors import ComposeError
from botcannon_core.ledger import conf as stored_conf
from botcannon_core.ledger.cancels import nothing_runs
from botcannon_core.ledger.history import History
from botcannon_core.ledger.memory import forgetful


def resolved(project: Project, ask: conf.Ask) -> ServiceSpec:
    """The service that was named, with real kwargs. Raises ComposeError."""
    spec, name = project.reading.spec, project.name
    if name not in spec.services:
        raise ComposeError(project.reading.broken[name])
    stored = stored_conf.stored(project.store, conf.keys(spec, (name,)), prepare.is_given)
    found = conf.resolve(spec, (name,), stored, ask)
    if found.problems:
        raise ComposeError(found.problems)
    return found.spec.services[name]


def handles(project: Project, spec: ServiceSpec) -> dict[str, Callable[[], Any]]:
    """What a class may ask for by name, but for the shell: nothing is remembered, nobody is told."""
    return {
        **loading.extras(spec),
        "ledger": partial(History, project.store.copier()),
        "hidden": lambda: spec.hidden,
        "memory": forgetful,
        "progress": lambda: unheard,
        "cancel": lambda: nothing_runs,
    }
