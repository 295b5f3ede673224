"""The forker: imports the app's modules once and forks workers from that warm state, on command.

A process of its own with a cleaned environment, no store client and no thread: a fork of it is cheap
and holds nothing it should not. It obeys its pool over one socket, in orders of a fixed size so that
the descriptors that come with an order are never mixed up, and it alone signals and reaps workers,
because only a parent knows that a pid is still the child it was.
"""

from __future__ import annotations

import gc
import importlib
import inspect
import os
import pickle
import select
import signal
import socket
import struct
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from botcannon_core.cannon import pages, process, recipes, seat, single, worker
from botcannon_core.cannon.seat import LastWords
from botcannon_core.compose import loading
from botcannon_core.compose.spec import ServiceSpec

FORK, SIGNAL = 1, 2  # orders: slot and, for SIGNAL, the number
READY, DIED = 3, 4  # reports: our pid; a slot with its wait status and peak memory in KB

# How to start one. It finds this package where we have found it: its environment has no PYTHONPATH.
COMMAND = (
    "-c",
    "import sys; sys.path.insert(1, sys.argv.pop(1)); "
    "from botcannon_core.cannon.forker import main; main()",
    os.path.dirname(os.path.dirname(os.path.dirname(__file__))),
)

# Have its libraries look up all they call at once: a worker would do it for itself, each time anew.
BOUND = {"LD_BIND_NOW": "1"}

_WIRE = struct.Struct("!BxHiQ")


@dataclass(frozen=True)
class Word:
    """One order or report on the wire."""

    kind: int
    slot: int = 0
    number: int = 0
    memory: int = 0

    def packed(self) -> bytes:
        """The word as the bytes that `words_in` reads."""
        return _WIRE.pack(self.kind, self.slot, self.number, self.memory)


def words_in(buffer: bytearray) -> Iterator[Word]:
    """The whole words at the front of `buffer`, taken out of it."""
    while len(buffer) >= _WIRE.size:
        yield Word(*_WIRE.unpack_from(buffer))
        del buffer[: _WIRE.size]


@dataclass(frozen=True)
class Birth:
    """What a forker is told once, over its stdin: the service, and how to open the ledger handle."""

    service: ServiceSpec
    project: str
    open_history: Callable[[], Any] | None = None


class Forker:
    """Forks, signals and reaps; three verbs in a loop until the pool is gone."""

    def __init__(self, birth: Birth, pool: socket.socket) -> None:
        self._pool = pool
        self._slots: dict[int, int] = {}  # pid -> slot
        self._signals = process.Signals(signal.SIGCHLD)
        self._words = LastWords()
        self._rush = seat.RUSH
        self._heard = [pool.fileno(), self._signals.fileno()]
        handles = {"ledger": birth.open_history} if birth.open_history is not None else {}
        self._chain = recipes.recipes(birth.service, handles)
        if birth.service.workers.has_seats:
            single.rehearse(self._chain)

    def run(self) -> None:
        """Serve until the pool closes its end; then take every worker along."""
        self._report(Word(READY, 0, os.getpid()))
        try:
            while self._obey():
                self._reap()
        finally:
            self._kill_all()

    def _obey(self) -> bool:
        ready, _, _ = select.select(self._heard, [], [])
        if self._heard[0] not in ready:
            return True
        data, descriptors, _, _ = socket.recv_fds(self._pool, _WIRE.size, 2)
        if not data:
            return False
        while len(data) < _WIRE.size:
            data += self._pool.recv(_WIRE.size - len(data))
        self._do(Word(*_WIRE.unpack(data)), descriptors)
        return True

    def _do(self, order: Word, descriptors: list[int]) -> None:
        if order.kind == FORK:
            self._fork(order.slot, *descriptors)
            return
        for pid, slot in self._slots.items():
            if slot == order.slot:
                _signal_group(pid, order.number)

    def _fork(self, slot: int, channel: int, output: int) -> None:
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            for descriptor in (self._pool.detach(), *self._signals.detach()):
                os.close(descriptor)
            worker.begin(self._chain, channel, output, parent, self._words, self._rush)
        os.close(channel)
        os.close(output)
        _lead_own_group(pid)
        self._slots[pid] = slot

    def _reap(self) -> None:
        """Bury the dead: first their group, while the pid is surely theirs, then themselves."""
        self._signals.taken()
        while self._slots:
            dead = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if dead is None:
                return
            _signal_group(dead.si_pid, signal.SIGKILL)
            pid, status, usage = os.wait4(dead.si_pid, 0)
            if os.waitstatus_to_exitcode(status) == seat.RUSHED and self._rush:
                self._rush = 0
                pages.gather_code()
            slot = self._slots.pop(pid, None)
            if slot is not None:
                self._report(Word(DIED, slot, *self._words.of(pid, status, usage.ru_maxrss)))

    def _kill_all(self) -> None:
        for pid in self._slots:
            _signal_group(pid, signal.SIGKILL)

    def _report(self, report: Word) -> None:
        self._pool.sendall(report.packed())


def _lead_own_group(pid: int) -> None:
    """Said by parent and child, so that it holds for both from the fork on."""
    try:
        os.setpgid(pid, pid)
    except OSError:
        pass  # it has exited already


def _signal_group(pid: int, number: int) -> None:
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        pass


def _is_async(task: Any) -> bool:
    return inspect.iscoroutinefunction(task) or inspect.iscoroutinefunction(
        getattr(task, "task", None)
    )


def main() -> None:
    """Read the birth from stdin, import what the chain needs, and serve the socket in argv."""
    pool = socket.socket(fileno=int(sys.argv[1]))
    process.die_with_parent(int(sys.argv[2]), signal.SIGKILL)
    birth: Birth = pickle.load(sys.stdin.buffer)  # noqa: S301 - written by our own pool
    for name in BOUND:
        os.environ.pop(name, None)  # it is not for what workers start
    process.read_nothing()
    process.print_at_once()
    os.chdir(birth.project)
    if birth.open_history is not None:
        birth.open_history().warm()  # its imports, once; each worker opens its own connection
    forker = Forker(birth, pool)
    if any(_is_async(loading.load(one)) for one in birth.service.working):
        importlib.import_module("asyncio")  # 30 ms that each worker would need again
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # from here on, what every worker inherits
    limits = birth.service.workers.limits
    process.limit(limits.memory, limits.files)
    process.flush_output()  # else every worker would print what was printed at import
    gc.collect()
    gc.freeze()  # so that a worker's collections do not copy the pages it shares with us
    pages.gather()
    try:
        forker.run()
    except ConnectionError:
        pass  # the pool is gone, and with it our reason
