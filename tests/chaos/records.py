"""The records of a storm: what the tasks, the collector and the driver wrote down, as things to ask.

Not here: whether that is as it should be (verdict).
"""

from dataclasses import dataclass, replace
from pathlib import Path


@dataclass(frozen=True)
class Run:
    """One run of a message; `end` is None if it did not come to its end. Times since the epoch."""

    number: int
    id: str
    worker: int
    seat: int
    forker: int
    pool: int
    host: str
    begin: float
    end: float | None = None


@dataclass(frozen=True)
class Back:
    """One answer at the collector."""

    number: int
    id: str
    outcome: str
    redelivered: bool
    intake: int
    error: str
    time: float


@dataclass(frozen=True)
class Blow:
    """A strike as it was carried out, from `begin` to `end`; `pid` is 0 where a whole host was meant."""

    what: str
    whom: str
    host: str
    pid: int
    begin: float
    end: float


class Tail:
    """The whole lines that were added to a file since the last look, each as its words."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        self._rest = b""

    def read(self) -> list[list[str]]:
        *lines, self._rest = (self._rest + self._file.read()).split(b"\n")
        return [line.decode().split("\t") for line in lines]

    def close(self) -> None:
        self._file.close()


class Records:
    """All that was written down so far; `look` reads on."""

    def __init__(self, folder: Path) -> None:
        self._runs, self._book = Tail(folder / "runs.txt"), Tail(folder / "book.txt")
        self.runs: dict[tuple[str, int, float], Run] = {}  # by id, worker and begin
        self.open: dict[tuple[str, int], Run] = {}  # begun and not ended, by id and worker
        self.backs: list[Back] = []
        self.stored: dict[str, int] = {}  # id -> number
        self.intakes: dict[str, int] = {}  # host -> pid of its last intake
        self.pools: dict[str, Run] = {}  # host -> its last run
        self.answered: set[int] = set()

    def look(self) -> None:
        for words in self._runs.read():
            self._take_run(words)
        for words in self._book.read():
            self._take_line(words)

    def close(self) -> None:
        self._runs.close()
        self._book.close()

    def runs_of(self) -> dict[str, list[Run]]:
        """The runs of each message, in the order in which they began."""
        found: dict[str, list[Run]] = {}
        for run in sorted(self.runs.values(), key=lambda one: one.begin):
            found.setdefault(run.id, []).append(run)
        return found

    def _take_run(self, words: list[str]) -> None:
        kind, number, entry, worker, seat, forker, pool, host, time = words
        key = (entry, int(worker))
        if kind == "begin":
            ids = map(int, (worker, seat, forker, pool))
            run = Run(int(number), entry, *ids, host, float(time))
            self.open[key] = self.pools[host] = run
        else:
            run = replace(self.open.pop(key), end=float(time))
        self.runs[(run.id, run.worker, run.begin)] = run

    def _take_line(self, words: list[str]) -> None:
        match words:
            case ["began", host, pid, _]:
                self.intakes[host] = int(pid)
            case ["stored", number, entry, _, _]:
                self.stored[entry] = int(number)
            case ["back", number, entry, outcome, again, pid, error, time]:
                told = (outcome, again == "1", int(pid), error, float(time))
                self.backs.append(Back(int(number), entry, *told))
                self.answered.add(int(number))
