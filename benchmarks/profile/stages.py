"""Where the time of one message goes, stage by stage, when one is asked after the other.

The bot tells when its collector asked, when its worker was forked, constructed, began and ended; the
store's own MONITOR tells when it had the message and when it had the outcome. Nothing is built into
botcannon, so that the stages stay the same however it does them.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from benchmarks.cannon import NAMESPACE, Isolation, project, service
from benchmarks.figures import quantile
from benchmarks.server import Server
from benchmarks.setting import Setting
from botcannon_core.ledger.keys import Keys

Moments = Mapping[str, float]

# stage: from which moment to which, and what happens in it; the first five make up the latency
STAGES: tuple[tuple[str, str, str, str], ...] = (
    ("store", "asked", "stored", "the intake says the message, the store has it"),
    (
        "hand over",
        "stored",
        "begun",
        "the pool reads it, counts a try, gives it to a waiting worker",
    ),
    ("run", "begun", "ended", "the task"),
    ("settle", "ended", "settled", "the worker says how it ended, the store has the outcome"),
    ("bring back", "settled", "back", "the intake reads the taskback, calls the collector"),
    ("all of it", "asked", "back", "the latency"),
    ("fork", "fork", "born", "before its message came: its seat, or the forker, forks"),
    (
        "construct",
        "born",
        "constructed",
        "before its message came: the worker settles in, builds tasks",
    ),
)


@dataclass(frozen=True)
class Stage:
    """One stage over all messages, in milliseconds."""

    name: str
    what: str
    median: float
    p99: float


def stages(how: Setting, isolation: Isolation) -> list[Stage]:
    """Every stage that could be seen; a long-lived worker's fork counts once."""
    conf = {"key": "asker", "kwargs": {"count": how.timed_jobs}}
    asker = {"file": "stages", "entry": "Asker", "conf": conf}
    declared = service(asker, "Stages", isolation)
    declared["tasks"] = [{"file": "stages", "entry": "Stages"}]
    with project(how) as (bot, store):
        bot.declare({"bench": declared})
        with monitored(store) as lines:
            bot.run(patience=how.patience)
        seen = json.loads((bot.folder / "seen.json").read_text())
    return summed(with_store(seen, lines))


def summed(seen: Sequence[Mapping[str, Any]]) -> list[Stage]:
    """The stages of what was seen."""
    found = []
    for name, begin, end, what in STAGES:
        once = {one["worker"]: one for one in seen}.values() if begin in ("fork", "born") else seen
        spans = [
            one["moments"][end] - one["moments"][begin] for one in once if _has(one, begin, end)
        ]
        if spans:
            found.append(Stage(name, what, quantile(spans, 0.5) * 1e3, quantile(spans, 0.99) * 1e3))
    return found


def with_store(seen: Iterable[Mapping[str, Any]], lines: Sequence[str]) -> list[dict[str, Any]]:
    """What was seen, with the moments the store had the message and its outcome."""
    keys = Keys(NAMESPACE, "bench")
    stored, settled = (list(written(lines, key)) for key in (keys.data, keys.taskback))
    found = []
    for one in seen:
        moments = dict(one["moments"])
        for name, times in (("stored", stored), ("settled", settled)):
            within = [when for when in times if moments["asked"] <= when <= moments["back"]]
            if within:
                moments[name] = within[0]
        found.append({**one, "moments": moments})
    return found


def written(lines: Iterable[str], key: str) -> Iterator[float]:
    """When something was added to a stream, from the lines of MONITOR."""
    adds = re.compile(rf'(\d+\.\d+) \[.*?\] "XADD" "{re.escape(key)}"', re.IGNORECASE)
    return (float(found[1]) for line in lines if (found := adds.match(line)))


@contextmanager
def monitored(store: Server) -> Iterator[list[str]]:
    """Every command the store runs meanwhile, as MONITOR writes it."""
    lines: list[str] = []
    connection = store.client.connection_pool.get_connection()
    connection.send_command("MONITOR")
    connection.read_response()

    def listen() -> None:
        try:
            while True:
                lines.append(str(connection.read_response(timeout=None)))
        except Exception:  # noqa: BLE001 - the line was cut, which is how it ends
            return

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    try:
        yield lines
    finally:
        store.client.ping()
        connection.disconnect()
        thread.join(5)


def _has(one: Mapping[str, Any], *names: str) -> bool:
    return all(name in one["moments"] for name in names)
