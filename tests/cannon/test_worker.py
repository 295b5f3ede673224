"""The workers' own parts; what it does as a process is in test_crew."""

import os
import socket
from pathlib import Path

import pytest

from botcannon_core.cannon import single, worker
from botcannon_core.cannon.frames import Channel
from botcannon_core.cannon.orders import Inbox
from botcannon_core.cannon.recipes import recipes
from botcannon_core.cannon.seat import Turn
from botcannon_core.compose.plan import plan_of
from botcannon_core.compose.spec import ClassSpec, ServiceSpec

APP = """
class Noted:
    def __init__(self):
        open("noted", "a").write("built ")

    def task(self, message, results):
        open("noted", "a").write("run ")
"""


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ServiceSpec:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "noting.py").write_text(APP)
    monkeypatch.chdir(tmp_path)
    task = ClassSpec("task", "noting", "Noted")
    return ServiceSpec("s", ClassSpec("collector", "noting", "Noted"), None, (task,))


def test_one_that_is_ready_when_nobody_wants_it_any_more_ends_in_order(
    service: ServiceSpec,
) -> None:
    pool, its_end = socket.socketpair()
    pool.close()
    with its_end:
        channel = Channel(its_end.fileno())
        how = recipes(plan_of(service))
        assert worker._work(how, Inbox(channel)) == 0
        assert single.work(how, channel, Turn()) == 0


def test_a_rehearsal_builds_and_runs_nothing_of_the_chain(
    tmp_path: Path, service: ServiceSpec
) -> None:
    before = len(os.listdir("/proc/self/fd"))
    single.rehearse(recipes(plan_of(service)))
    assert not (tmp_path / "noted").exists()
    assert len(os.listdir("/proc/self/fd")) == before
