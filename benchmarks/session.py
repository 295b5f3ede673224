"""A session: every row measured in every round, in turn, and all that was seen kept as JSON.

One round after the other and not one row after the other, so that a machine that gets warm, or busy,
does so for everybody. Each round begins elsewhere, for the same reason.
"""

from __future__ import annotations

import json
import platform
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psutil

from benchmarks.cannon import ROOT
from benchmarks.rows import Row, Values
from benchmarks.server import server, version
from benchmarks.setting import Setting, scratch

Say = Callable[[str], None]


@dataclass(frozen=True)
class Record:
    """One measurement, as it happened; `error` says why it has no values."""

    row: str
    round: int
    began: float
    seconds: float
    values: Values = field(default_factory=dict)
    error: str = ""


@dataclass(frozen=True)
class Session:
    """All records, and where they were made."""

    about: dict[str, Any]
    records: list[Record]

    def save(self, path: Path) -> None:
        """Write it as JSON, whole or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_suffix(".new")
        new.write_text(json.dumps(asdict(self), indent=1))
        new.replace(path)

    def values(self, row: str, name: str) -> dict[int, float]:
        """What was measured of a row, by round."""
        return {r.round: r.values[name] for r in self.records if r.row == row and name in r.values}


def load(path: Path) -> Session:
    """A session that was saved."""
    found = json.loads(path.read_text())
    return Session(found["about"], [Record(**one) for one in found["records"]])


def measure(
    rows: Sequence[Row], rounds: int, how: Setting, into: Session, path: Path, say: Say
) -> None:
    """Measure every row in every round, after the rounds there are; each figure is saved at once."""
    first = 1 + max((record.round for record in into.records), default=-1)
    for number in range(first, first + rounds):
        begin = (number - first) * len(rows) // rounds
        for row in [*rows[begin:], *rows[:begin]]:
            record = _measured(row, number, how)
            into.records.append(record)
            into.save(path)
            shown = " ".join(f"{name} {value:,.4g}" for name, value in record.values.items())
            text = shown or record.error.strip().splitlines()[-1]
            say(f"{number + 1}/{first + rounds} {row.name:26} {text}  ({record.seconds:.0f} s)")


def _measured(row: Row, number: int, how: Setting) -> Record:
    began = time.time()
    clock = time.monotonic()
    try:
        values, error = row.measure(how), ""
    except Exception as failure:  # noqa: BLE001 - one row that fails leaves the others their figures
        values, error = {}, f"{type(failure).__name__}: {failure}"
    return Record(row.name, number, began, time.monotonic() - clock, values, error)


def about(how: Setting, words: Sequence[str]) -> dict[str, Any]:
    """Where and how a session is run, as far as it bears on the figures."""
    with scratch() as folder, server(folder, how.aof) as store:
        store_version = version(store.client)
    return {
        "began": time.time(),
        "quick": how.is_quick,
        "command": " ".join(["python -m benchmarks", *words]),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "cores": psutil.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9),
        "load_before": psutil.getloadavg()[0],
        "store": store_version + (", append-only file" if how.aof else ", nothing on disk"),
        "botcannon": _said(str(ROOT / "botcannon"), "version"),  # and its environment is ready
        "commit": _said("git", "describe", "--always", "--dirty"),
        "scale": how.scale,
    }


def _said(*words: str) -> str:
    ended = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    return ended.stdout.strip()
