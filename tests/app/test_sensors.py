import asyncio
import json
import subprocess
import sys
from contextlib import nullcontext
from typing import Any

import psutil
import pytest

from app.monitor import Monitor
from app.sensors import Busiest, Machine, Rates
from botcannon_core.message import checked_fields
from tests.app.fake_ledger import READING, FakeLedger
from tests.collectors.fake_intake import FakeIntake


def readings(count: int, every: float = 0.01) -> list[dict[str, str]]:
    async def run() -> list[dict[str, str]]:
        intake = FakeIntake(Machine(every))
        for _ in range(count):
            await intake.turn()
        return [dict(message) for message in intake.messages]

    return asyncio.run(run())


def test_a_reading_is_a_message_of_plausible_numbers() -> None:
    reading = readings(2)[-1]
    assert checked_fields(reading, "sensors") == reading
    assert 0 <= float(reading["cpu"]) <= 100
    assert len(json.loads(reading["cpu_cores"])) == psutil.cpu_count()
    assert 0 < int(reading["memory_used"]) < int(reading["memory_total"])
    assert all(float(reading[name]) >= 0 for name in ("disk_read", "net_sent", "load_15"))


def test_a_reading_has_the_fields_that_the_monitor_reads() -> None:
    (reading,) = readings(1)
    assert set(reading) - {"temperatures"} == set(READING)
    ledger = FakeLedger(time=2_000_000_000.0)
    ledger.add(age=0, **reading)
    monitor = Monitor(ledger)
    monitor._readings._clock = lambda: ledger.time
    assert monitor.memory.now().startswith("memory ")
    assert len(monitor.top()) > 1


def test_the_warmest_of_each_kind_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    class Sensor:
        def __init__(self, current: float) -> None:
            self.current = current

    def sensors() -> dict[str, list[Sensor]]:
        return {"coretemp": [Sensor(50.0), Sensor(61.0)]}

    monkeypatch.setattr(psutil, "sensors_temperatures", sensors, raising=False)
    assert json.loads(readings(1)[0]["temperatures"]) == {"coretemp": 61.0}


def test_rates_are_amounts_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    sent = [1000]
    monkeypatch.setattr("app.sensors.time.monotonic", lambda: now[0])
    monkeypatch.setattr(psutil, "disk_io_counters", lambda: None)
    monkeypatch.setattr(psutil, "net_io_counters", lambda: Net(sent[0]))
    rates = Rates()
    now[0], sent[0] = 102.0, 5000
    assert rates.read() == {
        "disk_read": "0",
        "disk_write": "0",
        "net_received": "0",
        "net_sent": "2000",
    }
    now[0], sent[0] = 103.0, 0  # a counter that began anew
    assert rates.read()["net_sent"] == "0"


class Net:
    def __init__(self, sent: int) -> None:
        self.bytes_sent, self.bytes_recv = sent, 0


def test_a_process_that_works_is_among_the_busiest() -> None:
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as worker:
        try:
            busiest = Busiest(count=3, budget=1.0)
            busiest.look()
            worked: Any = None
            while not worked:
                worked = [p for p in busiest.look() if p["pid"] == worker.pid and p["cpu"] > 20]
        finally:
            worker.kill()
    assert worked[0]["memory"] > 0


def test_a_look_ends_in_time_and_the_next_goes_on_from_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked_at: list[str] = []

    class Process:
        def __init__(self, name: str) -> None:
            self.pid, self._name = 1, name

        def oneshot(self) -> Any:
            return nullcontext()

        def name(self) -> str:
            looked_at.append(self._name)
            return self._name

        def cpu_percent(self) -> float:
            return 1.0

        def memory_info(self) -> Any:
            return psutil.Process().memory_info()

    monkeypatch.setattr(psutil, "process_iter", lambda: iter([Process("a"), Process("b")]))
    watched = Busiest(budget=0.0)
    assert looked_at == ["a", "b"]  # the first round is whole
    assert len(watched.look()) == 2
    assert looked_at == ["a", "b", "a"]
    watched.look()
    assert looked_at == ["a", "b", "a", "b"]


def test_a_process_that_ends_meanwhile_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        process = psutil.Process(gone.pid)
    monkeypatch.setattr(psutil, "process_iter", lambda: iter([process]))
    assert Busiest().look() == []
