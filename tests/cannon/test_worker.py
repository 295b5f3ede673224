"""The worker's own parts; what it does as a process is in test_crew."""

import os
from pathlib import Path

import pytest

from botcannon_core.cannon import worker
from botcannon_core.compose.spec import ClassSpec, ServiceSpec

APP = """
class Noted:
    def __init__(self):
        open("noted", "a").write("built ")

    def task(self, message, results):
        open("noted", "a").write("run ")
"""


def test_a_rehearsal_builds_and_runs_nothing_of_the_chain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "noting.py").write_text(APP)
    monkeypatch.chdir(tmp_path)
    task = ClassSpec("task", "noting", "Noted")
    service = ServiceSpec("s", ClassSpec("collector", "noting", "Noted"), None, (task,))
    before = len(os.listdir("/proc/self/fd"))
    worker.rehearse(worker.recipes(service, {}))
    assert not (tmp_path / "noted").exists()
    assert len(os.listdir("/proc/self/fd")) == before
