"""A rush: where a seat has had many messages, it gives way to one whose code lies in large pages."""

from collections import Counter

import pytest

from botcannon_core.cannon import seat
from tests.cannon.test_pages import needs_large_pages
from tests.story.cannon_here import PATIENCE
from tests.story.hosts_here import hosts

pytestmark = pytest.mark.story

BOT = """
import os

from botcannon_core import Halt


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
        with open("answers", "a") as file:
            print(message["n"], message["large"], file=file)


class Work:
    def task(self, message, results):
        with open("/proc/self/maps") as maps:
            copies = [words for words in map(str.split, maps) if words[1] == "r-xp" and len(words) == 5]
        return {"large": len(copies)}
"""
SERVICE = """
collector: {file: bot, entry: Feed, conf: {key: feed, kwargs: {count: COUNT}}}
tasks: [{file: bot, entry: Work}]
workers: {hot: 1, idle: 1, max: 1}
"""


def answers(count: int) -> tuple[list[str], list[str], str]:
    """The messages' numbers, sorted; in how many copies the code lay for each; what was printed."""
    with hosts(SERVICE.replace("COUNT", str(count)), BOT) as here:
        assert here.up("a", "--only=collector").wait(PATIENCE) == 0
        up = here.up("a", "--only=workers")
        here.until(lambda: here.counts().get("done") == count, "all are done")
        up.terminate()
        up.wait(PATIENCE)
        assert here.up("a").wait(PATIENCE) == 0
        lines = (here.folder / "a" / "answers").read_text().splitlines()
        log = (here.folder / "a.txt").read_text()
    numbers, large = zip(*map(str.split, lines), strict=True)
    return sorted(numbers, key=int), list(large), log


@needs_large_pages
def test_after_a_rush_workers_are_forked_from_large_pages_and_nothing_is_lost() -> None:
    count = 6 * seat.RUSH
    numbers, large, log = answers(count)
    assert numbers == [str(number) for number in range(count)]
    assert Counter(large)["1"] > seat.RUSH, "its successors' code lies together"
    assert Counter(large)["0"] >= seat.RUSH, "before the rush nobody paid for it"
    assert "died" not in log


def test_a_few_messages_are_no_rush() -> None:
    _, large, _ = answers(20)
    assert set(large) == {"0"}
