"""Kwargs from a compose file under the annotations of the constructor (or function) that takes them.

What has no annotation, or one that the type language cannot say, is neither looked at nor changed.
Not here: whether the names are right (fit), and what the types are (contract).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from botcannon_core.compose.inspected import hints
from botcannon_core.compose.spec import Hidden, Secret
from botcannon_core.contract.classes import leniently
from botcannon_core.contract.kind import Kind
from botcannon_core.contract.problem import Problem, Spot


def wrong(entry: Any, kwargs: Mapping[str, Any]) -> Iterator[Problem]:
    """Everything in `kwargs` that is not what `entry` says it takes, with the way to it."""
    for name, kind in _kinds(entry, kwargs):
        spot = Spot((name,), [])
        _read(kind, kwargs[name], spot)
        yield from spot.problems


def fitting(entry: Any, kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """`kwargs` as the annotations have them: texts as datetimes, lists as sets, ints as floats.

    What is wrong stays as it is; whoever wants to know looked before.
    """
    found = dict(kwargs)
    for name, kind in _kinds(entry, kwargs):
        value = _read(kind, kwargs[name], spot := Spot((name,), []))
        if not spot.problems:
            found[name] = value
    return found


def _kinds(entry: Any, kwargs: Mapping[str, Any]) -> Iterator[tuple[str, Kind]]:
    for name, hint in hints(entry).items():
        # a secret that is not found yet has no value to look at
        if name in kwargs and not isinstance(kwargs[name], Secret):
            yield name, leniently(hint)


def _read(kind: Kind, value: Any, spot: Spot) -> Any:
    # a secret is always text, whatever it is meant to be
    return kind.typed(str(value), spot) if isinstance(value, Hidden) else kind.read(value, spot)
