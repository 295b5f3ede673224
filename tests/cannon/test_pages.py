"""Large pages, in real processes, as the kernel tells of them."""

import os
import pickle
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from botcannon_core.cannon import forker, pages
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
def test_a_forker_gathers_what_its_app_takes(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    table = "TABLE = {str(number): number for number in range(400_000)}"
    task = "def task(message, results): pass"
    (tmp_path / "app" / "much.py").write_text(f"{table}\n{task}\n")
    much = ClassSpec("task", "much", "task")
    service = ServiceSpec("s", ClassSpec("collector", "much", "task"), None, (much,))
    pool, theirs = socket.socketpair()
    words = [sys.executable, *forker.COMMAND, str(theirs.fileno()), str(os.getpid())]
    process = subprocess.Popen(words, stdin=subprocess.PIPE, pass_fds=[theirs.fileno()])
    theirs.close()
    assert process.stdin is not None
    process.stdin.write(pickle.dumps(forker.Birth(service, str(tmp_path))))
    process.stdin.close()
    with pool:
        pool.settimeout(30.0)
        assert pool.recv(100), "it is ready"
        assert large(process.pid) > 0
    assert process.wait(30.0) == 0
