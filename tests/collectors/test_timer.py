import asyncio
import sys
from datetime import datetime
from typing import Any

import pytest

from botcannon_core.collectors.timer import Timer
from botcannon_core.errors import UsageError
from botcannon_core.message import checked_fields
from tests.collectors.fake_intake import FakeIntake


class FakeClock:
    """Time that passes only in sleep(), each sleep `late` seconds too long."""

    def __init__(self, late: float = 0.0, time: float = 100.0) -> None:
        self.time = time
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


@pytest.mark.parametrize(("every", "seconds"), [("5m", 300.0), ("500ms", 0.5), ("2", 2.0)])
def test_an_interval_has_the_units_of_a_compose_file(every: str, seconds: float) -> None:
    clock = FakeClock()
    assert ticks_at(timer_on(clock, every=every), clock, 2) == [seconds, 2 * seconds]


@pytest.mark.parametrize("every", [0, -1, float("nan"), "0s", "5y", "soon", True, None])
def test_an_interval_that_is_none_is_refused(every: Any) -> None:
    with pytest.raises(ValueError, match="every"):
        Timer(every=every)


# --- by the calendar


def due(
    cron: str,
    since: str,
    count: int,
    tz: str = "Europe/Berlin",
    late: float = 0.0,
) -> list[str]:
    """When a timer that began at `since` ticked."""
    clock = FakeClock(late, datetime.fromisoformat(since).timestamp())
    timer = timer_on(clock, cron=cron, tz=tz, count=count)
    return [message["at"] for message in asyncio.run(FakeIntake(timer).run())]


def test_it_ticks_when_the_crontab_says_so() -> None:
    # the 5th is a Thursday
    assert due("30 8 * * mon-fri", "2026-03-05T09:00+01:00", 3) == [
        "2026-03-06T08:30:00+01:00",
        "2026-03-09T08:30:00+01:00",
        "2026-03-10T08:30:00+01:00",
    ]


def test_it_ticks_at_the_right_time_and_not_before() -> None:
    clock = FakeClock(time=datetime.fromisoformat("2026-03-05T09:00:12.5+01:00").timestamp())
    timer = timer_on(clock, cron="*/5 * * * *", tz="Europe/Berlin")
    assert ticks_at(timer, clock, 2) == [clock.time - 100.0 - 300.0, clock.time - 100.0]
    assert datetime.fromtimestamp(clock.time).minute % 5 == clock.time % 60 == 0


def test_a_sixth_field_before_the_others_is_seconds() -> None:
    at = due("*/20 * * * * *", "2026-03-05T09:00:15+00:00", 2, tz="UTC")
    assert at == ["2026-03-05T09:00:20+00:00", "2026-03-05T09:00:40+00:00"]


def test_the_hour_that_is_left_out_in_spring_is_made_up_for_right_after_it() -> None:
    assert due("30 2 * * *", "2026-03-28T12:00+01:00", 2) == [
        "2026-03-29T03:00:00+02:00",
        "2026-03-30T02:30:00+02:00",
    ]
    assert due("*/30 * * * *", "2026-03-29T01:00+01:00", 2) == [
        "2026-03-29T01:30:00+01:00",
        "2026-03-29T03:00:00+02:00",
    ]


def test_in_the_hour_that_comes_twice_in_autumn_a_fixed_time_comes_once() -> None:
    after = ["2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"]
    assert due("30 2 * * *", "2026-10-25T00:00+02:00", 2) == after
    assert due("30 2 * * *", "2026-10-25T02:10+01:00", 1) == after[1:]


def test_in_the_hour_that_comes_twice_in_autumn_every_hour_is_an_hour() -> None:
    assert due("15 * * * *", "2026-10-25T02:00+02:00", 3) == [
        "2026-10-25T02:15:00+02:00",
        "2026-10-25T02:15:00+01:00",
        "2026-10-25T03:15:00+01:00",
    ]


def test_of_what_was_slept_through_only_the_latest_comes_besides_what_was_waited_for() -> None:
    at = due("0 * * * *", "2026-03-05T08:30+00:00", 3, tz="UTC", late=3.5 * 3600)
    # looked at 12:00:30 first, for 9 was waited; 10 and 11 are left out
    assert at[:2] == ["2026-03-05T09:00:00+00:00", "2026-03-05T12:00:00+00:00"]


def test_a_clock_that_is_set_back_by_a_year_is_followed() -> None:
    clock = FakeClock(time=datetime.fromisoformat("2027-03-05T09:00:00+00:00").timestamp())
    timer = timer_on(clock, cron="0 * * * *", tz="UTC", count=2)
    intake = FakeIntake(timer)

    async def run() -> None:
        await intake.turn()
        clock.time -= 365 * 24 * 3600
        await intake.turn()

    asyncio.run(run())
    assert [m["at"] for m in intake.messages] == [
        "2027-03-05T10:00:00+00:00",
        "2026-03-05T11:00:00+00:00",
    ]


def test_a_clock_that_is_corrected_by_minutes_brings_nothing_twice() -> None:
    clock = FakeClock(time=datetime.fromisoformat("2026-03-05T09:59:30+00:00").timestamp())
    intake = FakeIntake(timer_on(clock, cron="0 * * * *", tz="UTC"))

    async def run() -> None:
        await intake.turn()
        clock.time -= 600
        await intake.turn()

    asyncio.run(run())
    assert [m["at"][11:16] for m in intake.messages] == ["10:00", "11:00"]


def test_without_a_zone_it_is_the_machines_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    clock = FakeClock(time=datetime.fromisoformat("2026-03-05T09:00+09:00").timestamp())
    messages = asyncio.run(FakeIntake(timer_on(clock, cron="0 12 * * *", count=1)).run())
    assert messages[0]["at"] == "2026-03-05T12:00:00+09:00"
    monkeypatch.delenv("TZ")
    Timer(cron="0 12 * * *")  # the zone of whoever runs this


@pytest.mark.parametrize(
    ("kwargs", "said"),
    [
        ({"cron": "61 * * * *"}, "bad minute"),
        ({"cron": "* * *"}, "wrong number of fields"),
        ({"cron": "@daily"}, "five fields"),
        ({"cron": "* * */20 * 1L"}, "never comes"),
        ({"cron": "0 0 30 2 *"}, "bad day-of-month"),
        ({"cron": 5}, "is a text"),
        ({"cron": "* * * * *", "tz": "Mars/Olympus"}, "no time zone 'Mars/Olympus'"),
        ({"cron": "* * * * *", "tz": "/etc/passwd"}, "no time zone"),
        ({"cron": "* * * * *", "tz": 5}, "no time zone"),
        ({"cron": "* * * * *", "every": 5}, "not both"),
        ({"tz": "Europe/Berlin"}, "there is none"),
    ],
)
def test_a_calendar_that_makes_no_sense_is_refused(kwargs: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Timer(**kwargs)


def test_without_cronsim_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "botcannon_core.collectors.timer.calendar", raising=False)
    monkeypatch.setitem(sys.modules, "cronsim", None)
    with pytest.raises(UsageError, match=r"into app/requirements.txt"):
        Timer(cron="* * * * *")
