"""Workers that run many messages at once (`workers.concurrency`), from end to end."""

import pytest

from tests.story.hosts_here import hosts

pytestmark = pytest.mark.story

CONCURRENCY = 20
SERVICE = """
collector: {file: bot, entry: Feed}
tasks: [{file: bot, entry: Work}]
workers: {isolation: worker, concurrency: CONCURRENCY, hot: 1, max: 2}
"""
BOT = """
import asyncio

from botcannon_core import Halt


class Feed:
    def __init__(self):
        self.numbers = iter(range(200))

    def read(self):
        number = next(self.numbers, None)
        if number is None:
            raise Halt
        yield {"n": str(number)}

    def taskback(self, message):
        with open("home", "a") as file:
            print(message["n"], message["together"], file=file)


class Work:
    def __init__(self):
        self.running = self.most = 0

    async def task(self, message, results):
        self.running += 1
        self.most = max(self.most, self.running)
        await asyncio.sleep(0.2)
        self.running -= 1
        return {"n": message["n"], "together": self.most}
"""


def test_as_many_run_at_once_as_a_worker_may_run() -> None:
    with hosts(SERVICE.replace("CONCURRENCY", str(CONCURRENCY)), BOT) as here:
        assert here.up("a").wait(60) == 0
        home = [line.split() for line in (here.folder / "a" / "home").read_text().splitlines()]
    assert sorted(int(number) for number, _ in home) == list(range(200))
    assert max(int(together) for _, together in home) == CONCURRENCY
