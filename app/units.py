"""Times and sizes, read from what people type and written as people say them. Pure."""

from __future__ import annotations

SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


def seconds(span: str) -> float:
    """`90s`, `5m`, `2h` or `1d` as seconds.

    Raises ValueError, with a text for the one who typed it, for anything else.
    """
    number, unit = span[:-1], span[-1:]
    try:
        length = float(number) * SECONDS[unit]
    except (ValueError, KeyError):
        length = 0.0
    if not 0 < length < float("inf"):
        raise ValueError(f"'{span}' is no span of time; try 90s, 5m, 2h or 1d.")
    return length


def duration(length: float) -> str:
    """A time in its best unit: `45 s`, `5 min`, `1.5 h`."""
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if length >= size:
            return f"{length / size:.1f}".removesuffix(".0") + f" {unit}"
    return f"{length:.0f} s"


def percent(share: float) -> str:
    """A percentage without the decimals nobody needs: `42 %`."""
    return f"{share:.0f} %"


def size(amount: float) -> str:
    """Bytes in their best unit: `812 B`, `3.4 MB`, `16 GB`."""
    unit = "B"
    for larger in ("KB", "MB", "GB", "TB"):
        if amount < 1000:
            break
        amount, unit = amount / 1024, larger
    return f"{amount:.1f} {unit}" if unit != "B" and amount < 10 else f"{amount:.0f} {unit}"


def rate(amount: float) -> str:
    """Bytes a second in their best unit: `3.4 MB/s`."""
    return f"{size(amount)}/s"
