"""Which process spends the CPU of a message, while a queue is emptied; the store's too. From /proc."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.cannon import Isolation, ended, feed, project, room, service
from benchmarks.figures import STEADY_FROM, STEADY_TO
from benchmarks.measured import JOBS
from benchmarks.processes import TICK
from benchmarks.setting import Setting

ROLES: dict[Isolation, tuple[str, ...]] = {  # by how far they are from the launcher
    "message": ("launcher", "pool", "forker", "seats", "workers"),
    "worker": ("launcher", "pool", "forker", "workers"),
}


@dataclass(frozen=True)
class Share:
    """What one role costs: microseconds of CPU a message, and how much of a core it took."""

    role: str
    per_message: float
    cores: float


def shares(how: Setting, isolation: Isolation) -> tuple[list[Share], float]:
    """What each role costs while the queue is emptied, and at which rate that went."""
    count = how.jobs(JOBS[isolation])
    with project(how) as (bot, store):
        bot.fill(service(feed(count), "Noop", isolation, **room(count)), how.patience)
        look = ended(store.client, "bench")
        with bot.up("--only=workers") as up:
            begin = bot.watch(up, look, count * STEADY_FROM, how.patience)[-1]
            before = {**spent(up.pid, ROLES[isolation]), "store": _spent(store.pid)[0]}
            end = bot.watch(up, look, count * STEADY_TO, how.patience)[-1]
            after = {**spent(up.pid, ROLES[isolation]), "store": _spent(store.pid)[0]}
    return shared(before, after, end[1] - begin[1], end[0] - begin[0])


def shared(
    before: Mapping[str, float], after: Mapping[str, float], messages: int, seconds: float
) -> tuple[list[Share], float]:
    """The shares of roles whose CPU seconds were looked at twice."""
    found = []
    for role in after:
        used = after[role] - before.get(role, 0.0)
        found.append(Share(role, used / messages * 1e6, used / seconds))
    return found, messages / seconds


def spent(launcher: int, roles: Sequence[str]) -> dict[str, float]:
    """CPU seconds so far by role; workers that have ended count among the workers."""
    found = dict.fromkeys(roles, 0.0)
    generation = [psutil.Process(launcher)]
    for depth in range(8):
        role = roles[min(depth, len(roles) - 1)]
        for one in generation:
            own, of_ended = _spent(one.pid)
            found[role] += own
            found["workers"] += of_ended if role in roles[2:] else 0.0
        generation = [child for one in generation for child in _children(one)]
    return found


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children()
    except psutil.NoSuchProcess:
        return []


def _spent(pid: int) -> tuple[float, float]:
    """CPU seconds of a process, and of its children that ended."""
    try:
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0, 0.0
    own, children = sum(map(int, words[11:13])), sum(map(int, words[13:15]))
    return own / TICK, children / TICK
