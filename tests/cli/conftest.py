"""What the tests of the verbs share."""

from pathlib import Path

import pytest

from botcannon_core.ledger.store import Store
from tests.cli.project_here import BOT, COMPOSE, SECRET, ProjectHere


@pytest.fixture
def project(
    store: Store,
    valkey: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> ProjectHere:
    """A project with two services, `work` with tasks and a shell, and `bare` without."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BOTCANNON_STORE", valkey)
    monkeypatch.setenv(SECRET, "s3cr3t")
    here = ProjectHere(tmp_path, store, capsys)
    here.write("cannon-compose.yml", COMPOSE)
    here.write("app/bot.py", BOT)
    return here
