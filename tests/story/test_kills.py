"""Every way to end an `up` and every process that may be killed: nothing is left, nothing is lost."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import psutil
import pytest

from tests.story.cannon_here import Project, project

pytestmark = [pytest.mark.story, pytest.mark.xdist_group("kills")]

SERVICE = """
collector: {file: feed, entry: Feed}
tasks: [{file: work, entry: Work}]
workers: {timeout: 20s, hot: 2, max: 4}
deliver: {tries: 3, backoff: 10ms}
restart: {max: 5, backoff: 10ms}
stop_grace: 5s
"""

Make = Callable[..., Project]


@pytest.fixture
def make() -> Iterator[Make]:
    """Makes a project; it has one service, which is fed through a file."""
    with ExitStack() as stack:
        yield lambda service=SERVICE: stack.enter_context(project(service))


def everything_ends_well(here: Project, count: int) -> None:
    """Every message comes home with one outcome; then the feed halts, and nothing is left."""
    (here.folder / "release").touch()
    if here.process is None or here.process.poll() is not None:
        here.up()
    numbers = {str(n) for n in range(count)}
    here.until(lambda: here.answers().keys() >= numbers, "all is home")
    assert {n: set(found) for n, found in here.outcomes().items()} == {n: {"done"} for n in numbers}
    here.feed("halt")
    assert here.code() == 0, here.text
    assert here.is_over(), here.ours()


# --- ending


def at_the_start(here: Project) -> None:
    here.until(lambda: (here.folder / ".botcannon").exists(), "it has begun")


def at_the_first_fork(here: Project) -> None:
    here.until(lambda: any(map(is_forker, here.ours())), "there is a pool, and the forker of it")


def is_forker(process: psutil.Process) -> bool:
    try:
        return "cannon.forker" in " ".join(process.cmdline())
    except psutil.Error:
        return False  # it has ended meanwhile


def when_ready(here: Project) -> None:
    here.feed({"n": "0"})
    here.until(lambda: here.answers(), "it works")


def when_busy(here: Project) -> None:
    here.feed(*({"n": str(n)} for n in range(300)))
    here.until(lambda: here.answers(), "it works")


@pytest.mark.parametrize(
    ("when", "number"),
    [
        (at_the_start, signal.SIGINT),
        (at_the_start, signal.SIGTERM),
        (at_the_first_fork, signal.SIGINT),
        (when_ready, signal.SIGTERM),
        (when_ready, signal.SIGHUP),
        (when_busy, signal.SIGINT),
    ],
)
def test_a_signal_ends_everything_in_order(
    make: Make, when: Callable[[Project], None], number: signal.Signals
) -> None:
    here = make()
    here.up()
    when(here)
    here.signal(number)
    # before it can answer for itself the kernel ends it, which a shell shows as the same code
    assert here.code() in (128 + number, -number if when is at_the_start else 0), here.text
    here.until(here.is_over, "all is over")
    assert len(here.notes("start")) == len(here.notes("close"))
    here.until(here.is_silent, "the store has ended, too")
    if when is when_busy:
        everything_ends_well(here, 300)


def test_ctrl_c_lets_workers_finish_and_brings_their_answers_home(make: Make) -> None:
    here = make()
    here.feed({"n": "0", "do": "slow"})
    here.up()
    here.until(lambda: here.tries("0"), "it is being worked on")
    here.signal(signal.SIGINT)
    (here.folder / "release").touch()
    assert here.code() == 130
    assert here.answers()["0"]["_outcome"] == "done"
    assert "Traceback" not in here.text, "the worker that comes after it is not missed"


def test_a_second_ctrl_c_ends_what_does_not_listen(make: Make) -> None:
    here = make(SERVICE.replace("stop_grace: 5s", "stop_grace: 1000s"))
    here.feed({"n": "0", "do": "helped"})
    here.up()
    here.until(lambda: here.tries("0"), "it is being worked on")
    here.until(lambda: any("sleep" in p.name() for p in here.ours()), "it has its helper")
    here.signal(signal.SIGINT)
    here.until(lambda: here.notes("close") or here.process.poll() is None, "it is asked")  # type: ignore[union-attr]
    here.signal(signal.SIGINT)
    assert here.code() == 130
    assert here.is_over(), here.ours()
    everything_ends_well(here, 1)


def test_what_does_not_end_within_its_grace_is_ended(make: Make) -> None:
    here = make(SERVICE.replace("stop_grace: 5s", "stop_grace: 300ms"))
    here.feed({"n": "0", "do": "helped"})
    here.up()
    here.until(lambda: here.tries("0"), "it is being worked on")
    here.signal(signal.SIGTERM)
    assert here.code() == 143
    assert here.is_over(), here.ours()
    assert "not ended within 0.3 s" in here.text


def test_a_task_over_its_time_is_ended_while_the_service_stops(make: Make) -> None:
    here = make(SERVICE.replace("stop_grace: 5s", "stop_grace: 1000s").replace("20s", "1s"))
    here.feed({"n": "0", "do": "overrun"})
    here.up()
    here.until(lambda: here.tries("0"), "it is being worked on")
    here.signal(signal.SIGTERM)
    assert here.code() == 143
    assert here.is_over(), here.ours()


# --- killing


@pytest.mark.parametrize(
    "part", ["worker", "forker", "pool", "intake", "store", "keeper", "launcher"]
)
def test_whatever_is_killed_while_it_works_nothing_is_lost_and_nothing_is_left(
    make: Make, part: str
) -> None:
    here = make()
    here.feed(*({"n": str(n)} for n in range(100)), {"n": "100", "do": "once"})
    here.feed(*({"n": str(n)} for n in range(101, 200)))
    here.up()
    here.until(lambda: here.tries("100"), "the slow one is being worked on")
    here.kill(part)
    here.feed(*({"n": str(n)} for n in range(200, 250)))
    if part == "launcher":
        here.code()
    else:
        here.until(lambda: "249" in here.answers(), "it goes on")
    everything_ends_well(here, 250)
    if part in ("store", "keeper", "launcher"):
        here.until(here.is_silent, "the store has ended, too")


def test_whatever_is_killed_while_idle_the_next_message_is_answered(make: Make) -> None:
    here = make()
    here.feed({"n": "0"})
    here.up()
    here.until(lambda: "0" in here.answers(), "it works")
    for n, part in enumerate(("worker", "forker", "pool", "intake", "keeper", "store"), 1):
        here.kill(part)
        here.feed({"n": str(n)})
        here.until(lambda n=n: str(n) in here.answers(), f"after {part}")  # type: ignore[misc]
    everything_ends_well(here, 7)


def test_the_store_may_be_killed_again_and_again(make: Make) -> None:
    here = make()
    here.up()
    for turn in range(5):
        here.feed(*({"n": str(n)} for n in range(turn * 100, turn * 100 + 100)))
        here.until(lambda turn=turn: str(turn * 100) in here.answers(), "it works")  # type: ignore[misc]
        here.kill("store")
    said = "connected to the store again"
    here.until(
        lambda: any(said in f["text"] for f in here.stream("log")), "that is in the log, too"
    )
    everything_ends_well(here, 500)


def test_a_killed_launcher_takes_its_services_along_in_order(make: Make) -> None:
    here = make()
    here.feed({"n": "0", "do": "slow"})
    here.up()
    here.until(lambda: here.tries("0"), "it is being worked on")
    here.kill("launcher")
    here.code()
    (here.folder / "release").touch()
    here.until(here.is_over, "its services have ended")
    assert len(here.notes("close")) == 1
    here.up("--only=workers")
    here.until(lambda: here.outcomes() == {"0": ["done"]}, "it was done")
    assert here.tries("0") == 1


def test_helpers_of_a_worker_end_with_a_killed_pool(make: Make) -> None:
    here = make()
    here.feed({"n": "0", "do": "helped"})
    here.up()
    helper = here.until(
        lambda: [p for p in here.ours() if p.name() == "sleep"], "the helper is there"
    )
    here.kill("pool")
    here.until(lambda: not psutil.pid_exists(helper[0].pid) or is_dead(helper[0]), "it is gone")
    everything_ends_well(here, 1)


def test_a_daemon_of_the_collector_holds_up_nobody(make: Make) -> None:
    here = make(SERVICE.replace("max: 5", "max: 0"))
    (here.folder / "app" / "feed.py").write_text(
        """
import os, time
class Feed:
    def read(self):
        if os.fork() == 0:
            os.setsid()
            with open("daemon", "w") as file:
                file.write(str(os.getpid()))
            time.sleep(1000)
            os._exit(0)
        while not os.path.exists("daemon"):
            time.sleep(0.01)
        os.kill(os.getpid(), 9)
"""
    )
    here.up()
    assert here.code() == 1
    assert "SIGKILL" in here.text
    os.kill(int((here.folder / "daemon").read_text()), signal.SIGKILL)


def test_a_frozen_store_holds_up_no_ctrl_c_for_long(make: Make) -> None:
    here = make()
    here.feed({"n": "0"})
    here.up()
    here.until(lambda: "0" in here.answers(), "it works")
    store = psutil.Process(here.pid_of("store"))
    store.suspend()
    began = time.monotonic()
    here.signal(signal.SIGINT)
    try:
        assert here.code() == 130
    finally:
        store.resume()
    assert time.monotonic() - began < 30
    assert here.is_over()


def is_dead(process: psutil.Process) -> bool:
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return True


def test_a_collector_that_has_lost_its_lease_stands_by_until_it_is_free(make: Make) -> None:
    here = make()
    here.feed({"n": "0"})
    here.up()
    here.until(lambda: "0" in here.answers(), "it works")
    lease = here.keys.key("lease")
    here.client().set(lease, "afar:1:1", px=60_000)  # we were frozen, and another host took over
    here.until(lambda: here.notes("close"), "our collector has ended")
    here.feed({"n": "1"})
    here.until(lambda: here.state() == "standby", "it stands by")
    assert "1" not in here.answers()
    here.client().delete(lease)
    here.until(lambda: "1" in here.answers(), "ours is the live one again")
    assert here.client().get(lease) != "afar:1:1"
    everything_ends_well(here, 2)
