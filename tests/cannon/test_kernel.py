"""What the kernel tells of processes, compared with what psutil says."""

import os
import sys

import psutil
import pytest

from botcannon_core.cannon import kernel

WAYS = [kernel._start_elsewhere, *([kernel._start_on_linux] if sys.platform == "linux" else [])]
LISTS = [
    kernel._children_elsewhere,
    *([kernel._children_on_linux] if sys.platform == "linux" else []),
]


@pytest.mark.parametrize("started_at", WAYS)
def test_a_process_began_when_psutil_says(started_at) -> None:
    for pid in (os.getpid(), os.getppid()):
        assert started_at(pid) == int(psutil.Process(pid).create_time())


@pytest.mark.parametrize("started_at", WAYS)
def test_who_waits_to_be_buried_is_over_and_so_is_who_was(started_at) -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert started_at(pid) is None
    os.waitpid(pid, 0)
    assert started_at(pid) is None


@pytest.mark.parametrize("children", LISTS)
def test_our_children_are_ours_until_they_are_buried(children) -> None:
    ear, mouth = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(mouth)
        os.read(ear, 1)
        os._exit(0)
    os.close(ear)
    assert pid in children()
    assert os.getppid() not in children()
    os.close(mouth)
    os.waitpid(pid, 0)
    assert pid not in children()
