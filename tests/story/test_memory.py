"""What a service remembers from one message to the next, each in a process of its own."""

import pytest

from tests.story.cannon_here import project

pytestmark = [pytest.mark.story, pytest.mark.xdist_group("main_job")]

SERVICE = """
collector: {file: feed, entry: Feed}
tasks: [{file: count, entry: Count}]
deliver: {order_by: who}
"""
COUNT = """
import os


class Count:
    def __init__(self, memory):
        self.memory = memory

    def task(self, message, results):
        key = message["who"]
        before = int(self.memory.get(key) or 0)
        self.memory.put(key, str(before + 1), 60)
        return {"count": before + 1, "pid": os.getpid()}
"""


def test_a_count_goes_on_from_process_to_process_in_the_order_of_its_lane() -> None:
    with project(SERVICE) as here:
        (here.folder / "app" / "count.py").write_text(COUNT)
        here.feed(*({"n": str(n), "who": "ab"[n % 2]} for n in range(20)), "halt")
        here.up()
        assert here.code() == 0, here.text
        answers = here.answers()
        counts = [answers[str(n)]["count"] for n in range(20)]
        assert counts == [str(n // 2 + 1) for n in range(20)]
        assert len({answer["pid"] for answer in answers.values()}) > 10
