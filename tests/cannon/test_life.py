"""Lives: a name for one run of one process, and whether it is certainly over."""

import os
import subprocess
import sys

import pytest

from botcannon_core.cannon import life


@pytest.fixture(autouse=True)
def _a_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOTCANNON_HOST", "here")


def life_of_a_child(then: str = "") -> str:
    code = f"from botcannon_core.cannon import life; print(life.own_life(), flush=True); {then}"
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()


def test_a_life_names_its_host_and_process() -> None:
    host, pid, start = life.own_life().split(":")
    assert (host, pid) == ("here", str(os.getpid()))
    assert start.isdigit()


def test_a_living_process_is_not_over() -> None:
    assert not life.is_over_here(life.own_life())
    assert life.own_life() == life.own_life()


def test_a_process_that_ended_is_over() -> None:
    assert life.is_over_here(life_of_a_child())


def test_a_process_that_nobody_buried_is_over() -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    start = life.own_life().split(":")[2]
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert life.is_over_here(f"here:{pid}:{start}")
    os.waitpid(pid, 0)


def test_another_process_with_its_number_is_not_it() -> None:
    host, pid, start = life.own_life().split(":")
    assert life.is_over_here(f"{host}:{pid}:{int(start) - 100}")


def test_nothing_is_known_of_other_hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = life_of_a_child()
    monkeypatch.setenv("BOTCANNON_HOST", "there")
    assert not life.is_over_here(gone)


@pytest.mark.parametrize(
    "name",
    ["", "nobody", "lane", "here", "here:", "here:1", "here:x:1", "here:1:x", "::", "a:b:c:d"],
)
def test_what_is_no_life_is_not_over(name: str) -> None:
    assert not life.is_over_here(name)


def test_a_host_name_with_a_colon_does_not_confuse(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOTCANNON_HOST", "fe80::1")
    assert len(life.own_life().split(":")) == 3
    assert life.is_over_here(life_of_a_child())
