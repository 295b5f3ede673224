"""Times and sizes as people write them, into seconds and bytes. Pure; not a parser for dates."""

from __future__ import annotations

import re

SECOND = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}
BYTE = {"B": 1, "KB": 1024, "MB": 1024**2, "GB": 1024**3, "TB": 1024**4}

LONGEST = 100 * 365 * 86_400.0
"""Seconds: a hundred years, so that no sum of times leaves what a clock can hold."""

TIMES = "a time such as 10ms, 1s, 5m, 1h, 7d, or a number of seconds"
SIZES = "a size such as 512KB, 512MB, 2GB, or a number of bytes"

_FORM = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*", re.ASCII)


def seconds(value: object) -> float:
    """`10ms`, `1s`, `5m`, `1h`, `7d` or a bare number, as float seconds.

    Raises ValueError, saying what is accepted, for anything else and for times over a hundred years.
    """
    amount = _amount(value, SECOND, "s", TIMES)
    if amount > LONGEST:
        raise ValueError("is longer than a hundred years")
    return amount


def size(value: object) -> int:
    """`512MB` or a bare number, as bytes; KB, MB, GB and TB are powers of 1024.

    Raises ValueError, saying what is accepted, for anything else.
    """
    amount = _amount(value, BYTE, "B", SIZES)
    if amount > BYTE["TB"] * 1024:
        raise ValueError("is larger than 1024TB")
    return round(amount)


def _amount(
    value: object, units: dict[str, float] | dict[str, int], bare: str, wanted: str
) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(f"must be {wanted}")
    match = _FORM.fullmatch(value) if isinstance(value, str) else None
    if isinstance(value, str) and match is None:
        raise ValueError(f"must be {wanted}")
    number, unit = (match[1], match[2] or bare) if match else (value, bare)
    factor = {name.lower(): factor for name, factor in units.items()}.get(unit.lower())
    if factor is None:
        raise ValueError(f"has the unknown unit {unit!r}; must be {wanted}")
    if not 0 <= float(number) < float("inf"):  # so refuses nan too
        raise ValueError(f"must be {wanted}")
    return float(number) * factor
