"""Measures botcannon: each function is one figure of the tables, or two that come from one look.

Each takes the setting of the session and runs a project of its own on a store of its own.
"""

from __future__ import annotations

import json
import os
import pty
import time
from contextlib import ExitStack
from functools import partial

from benchmarks.cannon import (
    NAMESPACE,
    Isolation,
    Project,
    ended,
    feed,
    parked,
    project,
    room,
    service,
)
from benchmarks.figures import STEADY_FROM, STEADY_TO, latencies, rate, steady_rate
from benchmarks.processes import cpu, wait_while_busy, weight
from benchmarks.proxy import wire
from benchmarks.server import Server
from benchmarks.setting import Setting, scratch
from benchmarks.steady import Broken, ever_added
from botcannon_core.ledger.keys import Keys

JOBS: dict[Isolation, int] = {"message": 30_000, "worker": 400_000}
MANY_TIMES = 2  # for many services so many more: each has a start of its own to get over
COLLECTED = 500_000
MANY_QUEUED = 1_000_000
FEW_QUEUED = 10_000
DELAY_SECONDS = 0.001  # in each direction, as a network interface with such a delay has it
FIRST_SECONDS = 30.0


def throughput(how: Setting, isolation: Isolation, workers: int = 2) -> float:
    """Messages settled a second: the queue is filled, then the workers start."""
    count = how.jobs(JOBS[isolation])
    with project(how) as (bot, store):
        bot.fill(service(feed(count), "Noop", isolation, workers, **room(count)), how.patience)
        return _emptied(bot, store, how, count * STEADY_FROM, count * STEADY_TO)


def whole(how: Setting, isolation: Isolation, services: int = 1) -> float:
    """Messages settled a second, over all services, while collectors say more of them."""
    each = how.jobs(JOBS[isolation]) * (MANY_TIMES if services > 1 else 1) // services
    names = [f"s{number}" for number in range(services)]
    with project(how) as (bot, store):
        bot.declare({n: service(feed(each, waits=True), "Noop", isolation) for n in names})
        with bot.up() as up:
            wait_while_busy(up.pid, patience=60.0)
            (bot.folder / "go").touch()
            total = each * services
            look = ended(store.client, *names)
            samples = bot.watch(up, look, total * STEADY_TO, how.patience)
        _check(bot, store, *names)
    return steady_rate(samples, total)


def collected(how: Setting) -> float:
    """Messages stored a second, of a collector that yields as fast as it can; nobody works on them."""
    count = how.jobs(COLLECTED)
    with project(how) as (bot, store):
        bot.declare({"bench": service(feed(count), "Noop", "worker", **room(count))})
        data = Keys(NAMESPACE, "bench").data
        with bot.up("--only=collector") as up:
            look = partial(ever_added, store.client, data)
            samples = bot.watch(up, look, count * STEADY_TO, how.patience)
    return steady_rate(samples, count)


def latency(how: Setting, isolation: Isolation) -> tuple[float, ...]:
    """Milliseconds from a collector's yield to its taskback, one at a time: see `latencies`."""
    conf = {"key": "ping", "kwargs": {"count": how.timed_jobs}}
    ping = {"file": "feed", "entry": "Ping", "conf": conf}
    with project(how) as (bot, _):
        bot.declare({"bench": service(ping, "Pong", isolation)})
        bot.run(patience=how.patience)
        return latencies(json.loads((bot.folder / "seconds.json").read_text()))


def first(_how: Setting) -> float:
    """Seconds from `./botcannon up` to the first taskback; embedded store, environment ready."""
    with scratch() as folder:
        bot = Project(folder)
        bot.declare({"bench": service({"file": "feed", "entry": "First"}, "Pong", "message")})
        began = time.monotonic()
        bot.run(patience=FIRST_SECONDS)
        return float((folder / "answered").read_text()) - began


def idle(how: Setting) -> tuple[float, float]:
    """MB of all processes but the store's, and % of a core they use; a terminal chat nobody talks to."""
    near, far = pty.openpty()
    chat = {
        "collector": {"file": "terminal", "entry": "Terminal"},
        "shell": {"file": "noop", "entry": "Shell"},
        "tasks": [{"file": "torch", "entry": "Torch"}],
        "workers": {"idle": 2},
    }
    try:
        with project(how) as (bot, _):
            bot.declare({"chat": chat})
            with bot.up(stdin=far) as up:
                wait_while_busy(up.pid)
                if up.poll() is not None:
                    raise Broken(f"idle: up has ended: {bot.printed()}")
                before = cpu(up.pid)
                time.sleep(how.idle_seconds)
                return weight(up.pid), (cpu(up.pid) - before) / how.idle_seconds * 100
    finally:
        os.close(near)
        os.close(far)


def queued(how: Setting, isolation: Isolation) -> tuple[float, float]:
    """Messages settled a second while 1,000,000 more are queued, and while the last 10,000 are.

    Both are looked at after the same number of messages, so that only the queue differs.
    """
    done = how.jobs(JOBS[isolation] // 2)
    rates = []
    for count in (how.jobs(MANY_QUEUED) + done, how.jobs(FEW_QUEUED) + done):
        with project(how) as (bot, store):
            bot.fill(service(feed(count), "Noop", isolation, **room(count)), how.patience)
            rates.append(_emptied(bot, store, how, done * 0.8, done))
    return rates[0], rates[1]


def memory(how: Setting, isolation: Isolation) -> float:
    """MB of two idle workers and all that keeps them, but the store."""
    with project(how) as (bot, _):
        bot.declare({"bench": service(feed(1), "Noop", isolation)})
        with bot.up("--only=workers") as up:
            wait_while_busy(up.pid)
            if up.poll() is not None:
                raise Broken(f"memory: up has ended: {bot.printed()}")
            return weight(up.pid)


def delayed(how: Setting, isolation: Isolation) -> tuple[float, float]:
    """Messages settled a second over a wire that delays, and over the same wire without delay."""
    count = how.jobs(JOBS[isolation])
    rates = []
    for delay in (DELAY_SECONDS, 0.0):
        with project(how) as (bot, store), ExitStack() as stack:
            bot.fill(service(feed(count), "Noop", isolation, **room(count)), how.patience)
            port = stack.enter_context(wire(store.port, delay))
            far = f"redis://127.0.0.1:{port}/0"
            rates.append(_emptied(bot, store, how, count * STEADY_FROM, count * STEADY_TO, url=far))
    return rates[0], rates[1]


def _emptied(
    bot: Project, store: Server, how: Setting, begin: float, end: float, url: str = ""
) -> float:
    """The rate at which the workers empty the queue, from `begin` done to `end` done."""
    with bot.up("--only=workers", url=url) as up:
        samples = bot.watch(up, ended(store.client, "bench"), end, how.patience)
    _check(bot, store, "bench")
    return rate(samples, begin, end)


def _check(bot: Project, store: Server, *names: str) -> None:
    if lost := parked(store.client, *names):
        raise Broken(f"{lost} messages were parked: {bot.printed()}")
