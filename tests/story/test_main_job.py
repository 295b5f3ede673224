"""The main job, with real processes: messages in, tasks in workers of their own, answers home."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.story.cannon_here import Project, project

pytestmark = [pytest.mark.story, pytest.mark.xdist_group("main_job")]

SERVICE = """
collector: {file: feed, entry: Feed}
tasks: [{file: work, entry: Work}]
workers: {timeout: 500ms}
deliver: {tries: 1}
"""
ASYNC = SERVICE.replace("entry: Feed", "entry: AsyncFeed")

Make = Callable[..., Project]


@pytest.fixture
def make() -> Iterator[Make]:
    """Makes a project; it has one service, which is fed through a file."""
    with ExitStack() as stack:
        yield lambda service=SERVICE: stack.enter_context(project(service))


# --- messages and their outcomes

CHAIN = """
import os


class One:
    def task(self, message, results):
        return {"one": int(message["n"]) + 1}


class Two:
    async def task(self, message, results):
        return {"two": results["one"] * 2, "n": message["n"]}


def three(message, results):
    return {"pid": os.getpid(), "one": "overwritten"}
"""


def test_a_thousand_messages_come_home_each_from_a_process_of_its_own(make: Make) -> None:
    here = make("""
collector: {file: feed, entry: Feed}
tasks:
  first: {file: chain, entry: One}
  second: {file: chain, entry: Two}
  third: {file: chain, entry: three}
""")
    (here.folder / "app" / "chain.py").write_text(CHAIN)
    here.feed(*({"n": str(n)} for n in range(1000)), "halt")
    here.up()
    assert here.code() == 0
    notes = here.notes()
    assert len(notes) == 1000
    assert {int(note["n"]) for note in notes} == set(range(1000))
    assert all(int(note["two"]) == 2 * (int(note["n"]) + 1) for note in notes)
    assert {note["one"] for note in notes} == {"overwritten"}
    assert not any(note["redelivered"] for note in notes)
    # a number may be given out again by the kernel, but not soon
    assert len({note["pid"] for note in notes}) > 990
    assert len(here.notes("close")) == 1


def test_every_kind_of_ending_is_an_outcome_and_the_service_goes_on(make: Make) -> None:
    here = make()
    kinds = {
        "fine": ("done", ""),
        "nothing": (None, ""),
        "skip": (None, ""),
        "park": ("parked", "not for me"),
        "throw": ("parked", "ValueError: bad "),
        "leave": ("parked", "exit code 3"),
        "segfault": ("parked", "SIGSEGV"),
        "overrun": ("parked", "took longer than 0.5 s"),
        "wrong": ("parked", "a value of type list, not a dict"),
        "much": ("parked", "5000 results"),
    }
    here.feed(*({"n": kind, "do": kind} for kind in kinds), {"n": "last"}, "halt")
    here.up()
    assert here.code() == 0, here.text
    answers = here.answers()
    for kind, (outcome, error) in kinds.items():
        if outcome is None:
            assert kind not in answers
        else:
            assert answers[kind]["_outcome"] == outcome
            assert error in answers[kind].get("_error", "")
    assert answers["last"]["_outcome"] == "done"
    parked = [kind for kind, (outcome, _) in kinds.items() if outcome == "parked"]
    for kind in parked:
        assert here.text.count(f"[{answers[kind]['_error_id']}]") == 1
    assert here.text.count("Traceback") == 1  # of what a task raised; the others say it in a line


def test_what_was_parked_is_kept_with_all_that_is_known(make: Make) -> None:
    here = make()
    here.feed({"n": "1", "do": "segfault"}, {"n": "2", "do": "throw"})
    here.up()
    here.until(lambda: len(here.answers()) == 2, "both are home")
    dead = {fields["n"]: fields for fields in here.stream("dead")}
    assert dead["1"]["_signal"] == "SIGSEGV"
    assert "MB" in dead["1"]["_peak_memory"]
    assert dead["1"]["_tries"] == "1"
    assert "Traceback" in dead["2"]["_trace"]
    assert here.outcomes() == {"1": ["parked"], "2": ["parked"]}
    error_id = here.answers()["2"]["_error_id"]  # the log is told in turns of its own
    here.until(lambda: any(error_id in f["text"] for f in here.stream("log")), "it is logged")


def test_a_retry_is_tried_again_and_a_failure_as_often_as_was_said(make: Make) -> None:
    here = make(SERVICE.replace("{tries: 1}", "{tries: 3, backoff: 10ms}"))
    here.feed(
        {"n": "1", "do": "retry"}, {"n": "2", "do": "throw"}, {"n": "3", "do": "leave"}, "halt"
    )
    here.up()
    assert here.code() == 0
    assert [here.tries(n) for n in "123"] == [3, 3, 3]
    assert [here.answers()[n]["_outcome"] for n in "123"] == ["done", "parked", "parked"]


def test_messages_of_many_megabytes_come_home(make: Make) -> None:
    here = make(SERVICE.replace("500ms", "20s"))
    text = "ä" * 2_500_000
    here.feed({"n": "1", "do": "big", "text": text}, "halt")
    here.up()
    assert here.code() == 0
    assert here.answers()["1"]["big"] == text * 2


# --- the collector


def test_read_is_not_asked_again_before_all_is_stored(make: Make) -> None:
    here = make()
    (here.folder / "app" / "feed.py").write_text(
        """
from botcannon_core import Halt
class Feed:
    turn = 0
    def read(self):
        print("read", flush=True)
        self.turn += 1
        if self.turn > 3:
            raise Halt
        for n in range(3):
            yield {"n": str(n)}
    def stored(self, message):
        print("stored", message["n"], message.id.count("-"), flush=True)
"""
    )
    here.up()
    assert here.code() == 0
    said = [line.split(" | ")[1] for line in here.text.splitlines() if "work.intake" in line]
    turn = ["read", "stored 0 1", "stored 1 1", "stored 2 1"]
    assert [line for line in said if line.startswith(("read", "stored"))] == [*turn * 3, "read"]


def test_an_async_collector_takes_answers_while_it_reads(make: Make) -> None:
    here = make(ASYNC)
    (here.folder / "app" / "feed.py").write_text(
        """
import asyncio
from botcannon_core import Halt
class AsyncFeed:
    def __init__(self):
        self.came = None
    async def start(self):
        self.came = asyncio.Event()
    async def read(self):
        yield {"n": "1"}
        await self.came.wait()      # which only taskback() sets: read() is in the middle of its turn
        print("has it", flush=True)
        raise Halt
    async def taskback(self, message):
        self.came.set()
    async def close(self):
        print("closed", flush=True)
"""
    )
    here.up()
    assert here.code() == 0, here.text
    assert "has it" in here.text
    assert "closed" in here.text


@pytest.mark.parametrize("service", [SERVICE, ASYNC], ids=["plain", "async"])
def test_an_answer_that_cannot_be_taken_is_put_aside_and_the_collector_lives(
    make: Make, service: str
) -> None:
    here = make(service)
    here.feed({"n": "1", "refuse": "yes"}, {"n": "2"}, "halt")
    here.up()
    assert here.code() == 0, here.text
    assert set(here.answers()) == {"2"}
    assert "RuntimeError: cannot take it" in here.text
    here.up("--only=workers")
    here.until(lambda: here.pid_of("pool"), "the store is there")
    [dead] = here.stream("dead")
    assert (dead["n"], dead["_what"]) == ("1", "taskback")


@pytest.mark.parametrize(
    ("item", "told"),
    [
        ("5", "Feed.read gave a value of type int, not a mapping of strings to strings"),
        ("{'n': 5}", "Feed.read gave a value of type int in field 'n', not a string"),
    ],
)
def test_a_message_that_is_none_ends_the_collector_and_says_why(
    make: Make, item: str, told: str
) -> None:
    here = make()
    (here.folder / "app" / "feed.py").write_text(
        f"class Feed:\n    def read(self):\n        yield {{'n': 'good'}}\n        yield {item}\n"
    )
    here.up()
    assert here.code() == 1
    assert told in here.text
    here.up("--only=workers")
    here.until(lambda: here.outcomes() == {"good": ["done"]}, "what came before is done")


def test_a_traceback_begins_where_user_code_begins_also_in_an_event_loop(make: Make) -> None:
    here = make()
    (here.folder / "app" / "feed.py").write_text(
        "class Feed:\n    async def start(self):\n        raise ValueError('no')\n"
        "    def read(self): ...\n"
    )
    here.up()
    assert here.code() == 1
    assert "ValueError: no" in here.text
    assert "asyncio" not in here.text


@pytest.mark.parametrize("word", ["", "async "], ids=["plain", "async"])
def test_a_message_that_is_returned_alone_is_no_list_of_them(make: Make, word: str) -> None:
    here = make()
    (here.folder / "app" / "feed.py").write_text(
        f"class Feed:\n    {word}def read(self):\n        return {{'n': '1'}}\n"
    )
    here.up()
    assert here.code() == 1
    told = "Feed.read returned one message, not a list: yield messages, or return a list of them"
    assert told in here.text
    assert "Traceback" not in here.text


@pytest.mark.parametrize("service", [SERVICE, ASYNC], ids=["plain", "async"])
def test_a_collector_that_crashes_is_started_again_as_often_as_was_said(
    make: Make, service: str
) -> None:
    here = make(service + "\nrestart: {max: 2, backoff: 10ms}")
    here.up()
    for n in range(3):
        here.until(lambda n=n: len(here.notes("start")) == n + 1, f"start {n}")  # type: ignore[misc]
        (here.folder / "stored").unlink(missing_ok=True)
        here.feed({"n": str(n)}, "crash")
    assert here.code() == 1
    assert here.text.count("ValueError: the line broke") >= 3
    assert "restart 2 of 2" in here.text
    assert set(here.answers()) <= {"0", "1", "2"}


def test_a_crash_without_restarts_fails_the_service_with_its_workers(make: Make) -> None:
    here = make()
    here.feed("crash")
    here.up()
    assert here.code() == 1
    assert "the service fails" in here.text


# --- parts


def test_collector_and_workers_may_run_one_after_the_other(make: Make) -> None:
    here = make()
    here.feed(*({"n": str(n)} for n in range(50)), "halt")
    here.up("--only=collector")
    assert here.code() == 0
    assert here.notes() == []
    here.up("--only=workers")
    here.until(lambda: len(here.outcomes()) == 50, "all is done")
    here.signal(signal.SIGTERM)
    assert here.code() == 143
    here.up("--only=collector")
    here.until(lambda: len(here.answers()) == 50 or here.process.poll() is not None, "all is home")  # type: ignore[union-attr]
    here.code()
    here.up()
    assert here.code() == 0
    assert len(here.answers()) == 50
    assert len(here.notes()) == 50


def test_collector_and_workers_may_run_side_by_side(make: Make) -> None:
    here = make()
    workers = here.up("--only=workers")
    here.until(lambda: here.pid_of("pool"), "the pool is there")
    here.feed(*({"n": str(n)} for n in range(20)))
    here.up("--only=collector")
    here.until(lambda: len(here.answers()) == 20, "all is home")
    here.signal(signal.SIGINT)
    assert here.code() == 130
    workers.terminate()
    assert workers.wait(20) == 143


def test_a_second_up_is_refused_and_names_the_first(make: Make) -> None:
    here = make()
    first = here.up()
    here.until(lambda: here.notes("start"), "it runs")
    here.up()
    assert here.code() == 2
    assert f"belongs to process {first.pid}" in here.text
    first.send_signal(signal.SIGTERM)
    assert first.wait(20) == 143


def test_a_lazy_pool_runs_one_worker_at_a_time(make: Make) -> None:
    here = make()
    here.feed(*({"n": str(n)} for n in range(10)), "halt")
    here.up("--lazy")
    assert here.code() == 0
    assert len({note["pid"] for note in here.notes()}) == 10


def test_an_idle_service_costs_next_to_nothing(make: Make) -> None:
    here = make()
    here.feed({"n": "1"})
    here.up()
    here.until(lambda: here.answers(), "it works")
    here.until(lambda: here.pid_of("forker"), "a forker is there")
    before, since = cpu(here), time.monotonic()
    here.until(lambda: time.monotonic() - since > 2, "a while has passed")
    assert cpu(here) - before < 0.5 * 2  # a loop that never waits would use a whole core


def cpu(here: Project) -> float:
    """Seconds of processor time that the launcher, intake, pool and forker have used."""
    import psutil

    parts = ("launcher", "intake", "pool", "forker")
    times = [psutil.Process(here.pid_of(part)).cpu_times() for part in parts]
    return sum(one.user + one.system for one in times)


def test_a_failure_is_told_though_the_log_is_not_on_the_screen(make: Make) -> None:
    here = make("""
collector: {file: owner, entry: Owner}
tasks: [{file: owner, entry: Broken}]
""")
    (here.folder / "app" / "owner.py").write_text("""
class Owner:
    terminal = True

    def read(self):
        return ()


class Broken:
    def __init__(self):
        raise OSError("no such sensor")

    def task(self, message, results):
        pass
""")
    here.up()
    assert here.code() == 1
    assert here.text == (
        "botcannon: work failed: a task or shell could not be constructed: OSError: no such sensor"
        " (see .botcannon/log/up.log)\n"
    )
