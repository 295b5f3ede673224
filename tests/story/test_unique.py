"""A message whose value was seen is dropped, on any host; the outside is told that it is stored."""

from collections.abc import Iterator

import pytest

from tests.story.hosts_here import Hosts, hosts

pytestmark = pytest.mark.story

SERVICE = """
collector: {file: bot, entry: Repeats}
tasks: [{file: bot, entry: Work}]
workers: {env: [SHARED]}
unique: {by: key, within: 1h}
"""
BOT = '''
import json, os
from botcannon_core import Halt


class Repeats:
    """Ten messages with three keys, and one without."""

    given = 0

    def read(self):
        if self.given == 11:
            raise Halt
        for n in range(10):
            self.given += 1
            yield {"n": str(n), "key": f"k{n % 3}"}
        self.given += 1
        yield {"n": "none"}

    def stored(self, message):
        with open(os.path.join(os.environ["SHARED"], "stored"), "a") as file:
            file.write(json.dumps({"n": message["n"], "id": message.id}) + "\\n")


class Work:
    def task(self, message, results):
        return {"ok": "1"}
'''


@pytest.fixture
def here() -> Iterator[Hosts]:
    with hosts(SERVICE, BOT) as made:
        yield made


def test_a_repeat_is_stored_once_and_said_to_be_stored_each_time(here: Hosts) -> None:
    assert here.up("a").wait(20) == 0
    assert [fields["n"] for fields in here.stream("data")] == ["0", "1", "2", "none"]
    assert sorted(fields["n"] for fields in here.stream("taskback")) == ["0", "1", "2", "none"]
    told = {one["n"]: one["id"] for one in here.lines("stored")}
    assert set(told) == {*map(str, range(10)), "none"}
    assert (here.counts()["stored"], here.counts()["repeats"]) == (4, 7)
    assert told["9"] == told["6"] == told["3"] == told["0"]


def test_a_repeat_is_seen_over_hosts_and_restarts(here: Hosts) -> None:
    assert here.up("a").wait(20) == 0
    assert here.up("b").wait(20) == 0
    assert [fields["n"] for fields in here.stream("data")] == ["0", "1", "2", "none", "none"]
    assert len(here.lines("stored")) == 22
    sent = here.run("a", "send", "work", "--key=k1")
    assert sent.stdout.strip() == here.lines("stored")[1]["id"]
    assert len(here.stream("data")) == 5
    assert here.counts()["repeats"] == 7 + 10 + 1
