"""Programs on two hosts: when one dies or freezes in the middle, the other one goes on, and it alone."""

import os
import signal
from typing import Any

import psutil
import pytest
import yaml

from botcannon_core import contract
from tests.story.hosts_here import Hosts, hosts

pytestmark = pytest.mark.story

APP = '''
import json, os, time


def note(name, message):
    with open(os.path.join(os.environ["SHARED"], "acts"), "a") as file:
        line = {"name": name, "host": os.environ["BOTCANNON_HOST"], "doubt": message.in_doubt}
        file.write(json.dumps(line) + "\\n")


def reserve(message, results):
    note("reserve", message)


def release(message, results):
    note("release", message)


class Wait:
    """Until the file `go` is there."""

    def task(self, message, results):
        note("wait", message)
        while not os.path.exists(os.path.join(os.environ["SHARED"], "go")):
            time.sleep(0.005)
        return {"waited": "yes"}

    def undo(self, message, results):
        note("unwait", message)


def ship(message, results):
    note("ship", message)
'''
DOCUMENT: dict[str, Any] = {
    "namespace": "T",
    "programs": {
        "buy": {
            "args": {"item": "string"},
            "steps": [
                {"file": "bot", "entry": "reserve", "undo": ["release"]},
                {"file": "bot", "entry": "Wait"},
                {"file": "bot", "entry": "ship"},
            ],
        }
    },
    "steps": {"release": {"file": "bot", "entry": "release"}},
    "services": {
        "work": {
            "collector": {"file": "timer", "entry": "Timer", "conf": {"kwargs": {"every": 3600}}},
            "program": "buy",
            "deliver": {"lease": "2s"},
            "workers": {"env": ["SHARED"]},
        }
    },
}


def set_up(here: Hosts) -> None:
    for name in ("a", "b"):
        (here.folder / name / "cannon-compose.yml").write_text(yaml.safe_dump(DOCUMENT))


def acts(here: Hosts) -> list[str]:
    """`HOST NAME`, with a ? where the step was told of a doubt."""
    return [f"{one['host']} {one['name']}{'?' * one['doubt']}" for one in here.lines("acts")]


def all_of(up: Any) -> list[psutil.Process]:
    """Whatever runs of a host."""
    return [p for p in psutil.process_iter() if _session(p.pid) == up.pid]


def _session(pid: int) -> int:
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return -1


def begun(here: Hosts) -> Any:
    """A run that host a has come to the middle of, and host b ready to take over."""
    set_up(here)
    first = here.up("a", "--only=workers")
    sent = here.run("a", "send", "work", "--item=x")
    assert sent.returncode == 0, sent.stderr
    here.until(lambda: acts(here) == ["a reserve", "a wait"], "the run is in the middle")
    return first


def answers(here: Hosts) -> list[dict[str, Any]]:
    return [contract.unpack(one["body"]) for one in here.stream("taskback") if "body" in one]


def has_noticed(here: Hosts) -> bool:
    """Whether host a knows that its message is somebody else's, or may be."""
    text = (here.folder / "a.txt").read_text()
    return "is no longer ours" in text or "messages are let go" in text


def test_a_run_of_a_host_that_died_is_undone_by_another() -> None:
    with hosts("", APP) as here:
        first = begun(here)
        dying = all_of(first)
        for process in dying:
            process.suspend()  # at once, as a host dies: none sees another one's end
        for process in dying:
            process.kill()
        here.up("b", "--only=workers")
        here.until(lambda: answers(here), "the run is over")
        assert acts(here)[2:] == ["b unwait?", "b release"]
        (answer,) = answers(here)
        assert (answer["error"]["kind"], answer["in_doubt"]) == ("killed", ["Wait"])


def test_a_host_that_froze_in_the_middle_writes_nothing_when_it_wakes_up() -> None:
    with hosts("", APP) as here:
        first = begun(here)
        frozen = all_of(first)
        for process in frozen:
            process.suspend()
        try:
            here.up("b", "--only=workers")
            here.until(lambda: answers(here), "the run is over")
            (here.folder / "go").touch()
        finally:
            for process in reversed(frozen):
                process.send_signal(signal.SIGCONT)
        here.until(lambda: has_noticed(here), "it has noticed")
        assert acts(here)[2:] == ["b unwait?", "b release"]
        assert len(answers(here)) == 1
        assert here.counts()["done"] == 1
