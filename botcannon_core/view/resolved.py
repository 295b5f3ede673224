"""A spec as plain data again: a compose file with every default and every kwarg filled in. Pure.

Secrets are `***`, the store's address has no password. What comes out of a file without either can be
read as a compose file and means the same.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from botcannon_core.compose import conf
from botcannon_core.compose.spec import ClassSpec, ComposeSpec, ServiceSpec, StoreSpec
from botcannon_core.compose.units import SECOND
from botcannon_core.ledger.address import masked

TIMES = frozenset({"poll", "cooldown", "timeout", "backoff", "backoff_max", "stop_grace", "age"})


def resolved(spec: ComposeSpec) -> dict[str, Any]:
    """The whole file, its sound services in their order."""
    return {
        "namespace": spec.namespace,
        "store": _store(spec.store),
        "services": {name: _service(one) for name, one in spec.services.items()},
    }


def _store(store: StoreSpec) -> dict[str, Any]:
    return {**({"url": masked(store.url)} if store.url else {}), "fsync": store.fsync}


def _service(service: ServiceSpec) -> dict[str, Any]:
    found: dict[str, Any] = {
        "collector": {**_class(service.collector), "poll": _time(service.poll)}
    }
    if service.shell:
        found["shell"] = _class(service.shell)
    if service.tasks:
        found["tasks"] = [_class(task) for task in service.tasks]
    return found | {
        "workers": _table(service.workers),
        "restart": _table(service.restart),
        "stop_grace": _time(service.stop_grace),
        "keep": _table(service.keep),
    }


def _class(one: ClassSpec) -> dict[str, Any]:
    found: dict[str, Any] = {"key": one.key} if one.key else {}
    if one.kwargs or (one.key and one.kwargs is not None):  # a key alone means: found elsewhere
        found["kwargs"] = conf.shown(one)
    return {"file": one.file, "entry": one.entry, **({"conf": found} if found else {})}


def _table(values: Any) -> dict[str, Any]:
    return {n: _time(v) if n in TIMES else v for n, v in asdict(values).items()}


def _time(seconds: float) -> str:
    """In the largest unit in which it is a whole number; `seconds` itself if there is none."""
    for unit, length in sorted(SECOND.items(), key=lambda item: -item[1]):
        count = round(seconds / length)
        if count and abs(count * length - seconds) < 1e-9:
            return f"{count}{unit}"
    return f"{seconds:g}s"
