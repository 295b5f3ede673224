"""A flame graph: which functions the processes are in, drawn from samples that py-spy took from outside.

py-spy finds a new process a few times a second, so a worker that lives for one message is hardly ever
seen: its costs are in the tables. Here: recording, reading what was recorded, drawing.
"""

from __future__ import annotations

import re
import subprocess
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

from benchmarks.cannon import Isolation, ended, feed, project, room, service
from benchmarks.environments import environment
from benchmarks.measured import JOBS
from benchmarks.profile.processes import ROLES
from benchmarks.setting import Setting

PY_SPY = "py-spy==0.4.3"
RATE = 200  # samples a second
WIDTH, LINE = 1200, 17
LEAST_PIXELS = 0.6  # what is narrower is not drawn
_PROCESS = re.compile(
    r'process \d+:(?:"[^"]*"|[^;]*);?'
)  # before its frames; a command may have a `;`
_PATH = re.compile(r"\((?:\S*?/)?((?:[\w.-]+/)?[\w.<> -]+:\d+)\)$")


@dataclass
class Frame:
    """A function as it was called from the one below it, and in how many samples."""

    name: str
    samples: int = 0
    calls: dict[str, Frame] = field(default_factory=dict)


def recorded(how: Setting, isolation: Isolation, seconds: float) -> list[str]:
    """What py-spy saw while a queue was emptied: stacks with counts, one a line."""
    tool = environment(how.cache, "py-spy", (PY_SPY,))
    count = 4 * how.jobs(JOBS[isolation])
    with project(how) as (bot, store):
        bot.fill(service(feed(count), "Noop", isolation, **room(count)), how.patience)
        out = bot.folder / "stacks.txt"
        with bot.up("--only=workers") as up:
            bot.watch(up, ended(store.client, "bench"), 1, how.patience)
            words = [tool.program("py-spy"), "record", "--pid", str(up.pid), "--subprocesses"]
            words += [
                "--format",
                "raw",
                "--rate",
                str(RATE),
                "--duration",
                str(max(1, int(seconds))),
            ]
            subprocess.run([*words, "--output", str(out)], check=True, capture_output=True)
        return out.read_text().splitlines()


def folded(lines: list[str], isolation: Isolation) -> Frame:
    """The tree of calls; processes of one role are one."""
    root = Frame("all")
    for line in lines:
        stack, _, count = line.rpartition(" ")
        if not count.isdigit():
            continue
        root.samples += int(count)
        frame = root
        for name in _names(stack, ROLES[isolation]):
            frame = frame.calls.setdefault(name, Frame(name))
            frame.samples += int(count)
    return root


def busiest(root: Frame, most: int = 15) -> list[tuple[str, float]]:
    """The functions that were running themselves, not what they called, by share of the samples."""
    own: dict[str, int] = {}
    for frame in _all(root):
        called = sum(call.samples for call in frame.calls.values())
        own[frame.name] = own.get(frame.name, 0) + frame.samples - called
    ordered = sorted(own.items(), key=lambda one: -one[1])[:most]
    return [(name, samples / max(1, root.samples)) for name, samples in ordered if samples]


def drawn(root: Frame, title: str) -> str:
    """The graph as SVG: the wider, the more often seen; each box tells its name and share."""
    boxes = list(_boxes(root, 0.0, 0, WIDTH / max(1, root.samples)))
    depth = max(level for _, _, level, _ in boxes) + 1
    height = (depth + 1) * LINE + 8
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        'font-family="monospace" font-size="11">',
        f'<text x="4" y="12" fill="#868e96">{escape(title)}</text>',
    ]
    for frame, left, level, width in boxes:
        top = height - (level + 1) * LINE
        share = frame.samples / max(1, root.samples)
        letters = int(width / 6.7)
        text = frame.name if len(frame.name) <= letters else frame.name[: max(0, letters - 1)]
        shown = (
            f'<text x="{left + 2:.1f}" y="{top + 12}">{escape(text)}</text>' if letters > 3 else ""
        )
        parts.append(
            f"<g><title>{escape(frame.name)}: {share:.1%}</title>"
            f'<rect x="{left:.1f}" y="{top}" width="{width:.1f}" height="{LINE - 1}" '
            f'fill="{_colour(frame.name)}"/>{shown}</g>'
        )
    return "\n".join([*parts, "</svg>"]) + "\n"


def save(root: Frame, title: str, path: Path) -> None:
    """Draw it into a file."""
    path.write_text(drawn(root, title))


def _boxes(
    frame: Frame, left: float, level: int, scale: float
) -> Iterator[tuple[Frame, float, int, float]]:
    width = frame.samples * scale
    if width < LEAST_PIXELS and level:
        return
    yield frame, left, level, width
    for call in sorted(frame.calls.values(), key=lambda one: one.name):
        yield from _boxes(call, left, level + 1, scale)
        left += call.samples * scale


def _all(frame: Frame) -> Iterator[Frame]:
    yield frame
    for call in frame.calls.values():
        yield from _all(call)


def _names(stack: str, roles: Sequence[str]) -> Iterator[str]:
    """The frames of a line, without paths: which process, then its calls. Its parents' are left out."""
    depth = len(_PROCESS.findall(stack))
    if depth:
        yield roles[min(depth, len(roles)) - 1]
    for part in _PROCESS.split(stack)[-1].split(";"):
        yield _PATH.sub(r"(\1)", part.strip())


def _colour(name: str) -> str:
    shade = zlib.crc32(name.partition(" ")[0].encode()) % 60
    return f"hsl({15 + shade // 2} {70 + shade // 4}% {62 + shade // 5}%)"
