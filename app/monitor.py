"""The shell of the demo's chat: its methods and attributes are the commands people type.

`cpu last 5m` calls `Monitor(...).cpu.last("5m")`: torch walks the words, and knows nothing else.
"""

from __future__ import annotations

import json
from typing import Literal

from app.gauges import Cpu, Disk, Gauge, Load, Memory, Net
from app.readings import Ledger, Readings
from app.units import percent, size


class Monitor:
    """Tells how this machine is doing, now and over time.

    `ledger` is given by botcannon; `service` is the service whose readings are shown.
    """

    def __init__(self, ledger: Ledger, service: str = "sensors") -> None:
        self._readings = Readings(ledger, service)
        self.cpu = Cpu(self._readings)
        self.memory = Memory(self._readings)
        self.load = Load(self._readings)
        self.disk = Disk(self._readings)
        self.net = Net(self._readings)

    def top(self) -> list[dict[str, str | int]] | str:
        """The processes that work most."""
        reading = self._readings.now()
        if reading is None:
            return self._readings.missing()
        return [
            {
                "pid": process["pid"],
                "cpu": percent(process["cpu"]),
                "memory": size(process["memory"]),
                "name": process["name"],
            }
            for process in json.loads(reading["top"])
        ]

    def history(
        self, measure: Literal["cpu", "memory", "load", "disk", "net"], span: str = "1h"
    ) -> str:
        """How a measure went over a longer time, say `history net 1h`."""
        gauge: Gauge = getattr(self, measure)
        return gauge.last(span)
