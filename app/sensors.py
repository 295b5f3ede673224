"""The sensors of the demo: a collector that reads this machine through psutil.

It only reads and says; what to make of the readings is up to others (see monitor.py).
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from heapq import nlargest

import psutil

FIRST_LOOK = 0.1  # seconds; loads and rates are differences, so there must be two looks


class Machine:
    """A reading of this machine every `every` seconds, the first one at once.

    All values are text. Percentages go from 0 to 100, sizes are bytes, rates bytes a second.

        cpu, cpu_cores               percent of all cores together; of each one (JSON list)
        memory, swap                 percent that is used
        memory_used, memory_total    sizes
        load_1, load_5, load_15      mean length of the run queue over 1, 5 and 15 minutes
        disk_read, disk_write        rates of all disks together
        net_received, net_sent       rates of all interfaces together
        temperatures                 degrees Celsius by name (JSON object), where there are any
        top                          the busiest processes (JSON list of {pid, name, cpu, memory})
    """

    def __init__(self, every: float = 0.5) -> None:
        self._every = every
        self._rates = Rates()
        self._busiest = Busiest()
        psutil.cpu_percent(percpu=True)  # the first look
        self._due = time.monotonic() + FIRST_LOOK

    async def read(self) -> AsyncIterator[dict[str, str]]:
        """The next reading, once it is due."""
        await asyncio.sleep(self._due - time.monotonic())
        self._due = max(self._due + self._every, time.monotonic())
        yield {
            **processor(),
            **memory(),
            **load(),
            **self._rates.read(),
            **temperatures(),
            "top": json.dumps(self._busiest.look()),
        }


def processor() -> dict[str, str]:
    """How busy the cores were since the last look."""
    cores = psutil.cpu_percent(percpu=True)
    return {"cpu": f"{sum(cores) / len(cores):.1f}", "cpu_cores": json.dumps(cores)}


def memory() -> dict[str, str]:
    """How much memory is in use; what the system may drop when it must is not counted."""
    ram = psutil.virtual_memory()
    return {
        "memory": f"{ram.percent:.1f}",
        "memory_used": str(ram.total - ram.available),
        "memory_total": str(ram.total),
        "swap": f"{psutil.swap_memory().percent:.1f}",
    }


def load() -> dict[str, str]:
    """How many processes ran or wanted to."""
    names = ("load_1", "load_5", "load_15")
    return {name: f"{mean:.2f}" for name, mean in zip(names, psutil.getloadavg(), strict=True)}


def temperatures() -> dict[str, str]:
    """The warmest of each kind of sensor, where the machine has any and the system tells."""
    read = getattr(psutil, "sensors_temperatures", dict)
    warmest = {name: max(sensor.current for sensor in sensors) for name, sensors in read().items()}
    return {"temperatures": json.dumps(warmest)} if warmest else {}


class Rates:
    """How fast the machine's disks and networks work, from counters that only grow."""

    def __init__(self) -> None:
        self._time = time.monotonic()
        self._counters = self._look()

    def read(self) -> dict[str, str]:
        """Bytes a second since the last time this was asked."""
        before, self._time = self._time, time.monotonic()
        old, self._counters = self._counters, self._look()
        passed = max(self._time - before, 0.001)
        return {
            name: f"{max(0.0, (count - old.get(name, count)) / passed):.0f}"
            for name, count in self._counters.items()
        }

    @staticmethod
    def _look() -> dict[str, int]:
        disk, net = psutil.disk_io_counters(), psutil.net_io_counters()
        return {
            # a container may see no disk
            "disk_read": disk.read_bytes if disk else 0,
            "disk_write": disk.write_bytes if disk else 0,
            "net_received": net.bytes_recv,
            "net_sent": net.bytes_sent,
        }


class Busiest:
    """The processes that work most, watched in rounds, a few of them at each look.

    A machine may have thousands of processes and a look at one costs about 0.05 ms, so a look ends
    after `budget` seconds and the next one goes on from there.
    """

    def __init__(self, count: int = 5, budget: float = 0.004) -> None:
        self._count = count
        self._budget = budget
        self._round = psutil.process_iter()
        self._seen: list[dict[str, str | int | float]] = []
        self._busiest: list[dict[str, str | int | float]] = []
        self._look(until=float("inf"))  # the first round, whole, so that there is something to tell

    def look(self) -> list[dict[str, str | int | float]]:
        """The busiest of the last full round, the first of them first."""
        self._look(time.perf_counter() + self._budget)
        return self._busiest

    def _look(self, until: float) -> None:
        for process in self._round:
            # it may have ended meanwhile, or be none of our business
            with suppress(psutil.Error), process.oneshot():
                self._seen.append(
                    {
                        "pid": process.pid,
                        "name": process.name(),
                        "cpu": process.cpu_percent(),
                        "memory": process.memory_info().rss,
                    }
                )
            if time.perf_counter() > until:
                return
        self._busiest = nlargest(self._count, self._seen, key=lambda p: (p["cpu"], p["memory"]))
        self._round, self._seen = psutil.process_iter(), []
