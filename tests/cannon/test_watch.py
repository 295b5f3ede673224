"""The watch: who is called when something can be read, also when one caller closes another's source."""

import os
import socket
from collections.abc import Iterator

import pytest

from botcannon_core.cannon.watch import Watch


@pytest.fixture
def watch() -> Iterator[Watch]:
    made = Watch()
    yield made
    made.close()


def pair() -> tuple[socket.socket, socket.socket]:
    return socket.socketpair()


def test_whoever_minds_a_readable_source_is_called(watch: Watch) -> None:
    mine, theirs = pair()
    heard: list[bytes] = []
    watch.on(mine, lambda: heard.append(mine.recv(10)))
    watch.wait(0)
    assert heard == []
    theirs.send(b"hi")
    watch.wait(1)
    assert heard == [b"hi"]


def test_a_source_closed_by_the_other_end_is_readable(watch: Watch) -> None:
    mine, theirs = pair()
    heard: list[bytes] = []
    watch.on(mine, lambda: heard.append(mine.recv(10)))
    theirs.close()
    watch.wait(1)
    assert heard == [b""]


def test_a_forgotten_source_calls_nobody(watch: Watch) -> None:
    mine, theirs = pair()
    watch.on(mine, lambda: pytest.fail("was called"))
    assert watch.knows(mine)
    watch.forget(mine)
    assert not watch.knows(mine)
    theirs.send(b"hi")
    watch.wait(0)


def test_a_source_may_be_forgotten_after_it_was_closed_or_without_having_been_watched(
    watch: Watch,
) -> None:
    mine, _theirs = pair()
    watch.forget(mine)
    watch.on(mine, lambda: None)
    mine.close()
    watch.forget(mine)
    watch.forget(mine)


def test_watching_again_replaces_the_call(watch: Watch) -> None:
    mine, theirs = pair()
    heard: list[str] = []
    watch.on(mine, lambda: heard.append("old"))
    watch.on(mine, lambda: heard.append("new"))
    theirs.send(b"hi")
    watch.wait(1)
    assert heard == ["new"]


def test_a_call_may_forget_and_close_a_source_that_is_due_too(watch: Watch) -> None:
    sources = [pair() for _ in range(10)]
    heard: list[int] = []

    def take(n: int) -> None:
        heard.append(n)
        for mine, _ in sources:
            watch.forget(mine)
            mine.close()

    for n, (mine, theirs) in enumerate(sources):
        watch.on(mine, lambda n=n: take(n))  # type: ignore[misc]
        theirs.send(b"hi")
    watch.wait(1)
    assert len(heard) == 1
    watch.wait(0)


def test_a_new_source_with_a_closed_ones_number_is_its_own(watch: Watch) -> None:
    old, old_other = pair()
    other, other_end = pair()
    heard: list[str] = []
    fresh: list[socket.socket] = []

    def replace() -> None:
        heard.append("replaced")
        watch.forget(old)
        watch.forget(other)
        number = old.fileno()
        old.close()
        ends = pair()
        fresh.extend(ends)
        assert number in (ends[0].fileno(), ends[1].fileno())
        watch.on(ends[0], lambda: heard.append("fresh"))

    watch.on(old, replace)
    watch.on(other, replace)
    old_other.send(b"hi")
    other_end.send(b"hi")
    watch.wait(1)
    assert heard == ["replaced"]
    fresh[1].send(b"hi")
    watch.wait(1)
    assert heard == ["replaced", "fresh"]


def test_a_thing_with_a_descriptor_is_enough(watch: Watch) -> None:
    read_end, write_end = os.pipe()

    class Source:
        def fileno(self) -> int:
            return read_end

    heard: list[bytes] = []
    source = Source()
    watch.on(source, lambda: heard.append(os.read(read_end, 10)))
    os.write(write_end, b"x")
    watch.wait(1)
    assert heard == [b"x"]
    watch.forget(source)
    os.close(read_end)
    os.close(write_end)
