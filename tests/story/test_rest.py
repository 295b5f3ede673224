"""A pool that can do nothing just now rests, from end to end."""

import os
import signal
import time
from pathlib import Path

import pytest

from tests.story.hosts_here import Hosts, hosts

pytestmark = pytest.mark.story

SERVICE = """
collector: {file: bot, entry: Two}
tasks: [{file: bot, entry: Work}]
workers: {hot: 1, max: 1}
deliver: {tries: 2}
"""
BOT = """
import os
import time
from pathlib import Path

from botcannon_core import Retry


class Two:
    def __init__(self):
        self.texts = ["again", "long"]

    def read(self):
        if self.texts:
            yield {"text": self.texts.pop(0)}


def parent_of(pid):
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


class Work:
    def task(self, message, results):
        if message["text"] == "again":
            raise Retry(0.1)
        pool = parent_of(parent_of(os.getppid()))  # above the seat and the forker
        Path("found").write_text(str(pool))
        Path("found").rename("pool")
        time.sleep(5)
"""


def share_used(here: Hosts) -> float:
    """The part of a processor that the pool uses while its only worker runs the long message."""
    pool = int((here.folder / "a" / "pool").read_text())
    time.sleep(1.2)  # what it did a moment ago is not meant
    before = seconds_of(pool)
    time.sleep(1.5)
    return (seconds_of(pool) - before) / 1.5


def seconds_of(pid: int) -> float:
    ticks = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")


def test_while_a_next_try_is_due_and_no_worker_free() -> None:
    with hosts(SERVICE, BOT) as here:
        here.up("a")
        here.until((here.folder / "a" / "pool").exists, "the long message runs")
        assert share_used(here) < 0.2


def test_while_it_waits_for_its_last_message_to_end() -> None:
    with hosts(SERVICE, BOT) as here:
        up = here.up("a")
        here.until((here.folder / "a" / "pool").exists, "the long message runs")
        up.send_signal(signal.SIGTERM)
        assert share_used(here) < 0.2


def test_while_the_store_is_out_of_reach() -> None:
    with hosts(SERVICE, BOT) as here:
        here.up("a")
        here.until((here.folder / "a" / "pool").exists, "the long message runs")
        here.store.end(signal.SIGKILL)
        assert share_used(here) < 0.2
        here.store.start()
