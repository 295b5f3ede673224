"""What a service remembers, in a real store and in one process."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from botcannon_core.cannon import asks
from botcannon_core.errors import UsageError
from botcannon_core.ledger.line import Line
from botcannon_core.ledger.memory import LONGEST_KEY, LONGEST_TEXT, Memory, forgetful, kept
from botcannon_core.ledger.store import Store


@pytest.fixture
def line(store: Store) -> Iterator[Line]:
    opened = Line(store, "T|x")
    yield opened
    opened.close()


def asker(line: Line, store: Store, service: str = "chat") -> Any:
    """Asks as a worker does, and waits as a pool does not."""

    def ask(kind: str, body: Any) -> Any:
        answers: list[Any] = []
        asks.answer(line, store.keys(service), [kind, body], answers.append)
        deadline = time.monotonic() + 10
        while not answers:
            assert time.monotonic() < deadline
            line.hear(0.1)
        return answers[0]

    return ask


@pytest.fixture(params=["worker", "intake", "process"])
def memory(request: pytest.FixtureRequest, line: Line, store: Store) -> Memory:
    if request.param == "intake":
        return kept(store, store.keys("chat"))
    return Memory(asker(line, store)) if request.param == "worker" else forgetful()


def test_what_is_put_is_got_until_it_is_dropped(memory: Memory) -> None:
    assert memory.get("more ada") is None
    memory.put("more ada", "the rest ☃", 60)
    assert memory.get("more ada") == memory.get("more ada") == "the rest ☃"
    memory.put("more ada", "newer", 60)
    assert memory.get("more ada") == "newer"
    memory.drop("more ada")
    assert memory.get("more ada") is None


def test_a_memory_goes_on_over_a_line_that_its_server_has_closed(store: Store) -> None:
    memory = kept(store, store.keys("chat"))
    memory.put("k", "v", 60)
    client = store.client()
    [others] = [one for one in client.client_list() if one["cmd"] == "set"]
    client.client_kill(others["addr"])
    assert memory.get("k") == "v"


def test_what_a_worker_remembers_its_intake_does_too(line: Line, store: Store) -> None:
    Memory(asker(line, store)).put("k", "v", 60)
    assert kept(store, store.keys("chat")).get("k") == "v"
    assert kept(store, store.keys("other")).get("k") is None


def test_a_text_is_forgotten_when_its_time_is_over(line: Line, store: Store) -> None:
    memory = Memory(asker(line, store))
    memory.put("yes", "deploy prod", 0.05)
    assert memory.get("yes") == "deploy prod"
    deadline = time.monotonic() + 10
    while memory.get("yes") is not None:
        assert time.monotonic() < deadline


def test_a_text_may_be_kept_for_ever(memory: Memory) -> None:
    memory.put("k", "v", float("inf"))
    assert memory.get("k") == "v"


def test_services_do_not_share_what_they_remember(line: Line, store: Store) -> None:
    Memory(asker(line, store, "one")).put("k", "v", 60)
    assert Memory(asker(line, store, "two")).get("k") is None


def test_a_text_too_long_is_refused(memory: Memory) -> None:
    with pytest.raises(UsageError, match="at most 1,000,000 characters under a key: k"):
        memory.put("k", "x" * (LONGEST_TEXT + 1), 60)


def test_a_key_too_long_is_refused_as_such(memory: Memory) -> None:
    with pytest.raises(UsageError, match="a key of the memory has at most 500"):
        memory.put("k" * (LONGEST_KEY + 1), "x", 60)


@pytest.mark.parametrize("seconds", [0, -1.0, float("nan")])
def test_a_text_for_no_time_is_refused_and_changes_nothing(memory: Memory, seconds: float) -> None:
    memory.put("k", "before", 60)
    with pytest.raises(UsageError, match="memory keeps k for more than 0 seconds"):
        memory.put("k", "after", seconds)
    assert memory.get("k") == "before"


@pytest.mark.parametrize(
    "asked",
    [
        None,
        "memory",
        ["memory"],
        ["memory", ["put", "k", "v", -1]],
        ["memory", ["get", 5]],
        ["memory", ["flush"]],
        ["keys", []],
        ["no_such", []],
        ["os.path", []],
        [7, []],
        ["embedded", []],  # a module with an `answer` that means something else
    ],
)
def test_an_ask_that_makes_no_sense_is_answered_with_nothing(
    asked: Any, line: Line, store: Store
) -> None:
    answers: list[Any] = []
    asks.answer(line, store.keys("chat"), asked, answers.append)
    assert answers == [None]
