"""An intake whose async collector dozes: what wakes it, and what goes on meanwhile."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from functools import partial
from typing import Any

import pytest

from botcannon_core.cannon import frames
from botcannon_core.cannon.frames import Channel
from botcannon_core.cannon.intake.dozing import DozingLoop
from botcannon_core.cannon.intake.intake import Intake
from botcannon_core.cannon.intake.process import _drive
from botcannon_core.cannon.process import forget_signals
from botcannon_core.compose.spec import ClassSpec, ServiceSpec
from botcannon_core.ledger.keys import Keys
from botcannon_core.ledger.store import Store
from botcannon_core.message import Message
from botcannon_core.roles import Halt

KEYS = Keys("T", "work")


class Door:
    """Says what there is to read on its descriptor, and halts at its end."""

    def __init__(self, descriptor: int | None) -> None:
        self._descriptor = descriptor
        self.answers: list[str] = []
        self.seen: list[str] = []

    def doze(self) -> int | None:
        self.seen.append("doze")
        return self._descriptor

    async def start(self) -> None:
        self.seen.append("start")

    async def read(self) -> AsyncIterator[dict[str, str]]:
        self.seen.append("read")
        if self._descriptor is None or not (data := os.read(self._descriptor, 100)):
            raise Halt
        yield {"text": data.decode()}

    async def taskback(self, message: Message) -> None:
        self.answers.append(message["text"])

    def close(self) -> None:
        self.seen.append("close")


class Around:
    """An intake, and the other ends of what it hears."""

    def __init__(self, store: Store) -> None:
        self.read_end, self.write_end = os.pipe()
        ours, theirs = frames.pair()
        self.store = store
        self.launcher = Channel(theirs)
        self.door = Door(self.read_end)
        service = ServiceSpec("work", ClassSpec("collector", "bot", "Door"))
        self.intake = Intake(service, self.door, store, Channel(ours), False)

    def doze(self) -> None:
        """Returns when it is awake."""
        DozingLoop(self.intake, self.read_end).run()

    def answer(self) -> None:
        """An answer that somebody is to be told."""
        fields = {"_id": "1-0", "_from": "a:1:1", "_outcome": "done", "text": "from afar"}
        self.store.client().xadd(KEYS.taskback, fields)

    def close(self) -> None:
        self.intake.returns.reader.line.close()
        self.intake.line.close()
        ends = (partial(os.close, end) for end in (self.read_end, self.write_end))
        for close in (self.launcher.close, *ends):
            with suppress(OSError):  # some tests close one
                close()


@pytest.fixture
def around(store: Store) -> Iterator[Around]:
    before = signal.getsignal(signal.SIGTERM)
    made = Around(store)
    yield made
    made.close()
    forget_signals()
    signal.signal(signal.SIGTERM, before)


def soon(call: Any) -> threading.Timer:
    """Have something done while the test dozes."""
    timer = threading.Timer(0.05, call)
    timer.start()
    return timer


def test_something_to_read_wakes_it_and_is_left_to_the_collector(around: Around) -> None:
    soon(lambda: os.write(around.write_end, b"hello"))
    around.doze()
    assert os.read(around.read_end, 10) == b"hello"
    assert ("state", "running") in around.launcher.receive()


def test_an_answer_wakes_it_and_waits_for_the_collector(around: Around) -> None:
    told = soon(around.answer)
    around.doze()
    told.join()  # it may hear of its own word after we do
    assert [one.message["text"] for one in around.intake.returns.waiting] == ["from afar"]


@pytest.mark.parametrize("word", ["rest", "finish"])
def test_the_launchers_word_wakes_it(around: Around, word: str) -> None:
    soon(lambda: around.launcher.send(word))
    around.doze()
    assert around.intake.is_resting


def test_the_end_of_the_launcher_wakes_it(around: Around) -> None:
    soon(around.launcher.close)
    around.doze()
    assert around.intake.is_resting


def test_a_signal_wakes_it(around: Around) -> None:
    soon(lambda: os.kill(os.getpid(), signal.SIGTERM))
    around.doze()
    assert around.intake.is_resting


def test_a_store_that_goes_and_comes_back_wakes_nobody(around: Around) -> None:
    def cut() -> None:
        client = around.store.client()
        ours = [one for one in client.client_list() if one["cmd"].startswith("xreadgroup")]
        for one in ours:
            client.client_kill(one["addr"])
        assert ours
        around.answer()

    cutting = soon(cut)
    around.doze()  # only the answer ends it
    cutting.join()
    assert [one.message["text"] for one in around.intake.returns.waiting] == ["from afar"]
    told = [body["text"] for kind, body in around.launcher.receive() if kind == "log"]
    assert told[-1] == "connected to the store again"


def test_a_plain_file_is_always_there_to_read(around: Around) -> None:
    with open(os.devnull, "rb") as nothing:
        DozingLoop(around.intake, nothing.fileno()).run()


def test_a_closed_descriptor_is_left_to_the_collector(around: Around) -> None:
    os.close(around.read_end)
    around.doze()
    assert not around.intake.is_resting


def test_whoever_has_dozed_is_driven_on_to_its_end(around: Around) -> None:
    around.answer()

    def speak() -> None:
        os.write(around.write_end, b"hello")
        os.close(around.write_end)

    soon(speak)
    _drive(around.intake)
    assert around.door.seen == ["doze", "start", "read", "read", "close"]
    assert around.door.answers == ["from afar"]
    [(_, stored)] = around.store.client().xrange(KEYS.data)
    assert stored["text"] == "hello"


def test_a_collector_that_will_not_doze_is_driven_at_once(around: Around) -> None:
    around.door._descriptor = None
    _drive(around.intake)
    assert around.door.seen == ["doze", "start", "read", "close"]


def test_the_way_to_a_doze_brings_no_event_loop() -> None:
    code = "import sys, botcannon_core.cannon.intake.process; sys.exit('asyncio' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
