"""How little `up` does until something runs: counted in processes and in modules, not in seconds."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

# Runs `up`, noting each process that it starts itself and what it has imported by then.
NOTING = """
import gc, json, os, sys
begun = []
def noting(how, start):
    def started(*words, **more):
        begun.append([how, sorted(sys.modules), gc.isenabled()])
        return start(*words, **more)
    return started
os.fork, os.posix_spawn = noting("fork", os.fork), noting("spawn", os.posix_spawn)
me = os.getpid()
from botcannon_core.cli.main import exit_code
code = exit_code(["up"])
if os.getpid() == me:
    print(json.dumps(begun))
sys.exit(code)
"""
COMPOSE = """
namespace: T
services:
  work:
    collector: {file: bot, entry: Once}
    tasks: [{file: bot, entry: Work}]
"""
BOT = """
from botcannon_core import Halt
class Once:
    def read(self):
        raise Halt
class Work:
    def task(self, message, results): ...
"""


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, set[str]]]:
    """Every process that an `up` with its own store starts: how, and what was imported by then."""
    folder = tmp_path_factory.mktemp("up")
    (folder / "app").mkdir()
    (folder / "app" / "bot.py").write_text(BOT)
    (folder / "cannon-compose.yml").write_text(COMPOSE)
    root = Path(__file__).parents[2]
    kept = {n: v for n, v in os.environ.items() if not n.startswith("BOTCANNON_")}
    done = subprocess.run(
        [sys.executable, "-c", NOTING],
        cwd=folder,
        env={**kept, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found: list[list[Any]] = json.loads(done.stdout.splitlines()[-1])
    assert all(collects for *_, collects in found)  # what hurries over imports hurries no further
    return [(how, set(modules)) for how, modules, _ in found]


def test_the_store_is_started_first_then_the_check_then_pool_and_intake(begun) -> None:
    assert [how for how, _ in begun] == ["spawn", "fork", "fork", "fork"]


def test_little_is_imported_before_the_store_starts(begun) -> None:
    (_, at_store), *_ = begun
    ours = [name.removeprefix("botcannon_core.") for name in at_store]
    assert {name for name in ours if name.startswith("cannon.")} == {"cannon.declared"}
    assert {name for name in ours if name.startswith(("chat.", "programs."))} == {
        "chat.schema",
        "programs.schema",
    }


def test_the_launcher_is_imported_while_the_store_starts_and_the_check_looks(begun) -> None:
    (_, at_store), (_, at_check), (_, at_pool), _ = begun
    assert "botcannon_core.cannon.launcher" not in at_store | at_check
    assert "botcannon_core.cannon.launcher" in at_pool


@pytest.mark.parametrize(
    "name",
    [
        "asyncio",
        "botcannon_core.contract",
        "fire",
        "prompt_toolkit",
        "psutil",
        "redis",
        "shutil",
        "tempfile",
        "app",
    ],
)
def test_the_launcher_never_imports(name: str, begun) -> None:
    assert all(name not in modules for _, modules in begun)
