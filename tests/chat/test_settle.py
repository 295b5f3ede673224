"""Results that take time or come one by one."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator
from contextvars import ContextVar

from botcannon_core.chat.settle import Items, Settler


async def later(value: object) -> object:
    return value


def test_a_coroutine_of_a_coroutine_is_awaited() -> None:
    with Settler() as settler:
        assert settler.settle(later(later(5))) == 5


def test_one_event_loop_serves_a_whole_command() -> None:
    async def loop() -> int:
        return id(asyncio.get_running_loop())

    with Settler() as settler:
        assert settler.settle(loop()) == settler.settle(loop())


def test_where_a_loop_runs_a_command_has_one_of_its_own() -> None:
    whose = ContextVar("whose", default="")

    async def loop() -> tuple[int, str]:
        return id(asyncio.get_running_loop()), whose.get()

    async def numbers() -> AsyncIterator[int]:
        yield 1

    async def outer() -> None:
        whose.set("ada's")
        with Settler() as settler:
            first, second = settler.settle(loop()), settler.settle(loop())
            assert settler.settle(numbers()) == Items([1])
        assert first == second == (first[0], "ada's")
        assert first[0] != id(asyncio.get_running_loop())

    asyncio.run(outer())


def test_a_generator_is_read_so_far_and_closed() -> None:
    ended = []

    def numbers() -> Iterator[int]:
        try:
            yield from itertools.count()
        finally:
            ended.append(True)

    generator = numbers()  # held, so that nothing but settling closes it
    with Settler(3) as settler:
        assert settler.settle(generator) == Items([0, 1, 2], more=None)
        assert ended == [True]


def test_an_async_generator_is_read_so_far_and_closed() -> None:
    ended = []

    async def numbers() -> AsyncIterator[int]:
        try:
            for number in itertools.count():
                yield number
        finally:
            ended.append(True)

    generator = numbers()  # held, so that nothing but settling closes it
    with Settler(3) as settler:
        assert settler.settle(generator) == Items([0, 1, 2], more=None)
        assert ended == [True]


def test_what_ends_in_time_has_no_more() -> None:
    with Settler(3) as settler:
        assert settler.settle(n for n in range(3)) == Items([0, 1, 2])
        assert settler.settle(map(str, [1])) == Items(["1"])
        assert settler.settle({}.keys()) == Items([])


def test_plain_values_are_left_alone() -> None:
    with Settler() as settler:
        for value in ("text", [1], {"a": 1}, None, object, iter):
            assert settler.settle(value) is value
