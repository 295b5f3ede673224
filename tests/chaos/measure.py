"""How long it takes until work goes on after a kill: `python -m tests.chaos.measure` prints a table.

Not a test: how fast this machine is decides, and the numbers are for the documentation.
"""

import os
import signal
import statistics
import time
from collections.abc import Callable
from typing import Any

import psutil

from botcannon_core.ledger.presence import present
from tests.story.hosts_here import KEYS, Hosts, hosts

TIMES = 5
SERVICE = """
collector: {file: bot, entry: Door}
tasks: [{file: bot, entry: Work}]
workers: {hot: 2, max: 4, env: [SHARED]}
restart: {max: 1000}
deliver: {tries: 3, lease: 15s}
"""
# a message `n` hangs in its first try if it says so; `release` lets it end
BOT = """
import json, os, time


def note(file, **fields):
    with open(os.path.join(os.environ["SHARED"], file), "a") as written:
        written.write(json.dumps({**fields, "pid": os.getpid(), "at": time.time()}) + "\\n")


class Door:
    every_outcome = True

    def read(self):
        return None

    def taskback(self, message):
        note("backs", n=message["n"])


class Work:
    def task(self, message, results):
        n, folder = message["n"], os.environ["SHARED"]
        mine = os.path.join(folder, f"tried-{n}")
        first = not os.path.exists(mine)
        open(mine, "a").close()
        note("runs", n=n, host=os.environ["BOTCANNON_HOST"])
        while "hang" in message and first and not os.path.exists(mine + "-release"):
            time.sleep(0.001)
        return {"ok": "1"}
"""


class Scene:
    """Two hosts, and messages that hang until something is done to whoever runs them."""

    def __init__(self, here: Hosts) -> None:
        self.here = here
        self._number = 0

    def hanging(self) -> tuple[str, dict[str, Any]]:
        """A message that hangs in its first try: its number, and the run."""
        self._number += 1
        n = str(self._number)
        self.put({"n": n, "hang": "1"})
        return n, self.here.until(lambda: self.runs(n), f"{n} runs")[0]

    def put(self, fields: dict[str, str]) -> None:
        asked_by: Any = {"_from": "nobody:1:1"}
        self.here.store.client.hincrby(KEYS.key("counts"), "stored", 1)
        self.here.store.client.xadd(KEYS.data, fields | asked_by)

    def runs(self, n: str) -> list[dict[str, Any]]:
        return [run for run in self.here.lines("runs") if run["n"] == n]

    def backs(self, n: str) -> list[dict[str, Any]]:
        return [back for back in self.here.lines("backs") if back["n"] == n]

    def until_again(self, n: str, since: float) -> float:
        again = self.here.until(lambda: self.runs(n)[1:], f"{n} runs again")[0]
        return float(again["at"] - since)

    def pid_of(self, part: str, host: str) -> int:
        def alive() -> list[int]:
            found = present(self.here.store.client, KEYS)
            ours = [one.pid for one in found if one.part == part and one.life.startswith(host)]
            return [pid for pid in ours if psutil.pid_exists(pid)]

        return int(self.here.until(alive, f"{part} of {host} is there")[0])


def worker_dies(scene: Scene) -> float:
    n, run = scene.hanging()
    since = killed(run["pid"])
    return scene.until_again(n, since)


def pool_dies(scene: Scene) -> float:
    n, run = scene.hanging()
    _, pool, *_ = psutil.Process(run["pid"]).parents()
    since = killed(pool.pid)
    return scene.until_again(n, since)


def forker_dies(scene: Scene) -> float:
    n, run = scene.hanging()
    since = killed(psutil.Process(run["pid"]).parents()[0].pid)
    return scene.until_again(n, since)


def intake_dies(scene: Scene) -> float:
    n, _ = scene.hanging()
    since = killed(scene.pid_of("intake", "a"))
    (scene.here.folder / f"tried-{n}-release").touch()
    back = scene.here.until(lambda: scene.backs(n), f"the answer to {n} is there")[0]
    time.sleep(1.5)  # presence is told by then
    return float(back["at"] - since)


def store_restarts(scene: Scene) -> float:
    scene.here.store.end(signal.SIGKILL)
    scene.here.store.start()
    since = time.time()
    scene._number += 1
    n = str(scene._number)
    scene.put({"n": n})
    back = scene.here.until(lambda: scene.backs(n), f"the answer to {n} is there")[0]
    return float(back["at"] - since)


def killed(pid: int) -> float:
    since = time.time()
    os.kill(pid, signal.SIGKILL)
    return since


def host_dies() -> float:
    """Everything of one host is killed; the other takes its message over."""
    with hosts(SERVICE, BOT) as here:
        scene = Scene(here)
        here.up("a", "--only=workers")
        n, run = scene.hanging()
        here.up("b", "--only=workers")
        scene.pid_of("pool", "b")
        time.sleep(3.0)  # its worker is ready
        worker = psutil.Process(run["pid"])
        family = [worker, *worker.parents()[:3]]
        since = time.time()
        for one in reversed(family):
            one.send_signal(signal.SIGSTOP)
        for one in family:
            one.send_signal(signal.SIGKILL)
        return scene.until_again(n, since)


def show(what: str, measured: list[float]) -> None:
    middle, worst = statistics.median(measured), max(measured)
    print(f"{what:58} {middle:8.3f} s {worst:8.3f} s", flush=True)


def main() -> None:
    """Measure everything, and print a row each: the median and the worst."""
    print(f"{'until work goes on, of ' + str(TIMES) + ' times':58} {'median':>10} {'worst':>10}")
    rows: list[tuple[str, Callable[[Scene], float]]] = [
        ("a worker is killed: its message runs again", worker_dies),
        ("a forker is killed: its messages run again", forker_dies),
        ("a pool is killed: its messages run again on this host", pool_dies),
        ("an intake is killed: the next answer is delivered", intake_dies),
        ("the store is killed and back: a message is answered", store_restarts),
    ]
    for what, measure in rows:
        with hosts(SERVICE, BOT) as here:
            here.up("a")
            scene = Scene(here)
            scene.pid_of("intake", "a")
            show(what, [measure(scene) for _ in range(TIMES)])
    show("a host dies: another has its message (lease 15 s)", [host_dies()])


if __name__ == "__main__":
    main()
