"""The types without parts: string int float bool datetime decimal uuid bytes, and any.

A value of the right type is taken; so is its text for the four that JSON does not have, an int for a
float, and a number for a decimal. Nothing else is converted. Not here: types with parts (nested).
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

from botcannon_core.contract.kind import Kind, named
from botcannon_core.contract.problem import Spot

MOST_DIGITS = 4000  # of a number as text; Python itself refuses to read more than 4,300
_TRUE, _FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


@dataclass(frozen=True)
class Scalar(Kind):
    """One of the types without parts; `SCALARS` holds them by name."""

    name: str

    def read(self, value: Any, spot: Spot) -> Any:
        """`value`, or what its text says for a type that JSON does not have."""
        try:
            return self._rules.read(value)
        except _UNFIT:
            is_form = isinstance(value, str) and self.name in _HAVE_A_FORM
            found = "text that is none" if is_form else named(value)
            hint = "; put it in quotes" if self.name == "string" and _is_number(value) else ""
            spot.refuse(f"must be {self._rules.wanted}, is {found}{hint}")

    def typed(self, text: str, spot: Spot) -> Any:
        """What was typed, as text everywhere else."""
        try:
            return self._rules.typed(text)
        except _UNFIT:
            spot.refuse(f"must be {self._rules.wanted}")

    def json_schema(self) -> dict[str, Any]:
        """Its JSON type, with a format where that is text."""
        return dict(self._rules.schema)

    def is_exactly(self, value: Any) -> bool:
        """Whether it is of this very type; bool is not int."""
        return type(value) is self._rules.type

    def __str__(self) -> str:
        return self.name

    @property
    def _rules(self) -> _Rules:
        return _RULES[self.name]


@dataclass(frozen=True)
class Anything(Kind):
    """Whatever there is, unchecked."""

    def read(self, value: Any, spot: Spot) -> Any:  # noqa: ARG002 - nothing can be wrong
        """`value` itself."""
        return value

    def typed(self, text: str, spot: Spot) -> Any:  # noqa: ARG002 - nothing can be wrong
        """A number, a truth value, a list or a mapping if it is written as in JSON, else the text."""
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            return text
        # 007 and 1e5 stay as typed; so does text in quotes
        is_written_so = isinstance(value, dict | list | bool) or str(value) == text
        return value if is_written_so or value is None else text

    def json_schema(self) -> dict[str, Any]:
        """The schema that everything fits."""
        return {}

    def is_exactly(self, value: Any) -> bool:  # noqa: ARG002 - it is, whatever it is
        """True: nothing is converted."""
        return True

    def __str__(self) -> str:
        return "any"


@dataclass(frozen=True)
class _Rules:
    """How one scalar reads; both functions raise for what is none."""

    type: type
    wanted: str
    read: Callable[[Any], Any]
    typed: Callable[[str], Any]
    schema: Mapping[str, Any]


def _only(wanted: type) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        if not isinstance(value, wanted) or (isinstance(value, bool) and wanted is not bool):
            raise TypeError
        return value

    return read


def _float(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError
    return float(value)


def _decimal(value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        raise TypeError
    # a fraction as it is written: 9.95 becomes 9.95 and not what a float makes of it
    found = Decimal(repr(float(value))) if isinstance(value, float) else Decimal(_short(value))
    if not found.is_finite():
        raise ValueError
    return found


def _datetime(value: Any) -> datetime:
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime.combine(value, time())
    return datetime.fromisoformat(_only(str)(value).strip())


def _uuid(value: Any) -> UUID:
    return value if isinstance(value, UUID) else UUID(_only(str)(value).strip())


def _bytes(value: Any) -> bytes:
    if isinstance(value, bytes | bytearray):
        return bytes(value)
    try:
        return base64.b64decode(_only(str)(value), validate=True)
    except binascii.Error:
        raise ValueError from None


def _short(value: Any) -> Any:
    if isinstance(value, str) and len(value) > MOST_DIGITS:
        raise ValueError
    return value


def _switch(text: str) -> bool:
    if text.lower() not in _TRUE + _FALSE:
        raise ValueError
    return text.lower() in _TRUE


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float)


_RULES = {
    "string": _Rules(str, "text", _only(str), str, {"type": "string"}),
    "int": _Rules(
        int, "a whole number", _only(int), lambda text: int(_short(text)), {"type": "integer"}
    ),
    "float": _Rules(
        float, "a number", _float, lambda text: float(_short(text)), {"type": "number"}
    ),
    "bool": _Rules(bool, "true or false", _only(bool), _switch, {"type": "boolean"}),
    "datetime": _Rules(
        datetime,
        "a date and time such as 2024-12-31T23:59:00+00:00",
        _datetime,
        _datetime,
        {"type": "string", "format": "date-time"},
    ),
    "decimal": _Rules(
        Decimal,
        "a decimal such as 9.95",
        _decimal,
        _decimal,
        {"type": ["string", "number"], "format": "decimal"},
    ),
    "uuid": _Rules(UUID, "a UUID", _uuid, _uuid, {"type": "string", "format": "uuid"}),
    "bytes": _Rules(
        bytes,
        "bytes (base64 where they are text)",
        _bytes,
        _bytes,
        {"type": "string", "contentEncoding": "base64"},
    ),
}
_UNFIT = (ValueError, ArithmeticError, TypeError)
_HAVE_A_FORM = ("datetime", "decimal", "uuid", "bytes")

SCALARS: Mapping[str, Kind] = {name: Scalar(name) for name in _RULES} | {"any": Anything()}
"""Every type without parts, by its name."""
