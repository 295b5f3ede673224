import asyncio
from typing import Any

import pytest

from botcannon_core.collectors.timer import Timer
from botcannon_core.message import checked_fields
from tests.collectors.fake_intake import FakeIntake


class FakeClock:
    """Time that passes only in sleep(), each sleep `late` seconds too long."""

    def __init__(self, late: float = 0.0) -> None:
        self.time = 100.0
        self.late = late

    def now(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.time += seconds + self.late


def ticks_at(timer: Timer, clock: FakeClock, count: int) -> list[float]:
    times = []

    async def run() -> None:
        intake = FakeIntake(timer)
        for _ in range(count):
            await intake.turn()
            times.append(round(clock.time - 100.0, 6))

    asyncio.run(run())
    return times


def timer_on(clock: FakeClock, **kwargs: object) -> Timer:
    return Timer(now=clock.now, sleep=clock.sleep, **kwargs)  # type: ignore[arg-type]


def test_a_tick_comes_after_each_interval() -> None:
    clock = FakeClock()
    assert ticks_at(timer_on(clock, every=0.5), clock, 4) == [0.5, 1.0, 1.5, 2.0]


def test_late_wakings_do_not_add_up() -> None:
    clock = FakeClock(late=0.1)
    assert ticks_at(timer_on(clock, every=1.0), clock, 4) == [1.1, 2.1, 3.1, 4.1]


def test_ticks_that_were_slept_through_are_left_out() -> None:
    clock = FakeClock(late=2.5)
    # the ticks of seconds 1, 3 (late, the one of second 2 is lost), 4 and 6
    assert ticks_at(timer_on(clock, every=1.0), clock, 4) == [3.5, 3.5, 6.5, 6.5]


def test_a_sleep_that_ends_early_is_gone_back_to() -> None:
    clock = FakeClock()

    async def half(seconds: float) -> None:
        clock.time += seconds / 2 if seconds > 0.01 else seconds

    timer = Timer(every=1.0, now=clock.now, sleep=half)
    assert ticks_at(timer, clock, 2) == [1.0, 2.0]


def test_ticks_are_numbered_messages_and_end_after_count() -> None:
    clock = FakeClock()
    messages = asyncio.run(FakeIntake(timer_on(clock, text="wake up", count=3)).run())
    assert [dict(m) for m in messages] == [{"text": "wake up", "n": str(n)} for n in (1, 2, 3)]
    assert all(checked_fields(m, "timer") for m in messages)


def test_the_real_clock_works_too() -> None:
    assert len(asyncio.run(FakeIntake(Timer(every=0.001, count=3)).run())) == 3


@pytest.mark.parametrize("every", [0, -1, float("nan"), "5s", None])
def test_an_interval_that_is_none_is_refused(every: Any) -> None:
    with pytest.raises(ValueError, match="every"):
        Timer(every=every)
