"""What a message costs, counted and not timed: commands, round trips and bytes at the store; forks here.

The counts are the server's own and the kernel's, per message of a queue. How large a batch is depends on
how busy the machine is, so the bounds have room; what they do not allow is a command, or a round trip,
for each message where many are said together.
"""

import signal
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.story.cannon_here import PATIENCE
from tests.story.hosts_here import Hosts, hosts

pytestmark = pytest.mark.story

MESSAGES = {"worker": 6000, "message": 400}
WORKERS = 2
# That the forker forks: for those that are busy, as many ahead, and as many in place of the rushed.
SEATS = 3 * WORKERS
# Of starting, ending, and what is done every second however many messages come.
FIXED = 300
FIXED_BYTES = 100_000  # the scripts are told on each line

BOT = """
import os

from botcannon_core import Halt

os.register_at_fork(after_in_parent=lambda: print(os.getpid(), file=open("forks", "a")))


class Feed:
    def __init__(self, count):
        self.count = count

    def read(self):
        if os.path.exists("fed"):
            raise Halt
        for number in range(self.count):
            yield {"n": str(number)}
        open("fed", "w").close()

    def taskback(self, message):
        with open("home", "a") as file:
            print(message["ok"], file=file)


class Work:
    def task(self, message, results):
        return {"ok": message["n"]}
"""
SERVICE = """
collector: {file: bot, entry: Feed, conf: {key: feed, kwargs: {count: COUNT}}}
tasks: [{file: bot, entry: Work}]
workers: {isolation: ISOLATION, hot: WORKERS, idle: WORKERS, max: WORKERS}
"""


@dataclass(frozen=True)
class Cost:
    """What the store was asked in a run."""

    commands: Counter[str]
    trips: int  # how often it had something to read, our own questions not counted
    bytes_in: int
    bytes_out: int

    @property
    def scripts(self) -> int:
        """How many scripts were run: each may deal with many messages."""
        return self.commands["evalsha"]


@dataclass(frozen=True)
class Costs:
    """What a queue cost on its way in, through the workers, and home."""

    count: int
    stored: Cost
    worked: Cost
    home: Cost
    answers: list[str]
    forks: int
    faults: float  # pages of memory that a worker was the first to touch, after the rush


def cost(here: Hosts, act: Callable[[], None]) -> Cost:
    client: Any = here.store.client
    client.config_resetstat()
    act()
    stats, calls = client.info("stats"), client.info("commandstats")
    commands = Counter({name[8:]: about["calls"] for name, about in calls.items()})
    trips = stats["total_reads_processed"] - commands["hgetall"]
    return Cost(commands, trips, stats["total_net_input_bytes"], stats["total_net_output_bytes"])


def run(here: Hosts, *words: str) -> None:
    assert here.up("a", *words).wait(PATIENCE) == 0


def faults_below(pid: int) -> int:
    """Page faults of the children that a process has buried."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[8])


def counted(isolation: str) -> Costs:
    count = MESSAGES[isolation]
    service = SERVICE.replace("COUNT", str(count)).replace("ISOLATION", isolation)
    with hosts(service.replace("WORKERS", str(WORKERS)), BOT) as here:
        stored = cost(here, lambda: run(here, "--only=collector"))
        ups = []

        def work() -> None:
            ups.append(here.up("a", "--only=workers"))
            here.until(lambda: here.counts().get("done") == count, "all are done")

        worked = cost(here, work)
        forks = Counter(map(int, (here.folder / "a" / "forks").read_text().split()))
        seats = [pid for pid in forks if forks[pid] > SEATS and Path(f"/proc/{pid}").exists()]
        faults = sum(map(faults_below, seats)) / max(1, sum(forks[pid] for pid in seats))
        ups[0].send_signal(signal.SIGTERM)
        ups[0].wait(PATIENCE)
        home = cost(here, lambda: run(here))
        answers = (here.folder / "a" / "home").read_text().split()
        return Costs(count, stored, worked, home, answers, forks.total(), faults)


@pytest.fixture(scope="module")
def many() -> Iterator[Costs]:
    """A queue that workers for many messages have emptied."""
    return counted("worker")


@pytest.fixture(scope="module")
def single() -> Iterator[Costs]:
    """A queue that workers for a single message each have emptied."""
    return counted("message")


# --- into the stream


def test_what_a_collector_yields_is_stored_many_at_a_time(many: Costs) -> None:
    assert many.stored.commands["xadd"] >= many.count
    assert many.stored.scripts < many.count / 10 + FIXED
    assert many.stored.trips < many.count / 10 + FIXED


def test_a_message_is_little_more_than_its_own_bytes_on_its_way_in(many: Costs) -> None:
    assert many.stored.bytes_in < 100 * many.count + FIXED_BYTES
    assert many.stored.bytes_out < 60 * many.count + FIXED_BYTES


# --- through workers that take many messages


def test_workers_for_many_messages_are_no_more_than_may_be_busy(many: Costs) -> None:
    assert many.forks <= WORKERS


def test_what_begins_and_ends_is_told_many_at_a_time(many: Costs) -> None:
    assert many.worked.commands["xreadgroup"] < many.count / 5 + FIXED
    assert many.worked.scripts < many.count / 3 + FIXED
    assert many.worked.trips < many.count / 3 + FIXED


def test_a_message_costs_few_commands_and_bytes_where_it_is_run(many: Costs) -> None:
    assert many.worked.commands.total() < 7.5 * many.count + FIXED
    assert many.worked.bytes_in < 320 * many.count + FIXED_BYTES
    assert many.worked.bytes_out < 140 * many.count + FIXED_BYTES


# --- through workers that take one


def test_there_is_one_fork_for_each_message_and_those_that_wait(single: Costs) -> None:
    # in each seat sits somebody in the end
    assert single.count <= single.forks <= single.count + 2 * SEATS


def test_a_worker_touches_few_pages_of_its_own(single: Costs) -> None:
    """Each is a page that is copied, at about two microseconds: most of what a fork costs."""
    assert (
        single.faults < 200
    )  # 147 with CPython 3.11, or 30 more where no large pages are to be had


def test_what_begins_and_ends_in_processes_of_its_own_is_told_many_at_a_time(single: Costs) -> None:
    assert single.worked.commands.total() < 7.5 * single.count + FIXED
    assert single.worked.scripts < single.count + FIXED
    assert single.worked.trips < single.count + FIXED
    assert single.worked.bytes_in < 700 * single.count + FIXED_BYTES


# --- home


def test_answers_come_home_many_at_a_time(many: Costs) -> None:
    assert many.home.commands["xreadgroup"] < many.count / 50 + FIXED
    assert many.home.commands["xack"] < many.count / 50 + FIXED
    assert many.home.trips < many.count / 10 + FIXED
    assert many.home.bytes_in < 40 * many.count + FIXED_BYTES
    assert many.home.bytes_out < 200 * many.count + FIXED_BYTES


def test_each_message_comes_home_once(many: Costs, single: Costs) -> None:
    for costs in (many, single):
        assert sorted(costs.answers, key=int) == [str(n) for n in range(costs.count)]
