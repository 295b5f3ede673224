"""The state machine of one service, with children that are only said to be there."""

import os

import pytest

from botcannon_core.cannon import frames
from botcannon_core.cannon.child import Child, Run
from botcannon_core.cannon.frames import Channel
from botcannon_core.cannon.lines import Lines
from botcannon_core.cannon.service import Means, Part, Service
from botcannon_core.compose.spec import ClassSpec, ServiceSpec


class Children:
    """Stands where the launcher does: starts children that do nothing, and notes what was said."""

    def __init__(self) -> None:
        self.started: list[Child] = []
        self.said: list[str] = []

    def start(self, part: Part, run: Run) -> Child:
        ours, theirs = frames.pair()
        os.close(theirs)
        read_end, write_end = os.pipe()
        os.close(write_end)
        self.started.append(Child(part, 1_000_000, Channel(ours), Lines(read_end)))
        return self.started[-1]

    def say(self, part: str, text: str) -> None:
        self.said.append(text)


@pytest.fixture
def children() -> Children:
    return Children()


@pytest.fixture
def service(children: Children) -> Service:
    door, work = ClassSpec("collector", "bot", "Door"), ClassSpec("task", "bot", "Work")
    means = Means(children.start, lambda channel: "", lambda channel: "", children.say)
    service = Service(ServiceSpec("s", door, tasks=(work,)), frozenset({"intake", "pool"}), means)
    service.has_lease = True
    service.tend()
    return service


@pytest.mark.parametrize("part", ["intake", "pool"])
def test_a_child_that_cannot_reach_the_store_is_started_again(
    part: Part, service: Service, children: Children
) -> None:
    child = service.children[part]
    child.failure = "the store at redis://here cannot be reached; is it running?"
    service.ended(child, "exit code 3")
    assert not service.failure
    assert service.restarts == 0
    assert children.said == [f"{child.failure}; starting again"]
    assert service.next_moment() is not None
    service.tend()
    assert part not in service.children, "it does not storm"


@pytest.mark.parametrize("part", ["intake", "pool"])
def test_a_child_that_says_that_it_cannot_work_fails_the_service(
    part: Part, service: Service, children: Children
) -> None:
    child = service.children[part]
    child.failure = "a task or shell could not be constructed"
    service.ended(child, "exit code 1")
    assert service.failure == child.failure


def test_a_pool_that_dies_without_a_word_is_started_again(
    service: Service, children: Children
) -> None:
    service.ended(service.children["pool"], "signal SIGKILL")
    assert not service.failure
    assert service.next_moment() is not None
