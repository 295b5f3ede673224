"""The verbs that do something to what a service holds: send, retry, drop, yml."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.cli.project_here import COMPOSE, SECRET, ProjectHere


@contextmanager
def answering(project: ProjectHere, **answer: str) -> Iterator[None]:
    """Somebody answers the first message that comes, as a pool would, after one that is not ours."""

    def work() -> None:
        deadline = time.monotonic() + 20
        while not (came := project.store.client().xrange(project.keys.data)):
            assert time.monotonic() < deadline
            time.sleep(0.005)
        entry, fields = came[0]
        project.add("taskback", {"_id": "1-1", "_from": "send:other", "_outcome": "done"})
        project.add("taskback", {**fields, **answer, "_id": entry})

    project.announce(("service", "ready"), ("pool", "ready"))
    thread = threading.Thread(target=work)
    thread.start()
    yield
    thread.join()


# --- send


def test_send_stores_the_message_and_prints_its_id(project: ProjectHere) -> None:
    said = project("send", "work", "--text=hello there", "--any-field=1")
    ((entry, fields),) = project.redis.xrange(project.keys.data)
    assert (said.code, said.out) == (0, f"{entry}\n")
    assert fields.pop("_from").startswith("send:")
    assert fields == {"text": "hello there", "any-field": "1"}
    assert project.redis.hget(project.keys.key("counts"), "stored") == "1"


def test_send_waits_for_its_own_answer_and_prints_it(project: ProjectHere) -> None:
    project.add("taskback", {"_id": "1-0", "text": "of before"})
    with answering(project, answer="HI", _outcome="done"):
        said = project("send", "work", "--text=hi", "--wait")
    assert (said.code, said.err) == (0, "")
    assert said.json["answer"] == "HI"
    assert said.json["_outcome"] == "done"


def test_send_that_was_parked_ends_with_1(project: ProjectHere) -> None:
    with answering(project, _outcome="parked", _error="ValueError: no"):
        said = project("send", "work", "--text=hi", "--wait")
    assert said.code == 1
    assert said.json["_error"] == "ValueError: no"


def test_send_gives_up_after_its_timeout(project: ProjectHere) -> None:
    said = project("send", "work", "--text=hi", "--wait", "--timeout=0.05")
    assert (said.code, said.out) == (1, "")
    assert "no answer to message" in said.err


def test_send_says_that_nobody_is_there_to_answer(project: ProjectHere) -> None:
    said = project("send", "work", "--text=hi", "--wait", "--timeout=0.05")
    assert "no workers of work are up" in said.err
    assert "`botcannon up work` starts them, or `botcannon start work`" in said.err


def test_send_does_not_wait_where_nobody_ever_answers(project: ProjectHere) -> None:
    said = project("send", "bare", "--text=hi", "--wait")
    assert said.code == 2
    assert "bare has no tasks" in said.err
    assert project("send", "bare", "--text=hi").code == 0


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("send", "work"), "say what to send"),
        (("send", "work", "--_from=me"), "'_from'"),
        (("send", "wrok", "--text=a"), "did you mean 'work'"),
        (("send", "work", "--text=a", "--timeout=3"), "--wait"),
        (("send", "work", "surplus", "--text=a"), "surplus"),
    ],
)
def test_send_refuses_what_is_no_message(
    project: ProjectHere, words: tuple[str, ...], error: str
) -> None:
    said = project(*words)
    assert (said.code, said.out) == (2, "")
    assert error in said.err
    assert not project.redis.exists(project.keys.data)


# --- retry and drop


def by_entry(entry: str) -> str:
    return entry


def by_message(_entry: str) -> str:
    return "1700000000000-7"


def by_error(_entry: str) -> str:
    return "abc123"


BY_ANY_NAME = pytest.mark.parametrize("name_of", [by_entry, by_message, by_error])


@BY_ANY_NAME
def test_retry_puts_a_message_back_to_work_under_its_first_id(
    project: ProjectHere, name_of: Callable[[str], str]
) -> None:
    entry = project.parked("boom", "abc123")
    said = project("retry", "work", name_of(entry))
    assert said.code == 0
    assert "1700000000000-7 text=boom" in said.out
    assert "no workers of work are up" in said.err
    assert "`botcannon up work` starts them, or `botcannon start work`" in said.err
    ((_, fields),) = project.redis.xrange(project.keys.data)
    assert fields == {"text": "boom", "_id": "1700000000000-7", "_from": "h:1:1"}
    assert project.redis.xlen(project.keys.dead) == 0


def test_retry_delivers_a_taskback_again_with_the_error_it_brought(project: ProjectHere) -> None:
    own = {"_own_error": "KeyError: k", "_own_error_id": "fedcba", "_outcome": "parked"}
    project.parked("boom", "abc123", _what="taskback", **own)
    assert "the taskback of 1700000000000-7" in project("retry", "work", "abc123").out
    ((_, fields),) = project.redis.xrange(project.keys.taskback)
    assert fields == {
        "text": "boom",
        "_again": "1",
        "_id": "1700000000000-7",
        "_from": "h:1:1",
        "_outcome": "parked",
        "_error": "KeyError: k",
        "_error_id": "fedcba",
    }
    assert not project.redis.exists(project.keys.data)


def test_retry_of_all_keeps_the_order(project: ProjectHere) -> None:
    for text in ("one", "two", "three"):
        project.parked(text, "abc123")
    project("retry", "work", "all")
    texts = [fields["text"] for _, fields in project.redis.xrange(project.keys.data)]
    assert texts == ["one", "two", "three"]


@BY_ANY_NAME
def test_drop_deletes_and_says_what(project: ProjectHere, name_of: Callable[[str], str]) -> None:
    kept = project.parked("keep", "999999", _id="1700000000000-8")
    entry = project.parked("boom", "abc123")
    said = project("drop", "work", name_of(entry))
    assert said.out == "dropped: 1700000000000-7 text=boom (ValueError: boom)\n"
    assert [one for one, _ in project.redis.xrange(project.keys.dead)] == [kept]


@pytest.mark.parametrize("verb", ["retry", "drop"])
def test_all_of_nothing_is_fine_and_an_unknown_id_is_not(project: ProjectHere, verb: str) -> None:
    assert project(verb, "work", "all").out == "nothing is parked\n"
    said = project(verb, "work", "nope")
    assert (said.code, said.out) == (2, "")
    assert "botcannon dead work" in said.err


@pytest.mark.parametrize("verb", ["retry", "drop"])
def test_more_than_a_page_of_dead_messages_is_handled(project: ProjectHere, verb: str) -> None:
    with project.redis.pipeline() as together:
        for number in range(1100):
            together.xadd(project.keys.dead, {"text": str(number), "_id": f"{number + 1}-0"})
        together.execute()
    assert len(project(verb, "work", "all").out.splitlines()) == 1100
    assert project.redis.xlen(project.keys.dead) == 0


# --- yml


def test_yml_stores_kwargs_and_shows_no_secret(project: ProjectHere) -> None:
    said = project("yml", "cannon-compose.yml")
    assert (said.code, said.out) == (0, 'stored: keys {"token": "***", "times": 2}\n')
    kept = project.redis.hgetall("T|conf:keys")
    assert kept["times"] == "2"
    assert "s3cr3t" not in json.dumps(kept)


def test_another_file_can_name_the_key_that_yml_stored(
    project: ProjectHere, monkeypatch: pytest.MonkeyPatch
) -> None:
    project("yml", "cannon-compose.yml")
    monkeypatch.delenv(SECRET)
    short = COMPOSE.replace("{key: keys, kwargs: {token: '!!SECRET!!', times: 2}}", "{key: keys}")
    project.write("other.yml", short)
    assert project("shell", "work", "repeat", "a", "--file=other.yml").code != 0  # fire's word now
    assert project("--file=other.yml", "shell", "work", "repeat", "a").out == "aa!\n"


def test_yml_of_a_broken_file_stores_nothing(project: ProjectHere) -> None:
    project.write("broken.yml", COMPOSE + "    color: red\n")
    said = project("yml", "broken.yml")
    assert (said.code, said.out) == (2, "")
    assert "broken.yml:10: services.bare.color: unknown key" in said.err
    assert not project.redis.exists("T|conf:keys")


def test_yml_names_a_secret_that_is_nowhere(
    project: ProjectHere, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(SECRET)
    said = project("yml", "cannon-compose.yml")
    assert said.code == 2
    assert SECRET in said.err


def test_yml_without_a_key_says_that_there_is_nothing(project: ProjectHere) -> None:
    project.write("bare.yml", "services: {bare: {collector: {file: bot, entry: Quiet}}}\n")
    assert project("yml", "bare.yml").out.startswith("nothing to store")
