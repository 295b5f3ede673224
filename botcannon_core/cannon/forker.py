"""The forker: imports the app's modules once and forks workers from that warm state, on command.

A process of its own with a cleaned environment, no store client and no thread: a fork of it is cheap
and holds nothing it should not. It obeys its pool over one socket, in orders of a fixed size so that
the descriptors that come with an order are never mixed up, and it alone signals and reaps workers,
because only a parent knows that a pid is still the child it was.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # `signal` without its enums: workers would pay
import _socket  # and `socket` without its own
import gc
import os
import select
import struct
import sys

from botcannon_core.cannon import pages, process, recipes, seat, single, worker
from botcannon_core.cannon.seat import LastWords
from botcannon_core.compose import loading, plan
from botcannon_core.compose.plan import Plan

TYPE_CHECKING = False  # typing's own would cost each worker (docs/design.md)
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

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
_DESCRIPTORS = struct.Struct("2i")  # that come with an order to fork

_COROUTINE = 0x80  # the flag of an async function's code


def word(kind: int, slot: int = 0, number: int = 0, memory: int = 0) -> bytes:
    """An order or a report, as `words_in` reads it."""
    return _WIRE.pack(kind, slot, number, memory)


def words_in(buffer: bytearray) -> Iterator[tuple[int, int, int, int]]:
    """The whole words at the front of `buffer`, taken out of it: kind, slot, number, memory of each."""
    while len(buffer) >= _WIRE.size:
        yield _WIRE.unpack_from(buffer)
        del buffer[: _WIRE.size]


class Forker:
    """Forks, signals and reaps; three verbs in a loop until the pool is gone."""

    def __init__(self, told: Plan, pool: _socket.socket, gate: int) -> None:
        self._pool = pool
        self._gate = gate
        self._slots: dict[int, int] = {}  # pid -> slot
        self._signals = process.Signals(_signal.SIGCHLD)
        self._words = LastWords()
        self._rush = seat.RUSH if told.has_seats else 0
        self._heard = [pool.fileno(), self._signals.fileno()]
        self._chain = recipes.recipes(told)
        if told.has_seats:
            single.rehearse(self._chain)

    def run(self) -> None:
        """Serve until the pool closes its end; then take every worker along."""
        self._report(word(READY, 0, os.getpid()))
        try:
            while self._obey():
                self._reap()
        finally:
            self._kill_all()

    def _obey(self) -> bool:
        ready, _, _ = select.select(self._heard, [], [])
        if self._heard[0] not in ready:
            return True
        data, more, _, _ = self._pool.recvmsg(_WIRE.size, _socket.CMSG_LEN(_DESCRIPTORS.size))
        if not data:
            return False
        while len(data) < _WIRE.size:
            data += self._pool.recv(_WIRE.size - len(data))
        kind, slot, number, _ = _WIRE.unpack(data)
        if kind == FORK:
            self._fork(slot, *_DESCRIPTORS.unpack(more[0][2]))
        else:
            self._signal(slot, number)
        return True

    def _signal(self, slot: int, number: int) -> None:
        for pid, its_slot in self._slots.items():
            if its_slot == slot:
                _signal_group(pid, number)

    def _fork(self, slot: int, channel: int, output: int) -> None:
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            for descriptor in (self._pool.detach(), *self._signals.detach()):
                os.close(descriptor)
            words, rush = self._words, self._rush
            worker.begin(self._chain, channel, output, parent, words, self._gate, rush)
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
            _signal_group(dead.si_pid, _signal.SIGKILL)
            pid, status, usage = os.wait4(dead.si_pid, 0)
            if os.waitstatus_to_exitcode(status) == seat.RUSHED and self._rush:
                self._rush = 0
                pages.gather_code()
            slot = self._slots.pop(pid, None)
            if slot is not None:
                self._report(word(DIED, slot, *self._words.of(pid, status, usage.ru_maxrss)))

    def _kill_all(self) -> None:
        for pid in self._slots:
            _signal_group(pid, _signal.SIGKILL)

    def _report(self, report: bytes) -> None:
        self._pool.sendall(report)


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
    """Whether its code is that of an `async def`; of what wraps one nobody knows."""
    task = getattr(task, "func", task)  # of a partial
    codes = [getattr(one, "__code__", None) for one in (task, getattr(task, "task", None))]
    return any(code is not None and code.co_flags & _COROUTINE for code in codes)


def main() -> None:
    """Read the plan from stdin, import what the chain needs, and serve the socket in argv."""
    pool = _socket.socket(fileno=int(sys.argv[1]))
    process.die_with_parent(int(sys.argv[2]), _signal.SIGKILL)
    told = plan.unpacked(sys.stdin.buffer.read())
    for name in BOUND:
        os.environ.pop(name, None)  # it is not for what workers start
    process.read_nothing()
    process.print_at_once()
    os.chdir(told.project)
    if told.open_history is not None:
        told.open_history().warm()  # its imports, once; each worker opens its own connection
    forker = Forker(told, pool, gate=int(sys.argv[3]))
    if any(_is_async(loading.load(one)) for one in told.working):
        __import__("asyncio")  # 30 ms that each worker would need again
    _signal.signal(_signal.SIGINT, _signal.SIG_IGN)  # from here on, what every worker inherits
    process.limit(told.memory, told.files)
    process.flush_output()  # else every worker would print what was printed at import
    gc.collect()
    gc.freeze()  # so that a worker's collections do not copy the pages it shares with us
    pages.gather()
    try:
        forker.run()
    except ConnectionError:
        pass  # the pool is gone, and with it our reason
