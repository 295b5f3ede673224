"""A spec as plain data again: a compose file with every default and every kwarg filled in. Pure.

Secrets are `***`, the store's address has no password. What comes out of a file without either can be
read as a compose file and means the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from botcannon_core.compose import conf
from botcannon_core.compose.spec import (
    OF_MANY,
    ClassSpec,
    ComposeSpec,
    Secret,
    ServiceSpec,
    StoreSpec,
)
from botcannon_core.ledger.address import masked
from botcannon_core.units import BYTE, SECOND

TIMES = frozenset(
    {
        "poll",
        "cooldown",
        "timeout",
        "backoff",
        "backoff_max",
        "stop_grace",
        "age",
        "lease",
        "within",
    }
)
SIZES = frozenset({"max_rss", "memory"})
NOT_WRITTEN = frozenset(
    {"name", "place", "hidden", "poll", "extra", "chain", "parts", "handles", "lane"}
)  # `poll` stands in the collector; what rooms made of their keys stands as the keys


def resolved(spec: ComposeSpec) -> dict[str, Any]:
    """The whole file, its sound services in their order."""
    return {
        "namespace": spec.namespace,
        "store": _store(spec.store),
        **{key: _shown(value) for key, value in spec.extra.items()},
        "services": {name: _service(one) for name, one in spec.services.items()},
    }


def _store(store: StoreSpec) -> dict[str, Any]:
    return {**({"url": masked(store.url)} if store.url else {}), "fsync": store.fsync}


def _service(service: ServiceSpec) -> dict[str, Any]:
    found = {
        one.name: _value(one.name, getattr(service, one.name))
        for one in fields(service)
        if one.name not in NOT_WRITTEN and not (one.name == "tasks" and service.chain)
    }
    found |= {**service.extra, **service.chain}
    if service.workers.isolation == "message":
        for name in OF_MANY:  # nobody heeds it, so it may not be written
            del found["workers"][name]
    found["collector"]["poll"] = _written(service.poll, SECOND)
    return {
        name: value
        for name, value in found.items()
        if value not in (None, []) or name in service.extra
    }


def _value(name: str, value: Any) -> Any:
    """What was declared under a name, as YAML writes it."""
    if isinstance(value, ClassSpec):
        return _class(value)
    if isinstance(value, tuple):
        return [_value(name, one) for one in value]
    if is_dataclass(value):
        written = [one.name for one in fields(value) if one.name not in NOT_WRITTEN]
        named = {name: _value(name, getattr(value, name)) for name in written}
        return {name: one for name, one in named.items() if one is not None}
    if name in TIMES:
        return _written(value, SECOND)
    return _written(value, BYTE) if name in SIZES else value


def _shown(value: Any) -> Any:
    """A plain value as it was written, its secrets as ***."""
    if isinstance(value, Secret):
        return repr(value)
    if isinstance(value, dict):
        return {key: _shown(one) for key, one in value.items()}
    return [_shown(one) for one in value] if isinstance(value, list) else value


def _class(one: ClassSpec) -> dict[str, Any]:
    found: dict[str, Any] = {"key": one.key} if one.key else {}
    if one.kwargs or (one.key and one.kwargs is not None):  # a key alone means: found elsewhere
        found["kwargs"] = conf.shown(one)
    return {"file": one.file, "entry": one.entry, **({"conf": found} if found else {})}


def _written(amount: float, units: Mapping[str, float]) -> str | float:
    """In the largest unit in which it is a whole number; bare if there is none."""
    for unit, length in sorted(units.items(), key=lambda item: -item[1]):
        count = round(amount / length)
        if count and abs(count * length - amount) < 1e-9:
            return f"{count}{unit}"
    return amount
