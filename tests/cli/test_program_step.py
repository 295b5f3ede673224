"""`program run --step`: a run in this process, a pause before each step. User code: so in processes."""

import json
import subprocess
import sys

import pytest

from botcannon_core.cli.program.stepping import Stepper
from botcannon_core.message import Message
from botcannon_core.programs.means import Moment
from tests.cli.project_here import ProjectHere
from tests.story.cannon_here import ROOT

COMPOSE = """\
namespace: T
programs:
  buy:
    args: {item: string, fail: {type: string, default: ''}}
    outputs: {order: string}
    steps: [reserve, charge]
steps:
  reserve: {file: shop, entry: Reserve, undo: [release], conf: {key: s, kwargs: {token: '!!SECRET!!'}}}
  release: {file: shop, entry: release}
  charge: {file: shop, entry: charge}
services:
  shop:
    collector: {file: timer, entry: Timer}
    program: buy
"""
CODE = """\
from botcannon_core import Retry
class Reserve:
    def __init__(self, token): self.token = token
    def task(self, message, results): return {"order": self.token}
def release(message, results): print("released", results["item"])
def charge(message, results):
    if results["fail"] == "later" and not results.get("tried"):
        results["tried"] = True
        raise Retry(0.01)
    if results["fail"] == "now": raise ValueError("no money")
"""


@pytest.fixture
def shop(project: ProjectHere) -> ProjectHere:
    project.write("cannon-compose.yml", COMPOSE)
    project.write("app/shop.py", CODE)
    return project


def step(project: ProjectHere, typed: str, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", "botcannon_core.cli.main", "program", "run", "buy"]
    return subprocess.run(
        [*command, "--step", *words],
        cwd=project.folder,
        env={
            "PATH": "/usr/bin:/bin",
            "PYTHONPATH": str(ROOT),
            "BOTCANNON_STORE": f"unix://{project.store.address.removeprefix('unix://')}",
            "BOTCANNON_SECRET_S_TOKEN": "s3cr3t",
        },
        input=typed,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_each_step_is_shown_with_the_pool_before_it_runs(shop: ProjectHere) -> None:
    said = step(shop, "\n\n", "--item=x")
    assert said.stdout.splitlines() == [
        "reserve",
        '  pool: {"item": "x", "fail": ""}',
        "  done",
        "charge",
        '  pool: {"item": "x", "fail": "", "order": "***"}',
        "  done",
        "order: s3cr3t",
    ]
    assert (said.returncode, said.stderr) == (0, "")


@pytest.mark.parametrize("typed", ["\nq\n\n", "\n"], ids=["q", "the end of the input"])
def test_who_stops_has_undone_what_was_done(shop: ProjectHere, typed: str) -> None:
    said = step(shop, typed, "--item=x")
    assert said.stdout.splitlines()[3:] == [
        "charge",
        '  pool: {"item": "x", "fail": "", "order": "***"}',
        "  failed: stopped by hand",
        "undo release (of reserve)",
        '  pool: {"item": "x", "fail": "", "order": "***"}',
        "released x",
        "  done",
    ]
    assert said.stderr == "botcannon: undone: charge: stopped by hand\n"
    assert said.returncode == 1


def test_a_step_that_fails_is_undone_and_told_as_json(shop: ProjectHere) -> None:
    said = step(shop, "\n\n\n", "--item=x", "--fail=now", "--format=json")
    answer = json.loads(said.stdout)
    assert (answer["ok"], answer["error"]["text"]) == (False, "ValueError: no money")
    assert [line["step"] for line in answer["trace"]] == ["reserve", "charge", "release"]
    assert "released x" in said.stderr


def test_a_step_that_wants_another_try_gets_it(shop: ProjectHere) -> None:
    said = step(shop, "\n\n\n", "--item=x", "--fail=later")
    assert said.returncode == 0
    assert said.stdout.count("charge\n  pool: ") == 2
    assert "again in 0.01 s" in said.stdout


def test_ctrl_c_at_a_pause_stops_as_q_does() -> None:
    def ask(_prompt: str) -> str:
        raise KeyboardInterrupt

    stepper = Stepper(frozenset(), ask)
    stepper.seen(Moment("run", "a", "", {}))
    called = stepper.call("a", lambda _m, _r: pytest.fail("it ran"), Message({}), {}, ())
    assert (called.how, called.error) == ("failed", "stopped by hand")
    stepper.seen(Moment("undo", "b", "a", {}))
    assert stepper.call("b", lambda _m, _r: {"b": 1}, Message({}), {}, ()).given == {"b": 1}
