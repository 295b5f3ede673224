"""How a session measures: how many jobs, how long it looks, where things are kept."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Setting:
    """What holds for every measurement of a session."""

    cache: Path
    scale: float = 1.0  # times the usual number of jobs
    idle_seconds: float = 60.0
    timed_jobs: int = 500
    patience: float = 240.0
    aof: bool = False  # the store writes a log, as the embedded one does
    is_quick: bool = False

    def jobs(self, usual: int) -> int:
        """How many jobs to take where a full run takes `usual`."""
        return max(100, round(usual * self.scale))


def quick(cache: Path, aof: bool) -> Setting:
    """A setting that tries everything in a short time; its figures mean nothing."""
    return Setting(cache, 0.02, 2.0, 20, 60.0, aof, is_quick=True)


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder for one measurement, with a short path; gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
