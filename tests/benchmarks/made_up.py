"""A session that never was, with figures that are easy to reckon with."""

from typing import Any

from benchmarks.session import Record, Session

ABOUT: dict[str, Any] = {
    "began": 0.0,
    "quick": False,
    "command": "python -m benchmarks",
    "commit": "abc",
    "cores": 2,
    "memory_gb": 4,
    "system": "Linux",
    "python": "3.11",
    "store": "Valkey 9",
}


def session(*records: tuple[str, int, dict[str, float]]) -> Session:
    """Records by row, round and values; without values it is one that failed."""
    made = [Record(row, n, 0.0, 1.0, v, "" if v else "Broken: why\nmore") for row, n, v in records]
    return Session(dict(ABOUT), made)
