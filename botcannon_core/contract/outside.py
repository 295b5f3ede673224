"""Typed values as JSON without marks, for whoever does not know this type language.

What a contract has checked, it takes back from this form. Not here: the form that keeps the types
without a contract (body).
"""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Set
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID


def plain(value: Any) -> Any:
    """`value` in what JSON has: texts for what it lacks, lists for sets, null for no number at all.

    A value of a foreign type becomes its text.
    """
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {_name(name): plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, Set):
        return sorted((plain(one) for one in value), key=repr)  # the same text each time
    return text(value)


def text(value: Any) -> str:
    """The text of a single value, as a contract reads it back."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes | bytearray):
        return base64.b64encode(value).decode()
    return str(value)


def _name(name: Any) -> str:
    if isinstance(name, bool):
        return str(name).lower()
    return text(name) if isinstance(name, datetime | bytes | Decimal | UUID) else str(name)
