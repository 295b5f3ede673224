"""Workers that are given messages ahead (`isolation: worker`): nothing is lost, and nothing is run twice
unless something died in the middle of it.
"""

import os
import random
import signal
from collections import Counter
from collections.abc import Iterator
from typing import Any

import psutil
import pytest

from botcannon_core.ledger import lanes
from botcannon_core.ledger.stream import NOBODY, POOL
from tests.story.cannon_here import wait_until
from tests.story.hosts_here import KEYS, Hosts, hosts

pytestmark = pytest.mark.story

SERVICE = """
collector: {file: bot, entry: Door}
tasks: [{file: bot, entry: Work}]
workers: {isolation: worker, hot: 2, max: 2, timeout: 500ms, env: [SHARED]}
stop_grace: 10s
deliver: {tries: 2, backoff: 10ms, order_by: lane}
"""
BOT = """
import json, os, time


class Door:
    def read(self):
        return None


class Work:
    def __init__(self):
        path = os.path.join(os.environ["SHARED"], "runs")
        self.runs = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def note(self, what, message):
        line = {"what": what, **message, "pid": os.getpid()}
        os.write(self.runs, json.dumps(line).encode() + b"\\n")

    def task(self, message, results):
        self.note("begin", message)
        do = message.get("do", "")
        if do == "die":
            os._exit(3)
        if do == "overrun":
            time.sleep(1000)
        if do == "print":
            print("said by", message["n"])
        time.sleep(float(message.get("seconds", 0)))
        self.note("end", message)
        return {"square": str(int(message["n"]) ** 2)}
"""


@pytest.fixture
def here() -> Iterator[Hosts]:
    with hosts(SERVICE, BOT) as made:
        yield made


def put(here: Hosts, messages: list[dict[str, str]]) -> None:
    """As an intake stores them, all at once."""
    client: Any = here.store.client
    client.hincrby(KEYS.key("counts"), "stored", len(messages))
    with client.pipeline() as line:
        for fields in messages:
            line.xadd(KEYS.data, {**fields, "_from": "nobody:1:1"})
        entries = line.execute()
        for fields, entry in zip(messages, entries, strict=True):
            if "lane" in fields:
                line.rpush(lanes.key_of(KEYS, fields["lane"]), entry)
        line.execute()


def begun(here: Hosts) -> Counter[str]:
    return Counter(run["n"] for run in here.lines("runs") if run["what"] == "begin")


def ended(here: Hosts) -> int:
    counts = here.counts()
    return counts.get("done", 0) + counts.get("parked", 0)


def answers_are_right(here: Hosts) -> bool:
    backs = [back for back in here.stream("taskback") if back["_outcome"] == "done"]
    return all(int(back["square"]) == int(back["n"]) ** 2 for back in backs)


def test_quick_slow_deadly_and_endless_messages_do_not_harm_each_other(here: Hosts) -> None:
    dice = random.Random(5)
    kinds = ["die"] * 8 + ["overrun"] * 2 + ["print"] * 20 + [""] * 1500
    dice.shuffle(kinds)
    messages = [{"n": str(n), "do": do} for n, do in enumerate(kinds)]
    for one in dice.sample([one for one in messages if not one["do"]], 30):
        one["seconds"] = (
            f"{dice.uniform(0.015, 0.06):.3f}"  # around the line between quick and slow
        )
    put(here, messages)
    here.up("a", "--only=workers")
    here.until(lambda: ended(here) == len(messages), "all have ended")
    bad = {one["n"] for one in messages if one["do"] in ("die", "overrun")}
    runs = begun(here)
    assert {n: runs[n] for n in bad} == dict.fromkeys(bad, 2)
    assert {n for n, count in runs.items() if count > 1} == bad
    assert here.counts()["parked"] == len(bad)
    assert answers_are_right(here)
    causes = {one["do"]: one["_error"] for one in here.stream("dead")}
    assert causes["overrun"] == "took longer than 0.5 s and was ended"
    assert "exit code 3" in causes["die"]
    printed = (here.folder / "a.txt").read_text()
    said = [one["n"] for one in messages if one["do"] == "print"]
    assert all(printed.count(f"said by {n}\n") == 1 for n in said)


def test_who_is_stopped_with_many_in_hand_ends_soon_and_hands_back(here: Hosts) -> None:
    quick = [{"n": str(n)} for n in range(3000)]
    up = here.up("a", "--only=workers")
    put(here, quick)
    here.until(lambda: ended(here) > 500, "it is in the middle of it")
    put(here, [{"n": str(n), "seconds": "0.3"} for n in range(3000, 3004)])
    up.send_signal(signal.SIGTERM)
    assert up.wait(8) == 143  # as asked, and before it had to be insisted
    tries: Any = here.store.client.hvals(KEYS.key("tries"))
    assert set(tries) <= {"0"}, "one that did not run is said to have had a try"
    left: Any = here.store.client.xpending_range(KEYS.data, POOL, "-", "+", 5000)
    assert {one["consumer"] for one in left} <= {NOBODY}
    here.up("b", "--only=workers")
    here.until(lambda: ended(here) == 3004, "all have ended")
    assert begun(here) == dict.fromkeys(map(str, range(3004)), 1)
    assert here.counts()["done"] == 3004
    assert answers_are_right(here)


def test_a_frozen_pool_and_frozen_workers_let_nothing_run_twice(here: Hosts) -> None:
    """For longer than a message is quick, and shorter than a lease or its time."""
    dice = random.Random(7)
    here.up("a", "--only=workers")
    put(here, [{"n": str(n)} for n in range(4000)])

    def strike() -> bool:
        runs = here.lines("runs")
        if runs:
            worker = psutil.Process(runs[-1]["pid"])
            target = dice.choice([worker, worker.parents()[1]])
            target.suspend()
            try:
                wait_until(lambda: target.status() == psutil.STATUS_STOPPED, "it is frozen")
                before = os.times().elapsed
                wait_until(lambda: os.times().elapsed > before + 0.06, "a moment is over")
            finally:
                target.resume()
        return ended(here) == 4000

    here.until(strike, "all have ended")
    assert begun(here) == dict.fromkeys(map(str, range(4000)), 1)
    assert answers_are_right(here)


def test_what_is_in_order_is_run_in_order_and_never_two_at_a_time(here: Hosts) -> None:
    dice = random.Random(9)
    messages = [{"n": str(n), "lane": str(dice.randrange(8))} for n in range(800)]
    for one in dice.sample(messages, 30):
        one["seconds"] = "0.025"
    put(here, messages)
    here.up("a", "--only=workers")
    here.up("b", "--only=workers")
    here.until(lambda: ended(here) == len(messages), "all have ended")
    for lane in map(str, range(8)):
        seen = [(run["what"], run["n"]) for run in here.lines("runs") if run["lane"] == lane]
        mine = [one["n"] for one in messages if one["lane"] == lane]
        assert seen == [(what, n) for n in mine for what in ("begin", "end")]
