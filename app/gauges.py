"""The measures of the demo's shell: what each is now, in words, and how it went, as a chart.

Names with an underscore are not for the chat: torch shows and runs the others only.
"""

from __future__ import annotations

import json
from statistics import fmean

from app.chart import chart
from app.readings import Readings
from app.units import duration, percent, rate, seconds, size
from botcannon_core import Message


class Gauge:
    """One measure of the machine."""

    _title = ""
    _top = 0.0  # the chart's upper edge is at least here

    def __init__(self, readings: Readings) -> None:
        self._readings = readings

    def __str__(self) -> str:
        return self.now()  # what torch shows when nothing more is said than `cpu`

    def now(self) -> str:
        """What it is at this moment."""
        reading = self._readings.now()
        return self._words(reading) if reading else self._readings.missing()

    def last(self, span: str = "5m") -> str:
        """How it went over a span such as 90s, 5m or 2h."""
        try:
            length = seconds(span)
        except ValueError as mistake:
            return str(mistake)
        readings = self._readings.last(length)
        return self._drawn(readings) if readings else self._readings.missing()

    def _drawn(self, readings: list[Message]) -> str:
        first, newest = readings[0], readings[-1]
        points = [(reading.time, self._value(reading)) for reading in readings]
        if len(points) == 1:
            return f"{self._words(newest)}; that is the only reading yet, so there is no chart"
        values = [value for _, value in points]
        shown = duration(newest.time - first.time)
        low, high, mean = map(self._label, (min(values), max(values), fmean(values)))
        return "\n".join(
            [
                f"{self._title} over {shown}: {low} to {high}, {mean} on average",
                chart(
                    points,
                    top=max(self._top, *values),
                    label=self._label,
                    ends=(f"{shown} earlier", self._readings.when(newest)),
                ),
            ]
        )

    def _value(self, reading: Message) -> float:
        """What the chart shows of a reading."""
        raise NotImplementedError

    def _label(self, value: float) -> str:
        """A value with its unit."""
        return percent(value)

    def _words(self, reading: Message) -> str:
        """A reading in a sentence."""
        raise NotImplementedError


class Cpu(Gauge):
    """How busy the processor is."""

    _title = "cpu"
    _top = 10.0  # a machine that sleeps should look like it

    def _value(self, reading: Message) -> float:
        return float(reading["cpu"])

    def _words(self, reading: Message) -> str:
        cores = json.loads(reading["cpu_cores"])
        each = ", ".join(percent(core) for core in cores)
        return (
            f"cpu {percent(self._value(reading))} (of {len(cores)} cores: {each}){_warmth(reading)}"
        )


class Memory(Gauge):
    """How much memory is in use."""

    _title = "memory"
    _top = 100.0

    def _value(self, reading: Message) -> float:
        return float(reading["memory"])

    def _words(self, reading: Message) -> str:
        used, total = size(float(reading["memory_used"])), size(float(reading["memory_total"]))
        swap = percent(float(reading["swap"]))
        return f"memory {percent(self._value(reading))} ({used} of {total} used), swap {swap}"


class Load(Gauge):
    """How many processes run or want to."""

    _title = "load"
    _top = 1.0

    def _value(self, reading: Message) -> float:
        return float(reading["load_1"])

    def _label(self, value: float) -> str:
        return f"{value:.2f}"

    def _words(self, reading: Message) -> str:
        one, five, fifteen = (reading[f"load_{minutes}"] for minutes in (1, 5, 15))
        return f"load {one} over the last minute, {five} over 5, {fifteen} over 15 minutes"


class Traffic(Gauge):
    """How much goes in and out each second."""

    _top = 1024.0
    _flows: tuple[tuple[str, str], ...] = ()  # what it is called, and its field

    def _value(self, reading: Message) -> float:
        return sum(float(reading[field]) for _, field in self._flows)

    def _label(self, value: float) -> str:
        return rate(value)

    def _words(self, reading: Message) -> str:
        flows = (f"{name} {rate(float(reading[field]))}" for name, field in self._flows)
        return f"{self._title} {', '.join(flows)}"


class Disk(Traffic):
    """How much is read from and written to the disks."""

    _title = "disk"
    _flows = (("reading", "disk_read"), ("writing", "disk_write"))


class Net(Traffic):
    """How much is received and sent over the network."""

    _title = "net"
    _flows = (("receiving", "net_received"), ("sending", "net_sent"))


def _warmth(reading: Message) -> str:
    degrees = json.loads(reading.get("temperatures", "{}"))
    return f", {max(degrees.values()):.0f} °C" if degrees else ""
