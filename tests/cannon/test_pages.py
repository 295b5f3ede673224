"""Large pages, in real processes, as the kernel tells of them."""

import ctypes
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from botcannon_core.cannon import forker, pages
from botcannon_core.cannon.gate import NONE
from botcannon_core.cannon.nursery import Birth
from botcannon_core.compose.spec import ClassSpec, ServiceSpec

GATHER = """
from botcannon_core.cannon import pages

def told(name):
    return next(int(line.split()[1]) for line in open("/proc/self/smaps_rollup") if name in line)

table = {str(number): number for number in range(%d)}
before = told("AnonHugePages")
gathered = pages.gather()
print(before, gathered, told("AnonHugePages"), told("Rss"), sum(table.values()))
"""


CODE = """
import ctypes
import os
import resource

from botcannon_core.cannon import pages


def lies_at():
    with open("/proc/self/maps") as maps:
        lines = [line.split() for line in maps]
    inside = ctypes.cast(ctypes.pythonapi.Py_IncRef, ctypes.c_void_p).value
    for words in lines:
        start, _, end = words[0].partition("-")
        if int(start, 16) <= inside < int(end, 16):
            return words[1], len(words) == 5, int(start, 16)


def in_use():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) << 10 for line in status if line.startswith("VmData"))


SPOIL
before = lies_at()
number = pages.gather_code()
after = lies_at()
import decimal, json  # what was never run before

pid = os.fork()
if pid == 0:
    os._exit(len(json.dumps({"a": [1.5, None]})))
status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
print(before[:2], number, after[:2], status, decimal.Decimal(2).sqrt())
"""
LOOKS_LIKE = "('r-xp', {}) {} ('r-xp', {}) 18 1.414213562373095048801688724"


def code_gathered(spoil: str = "") -> str:
    """What is told of the interpreter's code before and after, and that it still runs."""
    words = [sys.executable, "-c", CODE.replace("SPOIL", spoil)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def gathered(objects: int) -> list[int]:
    """KB in large pages before, large pages gathered, KB in large pages and resident after, a sum."""
    done = subprocess.run(
        [sys.executable, "-c", GATHER % objects], capture_output=True, text=True, check=True
    )
    return [int(word) for word in done.stdout.split()]


def can_be_large() -> bool:
    """Whether this kernel has large pages on request."""
    switch = Path("/sys/kernel/mm/transparent_hugepage/enabled")
    version = tuple(int(part) for part in _release().split(".")[:2])
    return switch.exists() and "[never]" not in switch.read_text() and version >= (6, 1)


def _release() -> str:
    return Path("/proc/sys/kernel/osrelease").read_text().split("-")[0]


def large(pid: int) -> int:
    """KB of a process in large pages."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("AnonHugePages"))


needs_large_pages = pytest.mark.skipif(
    sys.platform != "linux" or not can_be_large(),
    reason="this kernel has no large pages on request",
)


@needs_large_pages
def test_what_takes_much_is_gathered_and_stays_what_it_was() -> None:
    before, number, after, resident, total = gathered(400_000)
    assert number >= 5
    assert after - before == number * pages.LARGE >> 10
    assert after > resident / 4
    assert total == sum(range(400_000))


def test_what_takes_little_is_left_as_it_is() -> None:
    before, number, after, _, _ = gathered(10)
    assert number == 0
    assert before == after


@needs_large_pages
def test_running_code_is_put_into_large_pages_and_runs_on() -> None:
    told = code_gathered()
    number = int(told.split()[2])
    assert number >= 1
    assert told == LOOKS_LIKE.format(False, number, True)


@needs_large_pages
@pytest.mark.parametrize(
    "spoil",
    [
        "assert ctypes.CDLL(None).prctl(65, 1, 0, 0, 0) == 0",  # nobody may run what was written
        "resource.setrlimit(resource.RLIMIT_DATA, (in_use() + (3 << 20),) * 2)",  # none for a copy
        "ctypes.CDLL(None).prctl(41, 1, 0, 0, 0)",  # no large pages for this process
    ],
)
def test_where_that_cannot_be_the_code_stays_where_it_is(spoil: str) -> None:
    assert code_gathered(spoil) == LOOKS_LIKE.format(False, 0, False)


def test_holes_in_the_interpreters_file_are_none_of_its_code(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As linkers leave them between segments: mapped under the file's name, and not to be read."""
    inside = ctypes.cast(ctypes.pythonapi.Py_IncRef, ctypes.c_void_p).value or 0
    code = inside // pages.LARGE * pages.LARGE
    lies = [
        (code + number * pages.LARGE, code + (number + 1) * pages.LARGE, rights, "libpython")
        for number, rights in enumerate(["r--p", "---p", "r-xp", "---p", "r--p"], -2)
    ]
    monkeypatch.setattr(pages, "_maps", lambda: iter(lies))
    assert pages._code() == (code, code + pages.LARGE)


@needs_large_pages
def test_a_forker_gathers_what_its_app_takes(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    table = "TABLE = {str(number): number for number in range(400_000)}"
    task = "def task(message, results): pass"
    (tmp_path / "app" / "much.py").write_text(f"{table}\n{task}\n")
    much = ClassSpec("task", "much", "task")
    service = ServiceSpec("s", ClassSpec("collector", "much", "task"), None, (much,))
    pool, theirs = socket.socketpair()
    numbers = (theirs.fileno(), os.getpid(), NONE)
    words = [sys.executable, *forker.COMMAND, *map(str, numbers)]
    process = subprocess.Popen(words, stdin=subprocess.PIPE, pass_fds=[theirs.fileno()])
    theirs.close()
    assert process.stdin is not None
    process.stdin.write(Birth(service, str(tmp_path)).plan())
    process.stdin.close()
    with pool:
        pool.settimeout(30.0)
        assert pool.recv(100), "it is ready"
        assert large(process.pid) > 0
    assert process.wait(30.0) == 0
