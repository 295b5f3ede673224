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


HANDLES_SERVICE = """
collector: {file: bot, entry: Three}
tasks: [{file: bot, entry: Nap}]
workers: {isolation: worker, concurrency: 5, hot: 1, max: 1}
"""
HANDLES_BOT = """
import asyncio

from botcannon_core import Halt


class Three:
    def __init__(self):
        self.asked = [("ada", "sleep"), ("bob", "sleep"), ("ada", "end it")]

    def read(self):
        if not self.asked:
            raise Halt
        user, text = self.asked.pop(0)
        yield {"user": user, "text": text}

    def note(self, message):
        self.write("note", message["user"], message.note)

    def taskback(self, message):
        self.write(message["text"], message["user"], message.error, message.get("found"))

    def write(self, *words):
        with open("home", "a") as file:
            print(*words, file=file)


class Nap:
    def __init__(self, cancel, memory, progress):
        self.cancel, self.memory, self.progress = cancel, memory, progress

    async def task(self, message, results):
        if message["text"] == "end it":
            await asyncio.sleep(1)
            return {"found": self.cancel(message)}
        self.memory.put(message["user"], "x", 60)
        self.progress(f"{message['user']} naps")
        await asyncio.sleep(3)
        return {"found": self.memory.get(message["user"])}
"""


def test_each_of_them_has_its_own_handles() -> None:
    with hosts(HANDLES_SERVICE, HANDLES_BOT) as here:
        assert here.up("a").wait(60) == 0
        home = (here.folder / "a" / "home").read_text().splitlines()
    assert sorted(home) == [
        "end it ada None true",
        "note ada ada naps",
        "note bob bob naps",
        "sleep ada cancelled None",
        "sleep bob None x",
    ]


SHELL_SERVICE = """
collector: {file: bot, entry: Two}
shell: {file: bot, entry: Shell}
tasks: [{file: bot, entry: before}, {file: torch, entry: Torch}]
workers: {isolation: worker, concurrency: 5, hot: 1, max: 1}
"""
SHELL_BOT = """
import asyncio

from botcannon_core import Halt


class Two:
    def __init__(self):
        self.is_asked = False

    def read(self):
        if self.is_asked:
            raise Halt
        self.is_asked = True
        yield from ({"user": user, "text": "nap"} for user in ("ada", "bob"))

    def taskback(self, message):
        with open("home", "a") as file:
            print(message["user"], message["text"], message.get("before"), message.error, file=file)

    def note(self, message):
        pass


class Shell:
    async def nap(self, progress):
        progress("naps")
        await asyncio.sleep(0.1)
        return "rested"


async def before(message, results):
    await asyncio.sleep(0.1)
    return {"before": message["user"]}
"""


def test_a_shell_with_async_commands_may_stand_behind_an_async_task() -> None:
    with hosts(SHELL_SERVICE, SHELL_BOT) as here:
        assert here.up("a").wait(60) == 0
        home = (here.folder / "a" / "home").read_text().splitlines()
    assert sorted(home) == ["ada rested ada None", "bob rested bob None"]


KILLER_SERVICE = """
collector: {file: bot, entry: Ten}
tasks: [{file: bot, entry: Work}]
workers: {isolation: worker, concurrency: 10, hot: 1, max: 1}
deliver: {tries: TRIES, backoff: 10ms}
"""
KILLER_BOT = """
import asyncio
import os
import signal

from botcannon_core import Halt


class Ten:
    def __init__(self):
        self.is_asked = False

    def read(self):
        if self.is_asked:
            raise Halt
        self.is_asked = True
        yield from ({"n": str(number)} for number in range(10))

    def taskback(self, message):
        with open("home", "a") as file:
            print(message["n"], message.outcome, file=file)


class Work:
    async def task(self, message, results):
        await asyncio.sleep(0.1)
        if message["n"] == "4":
            os.kill(os.getpid(), signal.SIGKILL)
        await asyncio.sleep(0.1)
        return {"n": message["n"]}
"""


@pytest.mark.parametrize("tries", [2, 3])
def test_one_that_kills_its_worker_parks_no_other(tries: int) -> None:
    with hosts(KILLER_SERVICE.replace("TRIES", str(tries)), KILLER_BOT) as here:
        assert here.up("a").wait(60) == 0
        home = (here.folder / "a" / "home").read_text().splitlines()
    assert sorted(home) == [f"{n} {'parked' if n == 4 else 'done'}" for n in range(10)]
