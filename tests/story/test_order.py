"""Messages with the same value in one field are run in order and never two at a time, on two hosts."""

import json
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest

from tests.story.hosts_here import Hosts, hosts

pytestmark = pytest.mark.story

NAMES, EACH = 5, 24
SERVICE = """
collector: {file: bot, entry: Ledger}
tasks: [{file: bot, entry: Work}]
workers: {hot: 2, max: 4, env: [SHARED]}
deliver: {order_by: name, tries: 3, backoff: 20ms, lease: 2s}
"""
# ERRANT numbers fail once, LOST ones always; all are noted when they begin and when they end
BOT = """
import json, os, time
from botcannon_core import Halt

NAMES, EACH = 5, 24
ERRANT, LOST, DEADLY = 7, 11, 13


def note(file, /, **fields):
    line = json.dumps({**fields, "at": time.time()}) + "\\n"
    with open(os.path.join(os.environ["SHARED"], file), "a") as written:
        written.write(line)


class Ledger:
    given = 0

    def read(self):
        if self.given == NAMES * EACH:
            raise Halt
        for _ in range(10):
            name, n = self.given % NAMES, self.given // NAMES
            yield {"name": f"n{name}", "n": str(n)}
            self.given += 1


class Work:
    def task(self, message, results):
        n, name = int(message["n"]), message["name"]
        runs = os.path.join(os.environ["SHARED"], f"tried-{name}-{n}")
        first = not os.path.exists(runs)
        open(runs, "a").close()
        note("runs", name=name, n=n, what="begin", host=os.environ["BOTCANNON_HOST"])
        time.sleep(0.002)
        if n == LOST or (n == ERRANT and first):
            note("runs", name=name, n=n, what="end", host=os.environ["BOTCANNON_HOST"])
            raise ValueError("not now")
        if n == DEADLY and first:
            note("runs", name=name, n=n, what="end", host=os.environ["BOTCANNON_HOST"])
            os._exit(1)
        note("runs", name=name, n=n, what="end", host=os.environ["BOTCANNON_HOST"])
        return {"ok": "1"}
"""


@pytest.fixture
def here() -> Iterator[Hosts]:
    with hosts(SERVICE, BOT) as made:
        yield made


def test_each_lane_is_run_in_order_and_one_at_a_time_over_two_hosts(here: Hosts) -> None:
    here.up("a", "--only=workers")
    here.up("b", "--only=workers")
    here.until(lambda: here.run("a", "ps").stdout.count("ready") >= 2, "both pools are there")
    here.up("a", "--only=collector")
    here.until(lambda: len(here.stream("taskback")) == NAMES * EACH, "all has ended")
    runs = here.lines("runs")
    for name in {run["name"] for run in runs}:
        lane = [run for run in runs if run["name"] == name]
        assert_in_order(lane)
    assert {run["host"] for run in runs} == {"a", "b"}, "both hosts worked"
    parked = [one["name"] for one in here.stream("taskback") if one["_outcome"] == "parked"]
    assert sorted(parked) == sorted({run["name"] for run in runs})
    assert not here.store.client.keys("*lane:*"), "no lane is left"


def assert_in_order(lane: list[dict[str, Any]]) -> None:
    """Begin and end take turns, numbers only rise, and a retry comes before any successor."""
    assert [run["what"] for run in lane] == ["begin", "end"] * (len(lane) // 2), "one at a time"
    begun = [run["n"] for run in lane if run["what"] == "begin"]
    assert all(one <= after for one, after in pairwise(begun)), json.dumps(begun)
    assert sorted(set(begun)) == list(range(EACH))
    assert {n: begun.count(n) for n in (7, 11, 13, 0)} == {7: 2, 11: 3, 13: 2, 0: 1}
