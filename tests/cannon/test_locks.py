"""Locks: one `up` per folder, service and part, held by a process and let go by its end."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from botcannon_core.cannon.locks import lock, sign
from botcannon_core.errors import LockedError


def in_a_child(run: Callable[[], object]) -> int:
    """The exit code of a child that runs it: 0, or 2 if it was refused."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            run()
            code = 0
        except LockedError:
            code = 2
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_a_second_one_is_refused_naming_the_first(tmp_path: Path) -> None:
    held = lock(tmp_path, "N", ["chat"], ["intake"])
    with pytest.raises(LockedError, match=f"the intake belongs to process {os.getpid()}"):
        lock(tmp_path, "N", ["other", "chat"], ["intake"])
    with pytest.raises(LockedError, match="`botcannon down` ends"):  # a stopped one keeps its lock
        lock(tmp_path, "N", ["chat"], ["intake"])
    assert in_a_child(lambda: lock(tmp_path, "N", ["chat"], ["intake"])) == 2
    for descriptor in held:
        os.close(descriptor)
    assert in_a_child(lambda: lock(tmp_path, "N", ["chat"], ["intake"])) == 0


def test_other_parts_services_and_namespaces_are_free(tmp_path: Path) -> None:
    lock(tmp_path, "N", ["chat"], ["intake"])
    lock(tmp_path, "N", ["chat"], ["pool"])
    lock(tmp_path, "N", ["sensors"], ["intake", "pool"])
    lock(tmp_path, "M", ["chat"], ["intake"])


def test_one_that_is_refused_holds_nothing(tmp_path: Path) -> None:
    lock(tmp_path, "N", ["b"], ["intake"])
    assert in_a_child(lambda: lock(tmp_path, "N", ["a", "b"], ["intake"])) == 2
    assert in_a_child(lambda: lock(tmp_path, "N", ["a"], ["intake"])) == 0
    with pytest.raises(LockedError):
        lock(tmp_path, "N", ["a", "b"], ["intake"])
    lock(tmp_path, "N", ["a"], ["intake"])


def test_a_killed_holder_holds_nothing(tmp_path: Path) -> None:
    assert (
        in_a_child(lambda: (lock(tmp_path, "N", ["chat"], ["intake"]), os.kill(os.getpid(), 9)))
        == -9
    )
    lock(tmp_path, "N", ["chat"], ["intake"])


def test_a_child_that_goes_on_with_the_locks_is_named(tmp_path: Path) -> None:
    held = lock(tmp_path, "N", ["chat"], ["intake"])
    pid = os.fork()
    if pid == 0:
        sign(held)
        os._exit(0)
    os.waitpid(pid, 0)
    with pytest.raises(LockedError, match=f"belongs to process {pid};"):
        lock(tmp_path, "N", ["chat"], ["intake"])
