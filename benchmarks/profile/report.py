"""The second command: where the time of a message goes, as tables and flame graphs, in both modes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from subprocess import SubprocessError

from benchmarks.cannon import Isolation
from benchmarks.environments import SetUpError
from benchmarks.profile import flame
from benchmarks.profile.processes import Share, shares
from benchmarks.profile.stages import Stage, stages
from benchmarks.setting import Setting
from benchmarks.steady import Broken
from benchmarks.tables import number, table

FLAME_SECONDS = 10.0
MODES: tuple[Isolation, ...] = ("message", "worker")


def profile(how: Setting, folder: Path, say: Callable[[str], None]) -> int:
    """Write `profile.md` and a flame graph for each mode; the exit code is 1 if one was not possible."""
    folder.mkdir(parents=True, exist_ok=True)
    parts, code = [], 0
    for mode in MODES:
        say(f"{mode}: one message after the other")
        in_turn = stages(how, mode)
        say(f"{mode}: a full queue")
        spent, rate = shares(how, mode)
        say(f"{mode}: a full queue, looked into")
        try:
            graph = flame.folded(
                flame.recorded(how, mode, min(FLAME_SECONDS, how.idle_seconds)), mode
            )
            flame.save(graph, f"isolation: {mode}", folder / f"flame-{mode}.svg")
            busiest = flame.busiest(graph)
        except (
            SetUpError,
            Broken,
            OSError,
            SubprocessError,
        ) as error:  # no py-spy, or not allowed to look
            say(f"{mode}: no flame graph: {error}")
            busiest, code = [], 1
        parts += told(mode, in_turn, spent, rate, busiest)
    text = "\n\n".join(parts) + "\n"
    (folder / "profile.md").write_text(text)
    print(text)
    return code


def told(
    mode: Isolation,
    in_turn: Sequence[Stage],
    spent: Sequence[Share],
    rate: float,
    busiest: Sequence[tuple[str, float]],
) -> list[str]:
    """The parts of the page that are about one mode."""
    parts = [
        f"## `isolation: {mode}`",
        "One message after the other, idle workers:",
        table(
            ["stage", "median ms", "p99 ms", ""],
            [[one.name, number(one.median), number(one.p99), one.what] for one in in_turn],
        ),
        f"A full queue, {number(rate)} messages/s:",
        table(
            ["process", "CPU µs/message", "of a core"],
            [[one.role, number(one.per_message), f"{one.cores:.0%}"] for one in spent],
        ),
    ]
    if busiest:
        lines = [[f"`{name}`", f"{share:.1%}"] for name, share in busiest]
        parts += [f"Seen running most often (flame-{mode}.svg):", table(["", "samples"], lines)]
    return parts
