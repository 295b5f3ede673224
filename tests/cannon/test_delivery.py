"""Answers to different places do not wait for each other; those to one place keep their order."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

import pytest

from botcannon_core.cannon.intake.delivery import AT_ONCE, MOST_SORTED, Deliveries, place_of
from botcannon_core.cannon.intake.returns import Return
from botcannon_core.message import Message


class Service:
    """Takes answers when a test lets it; notes who came and how many were there at once."""

    def __init__(self) -> None:
        self.waiting: deque[Return] = deque()
        self.begun: list[str] = []
        self.taken: list[str] = []
        self.gates: dict[str, asyncio.Event] = {}
        self.most = 0
        self.deliveries = Deliveries(self.waiting, self.bring)

    async def bring(self, one: Return) -> None:
        self.begun.append(one.entry)
        self.most = max(self.most, len(self.begun) - len(self.taken))
        if gate := self.gates.get(one.message.get("room", "")):
            await gate.wait()
        self.taken.append(one.entry)

    def close(self, room: str) -> asyncio.Event:
        return self.gates.setdefault(room, asyncio.Event())

    def came(self, *entries: str) -> None:
        """Answers have come, each `room number`."""
        for entry in entries:
            room = entry.split()[0]
            self.waiting.append(Return(entry, Message({"room": room, "direct": ""})))
        self.deliveries.go_on()

    async def settle(self, turns: int = 50) -> None:
        for _ in range(turns):
            await asyncio.sleep(0)


def in_a_loop(test: Callable[[Service], Awaitable[None]]) -> Callable[[], None]:
    async def run() -> None:
        async with asyncio.timeout(10):
            await test(Service())

    def called() -> None:
        asyncio.run(run())

    called.__name__ = test.__name__
    return called


@in_a_loop
async def test_a_slow_room_does_not_hold_up_another(service: Service) -> None:
    gate = service.close("slow")
    service.came("slow 1", "slow 2", "quick 1", "quick 2")
    await service.settle()
    assert service.taken == ["quick 1", "quick 2"]
    gate.set()
    await service.settle()
    assert service.taken[2:] == ["slow 1", "slow 2"]


@in_a_loop
async def test_answers_to_one_room_come_one_after_the_other(service: Service) -> None:
    gate = service.close("a")
    service.came(*(f"a {n}" for n in range(5)))
    await service.settle()
    assert service.begun == ["a 0"]
    gate.set()
    await service.settle()
    assert service.taken == [f"a {n}" for n in range(5)]
    assert service.most == 1


@in_a_loop
async def test_no_more_than_a_few_are_under_way_at_once(service: Service) -> None:
    rooms = [f"r{n}" for n in range(AT_ONCE + 10)]
    gates = [service.close(room) for room in rooms]
    service.came(*(f"{room} 1" for room in rooms))
    await service.settle()
    assert len(service.begun) == AT_ONCE
    for gate in gates:
        gate.set()
    await service.settle()
    assert sorted(service.taken) == sorted(f"{room} 1" for room in rooms)


@in_a_loop
async def test_a_room_with_many_answers_gives_others_their_turn(service: Service) -> None:
    gates = [service.close(f"r{n}") for n in range(AT_ONCE)]
    service.came(*(f"r{n} {m}" for n in range(AT_ONCE) for m in range(3)), "late 1")
    await service.settle()
    gates[0].set()
    await service.settle()
    assert service.taken[:2] == ["r0 0", "late 1"]


@in_a_loop
async def test_of_very_many_most_are_left_to_the_stream(service: Service) -> None:
    gate = service.close("slow")
    service.came(*(f"slow {n}" for n in range(MOST_SORTED + 10)))
    await service.settle()
    assert 0 < len(service.waiting) <= 10
    gate.set()
    await service.settle(2 * MOST_SORTED + 100)
    assert service.taken == [f"slow {n}" for n in range(MOST_SORTED + 10)]


@in_a_loop
async def test_after_a_stop_nothing_more_is_begun(service: Service) -> None:
    gate = service.close("slow")
    service.came("slow 1", "slow 2")
    await service.settle()
    await service.deliveries.stop()
    gate.set()
    service.came("other 1")
    await service.settle()
    assert (service.begun, service.taken) == (["slow 1"], [])


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"network": "irc", "room": "#a", "user": "U"}, ("irc", "#a", "")),
        ({"network": "s", "room": "#a", "user": "U", "thread": "7"}, ("s", "#a", "7")),
        ({"network": "mqtt", "room": "topic", "user": "U", "direct": "1"}, ("mqtt", "U", "")),
        ({"user": "U"}, ("", "U", "")),
        ({"n": "5"}, ("", "", "")),
    ],
)
def test_the_place_of_an_answer_is_its_room_or_who_asked_alone(
    fields: dict[str, str], place: tuple[str, str, str]
) -> None:
    assert place_of(Message(fields)) == place
