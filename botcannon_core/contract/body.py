"""Typed values as one JSON text that keeps their types, so that a message stays strings.

What JSON has is written as it is; everything else is an object with one name that begins with $, as
{"$decimal": "9.95"}. A user's own object of that look is wrapped, so that nobody can pass one off. Not
here: what the values may be (the contract says that before or after).
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable, Mapping, Set
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from botcannon_core.contract.outside import text
from botcannon_core.contract.problem import ContractError, Problem, Step

_NEVER = "cannot travel in a message"


def pack(values: Mapping[str, Any]) -> str:
    """The values as one text; `unpack` gives back equal ones of the same types.

    A tuple becomes a list. Raises ContractError, naming the path, for what is of no type that the
    language has.
    """
    packed = {name: _packed(one, (name,)) for name, one in _named(values).items()}
    try:
        found = json.dumps(packed, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        found.encode()
    except UnicodeEncodeError:  # half a character, as JSON may bring one; written as its number
        return json.dumps(packed, separators=(",", ":"))
    except RecursionError:
        raise _error((), f"{_NEVER}: it is nested too deeply") from None
    except ValueError:  # digits without end
        raise _error((), f"{_NEVER}: a number with too many digits") from None
    return found


def unpack(text: str) -> dict[str, Any]:
    """The values in a text that `pack` made, or that somebody wrote alike; else raises ContractError."""
    try:
        found = json.loads(text)
        if not isinstance(found, dict):
            raise ValueError("not an object")
        return {name: _unpacked(one, (name,)) for name, one in found.items()}
    except RecursionError:
        raise _error((), "is nested too deeply") from None
    except ValueError:
        raise _error((), "must be a JSON object") from None


def _named(values: Mapping[str, Any]) -> Mapping[str, Any]:
    for name in values:
        if not isinstance(name, str):
            raise _error((), f"has a name that is no text, but of type {type(name).__name__}")
    return values


def _packed(value: Any, steps: tuple[Step, ...]) -> Any:
    if value is None or isinstance(value, bool):
        return value
    for types, pack_one in _PACK:
        if isinstance(value, types):
            try:
                return pack_one(value, steps)
            except RecursionError:
                raise _error(steps[:1], f"{_NEVER}: it is nested too deeply") from None
    kind = f"{type(value).__module__}.{type(value).__qualname__}"
    raise _error(steps, f"{_NEVER}: it is of type {kind}; give what it is made of")


def _float(value: float, _: tuple[Step, ...]) -> Any:
    return float(value) if math.isfinite(value) else {"$float": str(float(value))}


def _mapping(value: Mapping[Any, Any], steps: tuple[Step, ...]) -> Any:
    if not all(isinstance(name, str) for name in value):
        pairs = [(_packed(n, steps), _packed(v, (*steps, str(n)))) for n, v in value.items()]
        return {"$mapping": pairs}
    packed = {str(name): _packed(one, (*steps, name)) for name, one in value.items()}
    return {"$dict": packed} if _looks_marked(packed) else packed


def _list(value: Any, steps: tuple[Step, ...]) -> list[Any]:
    return [_packed(one, (*steps, at)) for at, one in enumerate(value)]


def _marked(mark: str) -> Callable[[Any, tuple[Step, ...]], Any]:
    return lambda value, _: {mark: text(value)}


def _looks_marked(value: Mapping[str, Any]) -> bool:
    return len(value) == 1 and next(iter(value)).startswith("$")


def _unpacked(value: Any, steps: tuple[Step, ...]) -> Any:
    if isinstance(value, list):
        return [_unpacked(one, (*steps, at)) for at, one in enumerate(value)]
    if not isinstance(value, dict):
        return value
    if _looks_marked(value) and (mark := next(iter(value))) in _UNPACK:
        try:
            return _UNPACK[mark](value[mark], steps)
        except (ValueError, TypeError, ArithmeticError, AttributeError):
            raise _error(steps, f"says {mark} and is none") from None
    return {name: _unpacked(one, (*steps, name)) for name, one in value.items()}


def _dict(value: Any, steps: tuple[Step, ...]) -> Any:
    return {name: _unpacked(one, (*steps, name)) for name, one in value.items()}


def _pairs(value: Any, steps: tuple[Step, ...]) -> Any:
    return {_unpacked(name, steps): _unpacked(one, (*steps, str(name))) for name, one in value}


def _error(steps: tuple[Step, ...], problem: str) -> ContractError:
    return ContractError([Problem(steps, problem)])


_PACK: tuple[tuple[Any, Callable[[Any, tuple[Step, ...]], Any]], ...] = (
    (str, lambda value, _: str(value)),
    (int, lambda value, _: int(value)),
    (float, _float),
    (Mapping, _mapping),
    ((list, tuple), _list),
    (Set, lambda value, steps: {"$set": _list(sorted(value, key=repr), steps)}),
    (datetime, _marked("$datetime")),
    (Decimal, _marked("$decimal")),
    (UUID, _marked("$uuid")),
    ((bytes, bytearray), _marked("$bytes")),
)
_UNPACK: Mapping[str, Callable[[Any, tuple[Step, ...]], Any]] = {
    "$dict": _dict,
    "$mapping": _pairs,
    "$float": lambda value, _: float(value),
    "$set": lambda value, steps: set(_unpacked(value, steps)),
    "$datetime": lambda value, _: datetime.fromisoformat(value),
    "$decimal": lambda value, _: Decimal(value),
    "$uuid": lambda value, _: UUID(value),
    "$bytes": lambda value, _: base64.b64decode(value, validate=True),
}
