"""What happens to one message more than the service may hold: it waits, the oldest goes, or it fails."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.story.hosts_here import Hosts, hosts

pytestmark = pytest.mark.story

MOST = 5
SERVICE = f"""
collector: {{file: bot, entry: Ten}}
tasks: [{{file: bot, entry: Work}}]
backlog: {{max: {MOST}, when_full: WHEN}}
"""
BOT = """
from botcannon_core import Halt


class Ten:
    given = 0

    def read(self):
        if self.given == 10:
            raise Halt
        self.given += 1
        yield {"n": str(self.given)}


class Work:
    def task(self, message, results):
        return {"ok": "1"}
"""

Make = Callable[[str], Hosts]


@pytest.fixture
def make() -> Iterator[Make]:
    with ExitStack() as stack:
        yield lambda when: stack.enter_context(hosts(SERVICE.replace("WHEN", when), BOT))


def unsettled(here: Hosts) -> int:
    counts = here.counts()
    return counts.get("stored", 0) - counts.get("done", 0) - counts.get("parked", 0)


def numbers(here: Hosts, channel: str) -> list[str]:
    return [fields["n"] for fields in here.stream(channel)]


def test_a_collector_waits_until_there_is_room_and_loses_nothing(make: Make) -> None:
    here = make("wait")
    collector = here.up("a", "--only=collector")
    here.until(lambda: unsettled(here) == MOST, "the backlog is full")
    sent = here.run("b", "send", "work", "--n=more")
    assert (sent.returncode, sent.stdout) == (1, "")
    assert f"{MOST} are not settled" in sent.stderr
    assert unsettled(here) == MOST
    assert collector.poll() is None
    here.up("b", "--only=workers")
    assert collector.wait(20) == 0
    here.until(lambda: unsettled(here) == 0, "all is settled")
    assert sorted(map(int, numbers(here, "taskback"))) == list(range(1, 11))


def test_the_oldest_that_nobody_has_begun_is_dropped_and_its_asker_told(make: Make) -> None:
    here = make("drop-oldest")
    assert here.up("a", "--only=collector").wait(20) == 0
    assert unsettled(here) == MOST
    assert numbers(here, "data") == ["6", "7", "8", "9", "10"]
    assert numbers(here, "dead") == numbers(here, "taskback") == ["1", "2", "3", "4", "5"]
    assert {fields["_error"] for fields in here.stream("dead")} == {"dropped: the backlog was full"}
    assert {fields["_outcome"] for fields in here.stream("taskback")} == {"parked"}
    ids = [fields["_error_id"] for fields in here.stream("dead")]
    assert ids == [fields["_error_id"] for fields in here.stream("taskback")]
    assert len(set(ids)) == len(ids)
    for one, error_id in zip(here.stream("dead"), ids, strict=True):
        said = here.run("a", "logs", "work", f"--id={error_id}").stdout.partition("|")[2]
        assert said == f" [{error_id}] message {one['_id']}: {one['_error']}\n"
    assert here.run("b", "send", "work", "--n=more").returncode == 0
    assert numbers(here, "data") == ["7", "8", "9", "10", "more"]


def test_a_collector_fails_if_that_was_asked_for(make: Make) -> None:
    here = make("fail")
    assert here.up("a", "--only=collector").wait(20) == 1
    assert unsettled(here) == MOST
    sent = here.run("b", "send", "work", "--n=more")
    assert (sent.returncode, sent.stdout) == (1, "")
    assert numbers(here, "data") == ["1", "2", "3", "4", "5"]
