"""Measures a peer: a full queue being emptied, one job after the other, and idle workers."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.environments import Environment, environment
from benchmarks.figures import STEADY_TO, latencies, steady_rate
from benchmarks.peers.known import Peer
from benchmarks.processes import running, wait_while_busy, weight
from benchmarks.server import Server, server
from benchmarks.setting import Setting, scratch
from benchmarks.steady import Broken, watch

JOBS = Path(__file__).with_name("jobs")


@dataclass(frozen=True)
class Scene:
    """One measurement of a peer: its environment, a folder with its job, a store of its own."""

    peer: Peer
    home: Environment
    folder: Path
    store: Server
    extra: dict[str, str]

    @contextmanager
    def workers(self) -> Iterator[list[int]]:
        """Its workers, by the pids of the commands that started them."""
        program, *words = (word.replace("{url}", self.store.url) for word in self.peer.worker)
        command = [self.home.program(program), *words]
        printed = self.folder / "printed.txt"
        with ExitStack() as stack:
            started = [
                stack.enter_context(running(command, self.folder, self.extra, printed))
                for _ in range(self.peer.copies)
            ]
            yield [one.pid for one in started]

    def play(self, verb: str, count: int, patience: float) -> str:
        """Run its client; what it printed. Raises Broken."""
        # imported, not run as a script: a job is known by the name of its module
        code = f"import {self.peer.job}; {self.peer.job}.main()"
        words = [self.home.program("python"), "-c", code, verb, str(count)]
        try:
            ended = subprocess.run(
                words,
                cwd=self.folder,
                env={**os.environ, **self.extra},
                capture_output=True,
                text=True,
                check=False,
                timeout=patience,
            )
        except subprocess.TimeoutExpired:
            raise Broken(f"{verb}: took longer than {patience:g} s") from None
        if ended.returncode:
            raise Broken(f"{verb}: {ended.stderr[-1000:]}")
        return ended.stdout


@contextmanager
def scene(peer: Peer, how: Setting, with_results: bool = False) -> Iterator[Scene]:
    """Everything that one measurement of a peer needs."""
    home = environment(how.cache, _name(peer), peer.packages)
    with scratch() as folder:
        shutil.copytree(JOBS, folder, dirs_exist_ok=True)
        with server(folder, how.aof) as store:
            extra = {
                "BENCH_STORE": store.url,
                "BENCH_RESULTS": "1" if with_results else "0",
                "PYTHONPATH": str(folder),
                "PYTHONDONTWRITEBYTECODE": "1",
            }
            yield Scene(peer, home, folder, store, extra)


def throughput(peer: Peer, how: Setting) -> float:
    """Jobs a second: the queue is filled, then the workers start, and the store is watched."""
    count = how.jobs(peer.jobs)
    with scene(peer, how) as here:
        here.play("fill", count, how.patience)
        with here.workers():
            client = here.store.client
            until = count * STEADY_TO
            samples = watch(lambda: count - peer.left(client), until, how.patience)
    return steady_rate(samples, count)


def latency(peer: Peer, how: Setting) -> tuple[float, ...]:
    """Milliseconds from putting a job to having its result, one at a time: see `latencies`."""
    with scene(peer, how, with_results=True) as here, here.workers() as pids:
        for pid in pids:
            wait_while_busy(pid)
        printed = here.play("time", how.timed_jobs, how.patience)
    return latencies(json.loads(printed))


def memory(peer: Peer, how: Setting) -> float:
    """MB of its idle workers, and whatever else its command started."""
    with scene(peer, how) as here, here.workers() as pids:
        for pid in pids:
            wait_while_busy(pid)
        time.sleep(1.0)
        return sum(weight(pid) for pid in pids)


def versions(peer: Peer, how: Setting) -> list[str]:
    """Everything that is installed for it."""
    return environment(how.cache, _name(peer), peer.packages).versions()


def _name(peer: Peer) -> str:
    return peer.job.removesuffix("_job")
