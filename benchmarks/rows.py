"""Every measurement of a session by its name, `subject:aspect`; what is run again in each round.

Not here: how the figures become tables (tables), nor how each is measured.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from benchmarks import machine, measured
from benchmarks.cannon import Isolation
from benchmarks.figures import LATENCIES
from benchmarks.peers import measured as peers
from benchmarks.peers.known import PEERS, Peer
from benchmarks.setting import Setting

Values = Mapping[str, float]
Measurement = Callable[[Setting], float | tuple[float, ...]]
MESSAGE, WORKER = "botcannon-message", "botcannon-worker"


@dataclass(frozen=True)
class Row:
    """One measurement: it gives one value or several, by name."""

    name: str
    names: tuple[str, ...]
    run: Measurement

    def measure(self, how: Setting) -> Values:
        """Run it once."""
        found = self.run(how)
        values = found if isinstance(found, tuple) else (found,)
        return dict(zip(self.names, values, strict=True))


def rows() -> list[Row]:
    """All of them, the peers first."""
    return [row for peer in PEERS for row in of_peer(peer)] + of_machine() + of_us()


def of_peer(peer: Peer) -> list[Row]:
    """What is measured of a peer."""
    latency = Row(f"{peer.name}:latency", LATENCIES, partial(peers.latency, peer))
    return [
        Row(f"{peer.name}:rate", ("rate",), partial(peers.throughput, peer)),
        *([latency] if peer.has_results else []),
        Row(f"{peer.name}:memory", ("memory",), partial(peers.memory, peer)),
    ]


def of_machine() -> list[Row]:
    """What this machine could do at most."""
    return [
        Row("machine:loop", ("rate",), machine.loop),
        Row("machine:fork", ("small", "large"), machine.fork),
    ]


def of_us() -> list[Row]:
    """What is measured of botcannon, in both modes and besides."""
    return [
        *of_mode(MESSAGE, "message"),
        *of_mode(WORKER, "worker"),
        Row("botcannon:collector", ("rate",), measured.collected),
        Row("botcannon:first", ("seconds",), measured.first),
        Row("botcannon:idle", ("memory", "cpu"), measured.idle),
    ]


def of_mode(subject: str, mode: Isolation) -> list[Row]:
    """What is measured of botcannon with one kind of isolation."""
    kinds: list[tuple[str, tuple[str, ...], Measurement]] = [
        ("rate", ("rate",), partial(measured.throughput, isolation=mode)),
        ("latency", LATENCIES, partial(measured.latency, isolation=mode)),
        ("memory", ("memory",), partial(measured.memory, isolation=mode)),
        ("whole", ("rate",), partial(measured.whole, isolation=mode)),
        ("services", ("rate",), partial(measured.whole, isolation=mode, services=20)),
        ("workers", ("rate",), partial(measured.throughput, isolation=mode, workers=64)),
        ("queued", ("many", "few"), partial(measured.queued, isolation=mode)),
        ("delayed", ("far", "near"), partial(measured.delayed, isolation=mode)),
    ]
    return [Row(f"{subject}:{aspect}", names, run) for aspect, names, run in kinds]


def chosen(all_rows: Sequence[Row], only: Sequence[str]) -> list[Row]:
    """The rows that one of the words names: `rq:rate`, `rq`, `:rate`, or `botcannon` for all of its.

    Raises ValueError for a word that names none.
    """
    for word in only:
        if not any(is_named(row.name, word) for row in all_rows):
            subjects = ", ".join(dict.fromkeys(row.name.partition(":")[0] for row in all_rows))
            raise ValueError(f"nothing is named {word!r}; there are {subjects}")
    return [row for row in all_rows if not only or any(is_named(row.name, one) for one in only)]


def is_named(name: str, word: str) -> bool:
    """True if `word` means the row of this name."""
    subject, _, aspect = name.partition(":")
    wanted, _, wanted_aspect = word.partition(":")
    all_of_ours = wanted == "botcannon" and subject.startswith("botcannon")
    return (wanted in ("", subject) or all_of_ours) and wanted_aspect in ("", aspect)
