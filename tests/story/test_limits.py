"""What a worker may use, and what it is born with: limits, an environment, and nothing else."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.story.cannon_here import Project, project

pytestmark = pytest.mark.story

LIMITS = """
collector: {file: feed, entry: Feed}
tasks: [{file: greedy, entry: Greedy}]
deliver: {tries: 1}
workers:
  timeout: 20s
  isolation: ISOLATION
  limits: {memory: 150MB, files: 64, processes: 5}
  env: [WANTED]
"""
GREEDY = '''
import os, subprocess, sys, time


class Greedy:
    """Takes as much of one thing as it gets, or tells what it was born with."""

    def task(self, message, results):
        return getattr(self, message["do"])()

    def memory(self):
        eaten = []
        while True:
            eaten.append(b"x" * 10_000_000)

    def files(self):
        opened = []
        while True:
            opened.append(open("/dev/null"))

    def processes(self):
        crowd = [subprocess.Popen(["sleep", "1000"]) for _ in range(8)]
        time.sleep(1000)

    def born(self):
        links = {int(n): None for n in os.listdir("/proc/self/fd")}
        for n in links:
            try:
                links[n] = os.readlink(f"/proc/self/fd/{n}")
            except OSError:
                pass
        return {
            "fds": {n: to for n, to in links.items() if to and not to.startswith("/proc")},
            "names": sorted(os.environ),
            "group": os.getpgid(0),
            "stdin": sys.stdin.read(),
        }
'''

PARTS = ("launcher", "intake", "pool", "forker")

Make = Callable[[str], Project]


@pytest.fixture
def make(monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    monkeypatch.setenv("WANTED", "1")
    monkeypatch.setenv("UNWANTED", "1")
    with ExitStack() as stack:

        def made(isolation: str) -> Project:
            here = stack.enter_context(project(LIMITS.replace("ISOLATION", isolation)))
            (here.folder / "app" / "greedy.py").write_text(GREEDY)
            here.up()
            return here

        yield made


@pytest.mark.parametrize("isolation", ["message", "worker"])
def test_a_worker_that_takes_too_much_is_parked_with_the_cause(make: Make, isolation: str) -> None:
    here = make(isolation)
    here.feed(*({"n": what, "do": what} for what in ("memory", "files", "processes")))
    answers = here.until(lambda: len(here.answers()) == 3 and here.answers(), "all have ended")
    errors = {n: answer["_error"] for n, answer in answers.items()}
    assert errors["memory"] == (
        "MemoryError: a worker may use 150 MB; "
        "set workers.limits.memory higher, or have it use less at once"
    )
    assert "Too many open files" in errors["files"]
    assert errors["processes"] == "had more than 5 processes and was ended"
    here.until(lambda: not any("sleep" in p.name() for p in here.ours()), "its helpers are gone")


@pytest.mark.parametrize("isolation", ["message", "worker"])
def test_a_worker_is_born_with_nothing_that_is_not_its_own(make: Make, isolation: str) -> None:
    here = make(isolation)
    here.feed(*({"n": str(n), "do": "born"} for n in range(3)))
    answers = here.until(lambda: len(here.answers()) == 3 and here.answers(), "all have ended")
    for answer in answers.values():
        opened = json.loads(answer["fds"])
        assert opened.pop("0") == "/dev/null"
        # its output, and the one channel to its pool
        assert sorted(to.split(":")[0] for to in opened.values()) == ["pipe", "pipe", "socket"]
        names = set(json.loads(answer["names"]))
        assert "WANTED" in names
        assert not {"UNWANTED", "PYTHONPATH"} & names
        assert answer["stdin"] == ""
        assert int(answer["group"]) not in {os.getpgid(0), *(here.pid_of(part) for part in PARTS)}
