"""What an author's test sees is what a worker and a collector would see."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from botcannon_core.collectors.timer import Timer
from botcannon_core.errors import MessageError
from botcannon_core.message import Message
from botcannon_core.roles import Halt, Park, Retry, Skip
from botcannon_core.testing import read, run, taskback


class Count:
    def task(self, message: Message, results: dict[str, Any]) -> dict[str, Any]:
        return {"count": len(message["text"]), "seen": sorted(results)}


def shout(message: Message, results: dict[str, Any]) -> dict[str, Any]:
    return {"text": message["text"].upper()}


async def slowly(message: Message, results: dict[str, Any]) -> dict[str, Any]:
    await asyncio.sleep(0)
    return {"count": results["count"] * 2}


def raising(error: BaseException) -> Any:
    def task(message: Message, results: dict[str, Any]) -> None:
        raise error

    return task


def test_tasks_run_in_order_over_one_dict_of_results() -> None:
    ended = run([Count(), shout, slowly], {"text": "abc"})
    assert ended.how == "done"
    assert ended.results == {"count": "6", "seen": "[]", "text": "ABC"}


def test_a_taskback_is_the_message_with_the_results_over_it() -> None:
    message = taskback([shout], {"text": "abc", "user": "ada"}, message_id="5-1")
    assert (message["text"], message["user"]) == ("ABC", "ada")
    assert (message.outcome, message.id, message.error) == ("done", "5-1", None)


@pytest.mark.parametrize(
    ("error", "how", "outcome", "text"),
    [
        (Skip(), "skipped", "skipped", ""),
        (Park("no money"), "parked", "parked", "no money"),
        (Retry(5), "again", "parked", "asked to be tried again in 5 s"),
        (ValueError("bad"), "failed", "parked", "ValueError: bad"),
        (SystemExit(3), "failed", "parked", "the code ended its process: sys.exit(3)"),
    ],
)
def test_whatever_a_task_raises_is_an_ending(
    error: BaseException, how: str, outcome: str, text: str
) -> None:
    ended = run([raising(error), shout], {"text": "abc"})
    assert (ended.how, ended.error, ended.results) == (how, text, {})
    message = taskback([raising(error)], {"text": "abc"})
    assert (message.outcome, message.error or "") == (outcome, text)


def test_what_a_task_may_not_return_fails_as_in_a_worker() -> None:
    assert "'_x'" in run([lambda message, results: {"_x": 1}], {"text": "abc"}).error


@pytest.mark.parametrize("fields", [{}, {"n": 1}, {"_from": "me"}])
def test_fields_that_no_collector_could_yield_are_refused(fields: Any) -> None:
    with pytest.raises(MessageError):
        run([shout], fields)


@pytest.mark.parametrize("task", [Count, 5, "shout"])
def test_what_is_no_task_is_refused_before_anything_runs(task: Any) -> None:
    with pytest.raises(TypeError, match=r"Count|no task"):
        run([task], {"text": "abc"})


def test_one_read_of_a_sync_collector_gives_its_messages_without_the_no_news() -> None:
    class Sync:
        def read(self) -> Iterator[dict[str, str] | None]:
            yield None
            yield {"n": "1"}
            yield {"n": "2"}

    assert read(Sync()) == [{"n": "1"}, {"n": "2"}]


def test_one_read_of_an_async_collector_gives_its_messages() -> None:
    assert read(Timer(every=0.001, text="now")) == [{"text": "now", "n": "1"}]


def test_a_read_without_news_gives_nothing() -> None:
    class Quiet:
        def read(self) -> None:
            return None

    assert read(Quiet()) == []


def test_halt_and_wrong_messages_come_through() -> None:
    class Wrong:
        async def read(self) -> AsyncIterator[dict[str, Any]]:
            yield {"n": 1}

    with pytest.raises(Halt):
        read(Timer(count=0))
    with pytest.raises(MessageError, match=r"Wrong.read gave .* int in field 'n'"):
        read(Wrong())
