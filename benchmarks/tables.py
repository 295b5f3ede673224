"""From a session to Markdown: the peers beside botcannon, and botcannon beside what it is to reach."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from benchmarks.figures import LATENCIES, Spread, spread
from benchmarks.peers.known import PEERS
from benchmarks.rows import MESSAGE, WORKER
from benchmarks.session import Session

OURS = (
    (MESSAGE, "**botcannon, `isolation: message`**", True),
    (WORKER, "**botcannon, `isolation: worker`**", False),
)


@dataclass(frozen=True)
class Goal:
    """What one figure is to reach: at least, or at most, `bound`; `found` reads it from a session."""

    what: str
    found: Callable[[Session], dict[int, float]]  # by round
    bound: float
    unit: str = ""
    is_ceiling: bool = False

    @property
    def wanted(self) -> str:
        """The bound in words."""
        return f"{'at most' if self.is_ceiling else 'at least'} {number(self.bound)}{self.unit}"

    def is_reached(self, value: float) -> bool:
        """True if a median is good enough."""
        return value <= self.bound if self.is_ceiling else value >= self.bound


def value(row: str, name: str) -> Callable[[Session], dict[int, float]]:
    """A figure as it was measured."""
    return lambda session: session.values(row, name)


def ratio(row: str, name: str, to: str, to_name: str) -> Callable[[Session], dict[int, float]]:
    """One figure as a multiple of another one of the same round."""

    def found(session: Session) -> dict[int, float]:
        ours, theirs = session.values(row, name), session.values(to, to_name)
        return {n: ours[n] / theirs[n] for n in ours if theirs.get(n)}

    return found


def goals() -> list[Goal]:
    """Everything that botcannon is to reach."""
    both = ((MESSAGE, "message"), (WORKER, "worker"))
    times = " x"
    return [
        Goal(
            "`message`: rate / RQ with fork",
            ratio(f"{MESSAGE}:rate", "rate", "rq:rate", "rate"),
            20,
            times,
        ),
        Goal(
            "`worker`: rate / huey", ratio(f"{WORKER}:rate", "rate", "huey:rate", "rate"), 10, times
        ),
        Goal("collector to stream, messages/s", value("botcannon:collector", "rate"), 50_000),
        *_latency(MESSAGE, "message", {"p50": 1.2, "p99": 2.5}),
        *_latency(WORKER, "worker", {"p50": 0.6, "p99": 1.2}),
        Goal("`up` to the first answer", value("botcannon:first", "seconds"), 0.6, " s", True),
        Goal("idle memory, PSS", value("botcannon:idle", "memory"), 45, " MB", True),
        Goal("idle CPU, of a core", value("botcannon:idle", "cpu"), 0.3, " %", True),
        *(
            goal
            for subject, mode in both
            for goal in (
                _growth(f"`{mode}`: 1,000,000 queued / 10,000", subject, "queued", 0.9),
                _growth(f"`{mode}`: 20 services / 1", subject, "services", 0.8),
                _growth(f"`{mode}`: 64 workers / 2", subject, "workers", 1.0),
                _growth(f"`{mode}`: 1 ms to the store / none", subject, "delayed", 0.8),
            )
        ),
    ]


def document(session: Session) -> str:
    """The whole session as a page of Markdown."""
    parts = [
        heading(session),
        peers_table(session),
        reach_table(session),
        limits(session),
        commands_table(session),
        failures(session),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def heading(session: Session) -> str:
    """When, where and how it was measured."""
    about = session.about
    count = rounds(session)
    medians = f"Medians of {count} rounds, lowest and highest in brackets." if count > 1 else ""
    warning = "**Tried with `--quick`: these figures mean nothing.**" if about.get("quick") else ""
    text = (
        f"Measured on {time.strftime('%Y-%m-%d', time.gmtime(about['began']))} by "
        f"`{about['command']}` at {about['commit']}: {about['cores']} cores, "
        f"{about['memory_gb']} GB, {about['system']}, Python {about['python']}, {about['store']}. "
    )
    return " ".join(part for part in (text.strip(), medians, warning) if part)


def peers_table(session: Session) -> str:
    """Jobs a second, latency and memory of everybody, the fastest first."""
    isolating = {"rq"}
    subjects = [(peer.name, peer.title, peer.name in isolating) for peer in PEERS]
    known = [one for one in [*OURS, *subjects] if _has_any(session, one[0])]

    def speed(one: tuple[str, str, bool]) -> float:
        rates = session.values(f"{one[0]}:rate", "rate")
        return -spread(list(rates.values())).median if rates else 0.0

    lines = []
    for subject, title, isolates in sorted(known, key=speed):
        cells = [shown(session.values(f"{subject}:rate", "rate"))]
        cells += [shown(session.values(f"{subject}:latency", name)) for name in LATENCIES]
        cells += [shown(session.values(f"{subject}:memory", "memory"))]
        lines.append([title, "yes" if isolates else "", *cells])
    after = ["p50 ms", "p99 ms", "p50 rested", "p99 rested"]
    heads = ["", "a process for each job", "jobs/s", *after, "idle memory MB"]
    return table(heads, lines) if lines else ""


def reach_table(session: Session) -> str:
    """Botcannon's figures, each with what it is to reach, and whether it does."""
    lines = []
    for goal in goals():
        found = goal.found(session)
        if found:
            reached = goal.is_reached(spread(list(found.values())).median)
            lines.append(
                [goal.what, goal.wanted, shown(found) + goal.unit, "yes" if reached else "**no**"]
            )
    return table(["what", "wanted", "measured", "reached"], lines) if lines else ""


def limits(session: Session) -> str:
    """What the machine itself can do."""
    loop = session.values("machine:loop", "rate")
    small, large = (session.values("machine:fork", name) for name in ("small", "large"))
    if not (loop and small and large):
        return ""
    return (
        f"The machine's own limits: a bare loop in Python that reads batches of 100, writes an answer "
        f"and acknowledges reaches {shown(loop)} messages/s in one process; fork, exit and wait of a "
        f"Python process cost {shown(small)} ms when it has imported nothing, {shown(large)} ms with "
        "redis, fire, yaml and psutil."
    )


def commands_table(session: Session) -> str:
    """How the workers of each that was measured were started."""
    ours = [(subject, title, "botcannon up --only=workers") for subject, title, _ in OURS]
    theirs = [(peer.name, peer.title, peer.command) for peer in PEERS]
    known = [one for one in [*ours, *theirs] if _has_any(session, one[0])]
    lines = [[title, f"`{command}`"] for _, title, command in known]
    return table(["", "workers"], lines) if lines else ""


def failures(session: Session) -> str:
    """What could not be measured, and why."""
    failed = [record for record in session.records if record.error]
    lines = [f"- {r.row}, round {r.round + 1}: {r.error.splitlines()[0]}" for r in failed]
    return "\n".join(["Not measured:", "", *lines]) if lines else ""


def table(heads: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    rows = [heads, ["---"] * len(heads), *lines]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def shown(values: dict[int, float]) -> str:
    """A median with its spread; a dash for nothing."""
    return told(spread(list(values.values()))) if values else "-"


def told(found: Spread) -> str:
    """`1,234 (1,200-1,300)`; alone if there was but one."""
    if found.count == 1:
        return number(found.median)
    return f"{number(found.median)} ({number(found.low)}-{number(found.high)})"


def number(value: float) -> str:
    """Three digits that mean something: `12,300`, `12.3`, `0.123`."""
    if value >= 100:
        digits = len(str(int(value))) - 3
        return f"{round(value, -digits):,.0f}"
    return f"{value:.3g}"


def rounds(session: Session) -> int:
    """How many rounds there were."""
    return len({record.round for record in session.records})


def _has_any(session: Session, subject: str) -> bool:
    return any(record.row.startswith(f"{subject}:") and record.values for record in session.records)


def _latency(subject: str, mode: str, bounds: dict[str, float]) -> Iterator[Goal]:
    """In milliseconds, and beside huey's; with no rest before a job, and with one."""
    row = f"{subject}:latency"
    for name in LATENCIES:
        what, bound = name.replace("_", " "), bounds[name.partition("_")[0]]
        yield Goal(f"`{mode}`: latency {what}", value(row, name), bound, " ms", True)
    if subject == MESSAGE:
        for name in LATENCIES:
            beside = ratio(row, name, "huey:latency", name)
            yield Goal(f"`{mode}`: {name.replace('_', ' ')} / huey's", beside, 1, " x", True)


def _growth(what: str, subject: str, aspect: str, bound: float) -> Goal:
    row = f"{subject}:{aspect}"
    found = {
        "queued": ratio(row, "many", row, "few"),
        "services": ratio(row, "rate", f"{subject}:whole", "rate"),
        "workers": ratio(row, "rate", f"{subject}:rate", "rate"),
        "delayed": ratio(row, "far", row, "near"),
    }
    return Goal(what, found[aspect], bound, " x")
