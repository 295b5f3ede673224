"""A shell of long and showy commands, for tests of progress, views and files."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

from botcannon_core.file import File

Progress = Callable[..., None]


class Gauge:
    """Knows better how it looks."""

    level = 7

    def _repr_chat_(self) -> str:
        return "[#######   ]"


class Plot:
    """Looks like a file."""

    def _repr_chat_(self) -> File:
        return File("plot.png", b"\x89PNG")


class Sick:
    """Cannot say how it looks."""

    def _repr_chat_(self) -> str:
        raise RuntimeError("no display")


class Long:
    """Takes its time."""

    gauge = Gauge()
    plan = Path("plan.txt")

    def copy(self, what: str, progress: Progress, times: int = 2) -> str:
        """Copy something."""
        for n in range(times):
            progress(f"copying {what}", (n + 1) / times)
        return f"{what} is copied"

    def quiet(self, *, progress: Progress = print, name: str = "x") -> str:
        progress(0.5)
        return name

    def any(self, progress: Progress, **options: Any) -> str:
        return ",".join(options)

    def lines(self) -> Iterator[str]:
        yield "one"
        yield "two"

    async def later(self) -> AsyncIterator[dict[str, int]]:
        yield {"a": 1}
        yield {"a": 2}

    def plot(self) -> Plot:
        return Plot()

    def gauges(self) -> list[Gauge]:
        return [Gauge(), Gauge()]

    def sick(self) -> Sick:
        return Sick()

    def chart(self) -> File:
        return File("chart.png", b"\x89PNG\x00", text="the last hour")

    def notes(self) -> File:
        return File("notes.txt", "grüße")

    def lying(self) -> File:
        return File("far.txt", Path("/nowhere/far.txt"))

    def empty(self) -> File:
        return File("empty.txt", b"")

    def big(self) -> File:
        return File("big.bin", b"x" * 2000)

    def files(self) -> list[File]:
        return [File("a.txt", "a"), File("b.bin", b"bb")]

    def find(self, name: str) -> Path:
        """A report from the folder of them."""
        return Path("reports") / name

    def first(self, names: list[str]) -> Path:
        """The first of some."""
        return Path(names[0])

    def report(self, name: str) -> Path:
        return Path(name)

    def made(self) -> Path:
        return Path("made.txt")

    def secret(self) -> Path:
        return Path(".botcannon/key")

    def spoken(self) -> File:
        print("drawing")
        return File("chart.png", b"\x89PNG\x00")
