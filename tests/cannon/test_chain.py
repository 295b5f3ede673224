"""The chain: tasks in order over one dict, and an ending for whatever user code does."""

import asyncio
import json
import subprocess
import sys
import threading
import traceback
import types
from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass
from typing import Any

import pytest

from botcannon_core.cannon import chain
from botcannon_core.cannon.chain import Ended
from botcannon_core.compose.loading import FunctionTask
from botcannon_core.message import MOST_FIELDS, Message, one_line
from botcannon_core.roles import Park, Retry, Skip

MESSAGE = Message({"text": "hi"}, "1700000000000-0", "chat")


class Does:
    def __init__(self, do: Callable[[Message, dict[str, Any]], Any]) -> None:
        self._do = do

    def task(self, message: Message, results: dict[str, Any]) -> Any:
        return self._do(message, results)


def run(*tasks: Callable[[Message, dict[str, Any]], Any], hidden: tuple[str, ...] = ()) -> Ended:
    return chain.run([Does(one) for one in tasks], MESSAGE, hidden)


def raising(error: BaseException) -> Callable[[Message, dict[str, Any]], Any]:
    def task(_message: Message, _results: dict[str, Any]) -> Any:
        raise error

    return task


def test_each_task_sees_what_came_before_and_may_overwrite_it() -> None:
    ended = run(
        lambda m, _: {"a": m["text"], "b": 1},
        lambda _, r: {"b": r["b"] + 1},
        lambda _, r: r.update(c=[r["a"], r["b"]]),
    )
    assert ended == Ended("done", {"a": "hi", "b": "2", "c": '["hi", 2]'})


def test_no_task_at_all_is_done_without_results() -> None:
    assert run() == Ended("done")


def test_an_async_task_is_awaited() -> None:
    async def task(message: Message, results: dict[str, Any]) -> dict[str, Any]:
        await asyncio.sleep(0)
        return {"a": 1}

    async def skips(message: Message, results: dict[str, Any]) -> dict[str, Any]:
        raise Skip

    assert run(task).results == {"a": "1"}
    assert run(skips).how == "skipped"


class Later:
    def __await__(self) -> Generator[None, None, dict[str, int]]:
        yield
        return {"a": 1}


@types.coroutine
def generated() -> Generator[None, None, dict[str, int]]:
    yield
    return {"a": 1}


@pytest.mark.parametrize("later", [Later, generated])
def test_whatever_can_be_awaited_is(later: Callable[[], Awaitable[dict[str, int]]]) -> None:
    assert run(lambda *_: later()).results == {"a": "1"}


def test_a_generator_that_is_no_coroutine_is_no_result() -> None:
    told = run(lambda *_: (n for n in "ab")).error
    assert told == "Does.task returned a value of type generator, not a dict or None"


def test_values_that_are_no_strings_become_json() -> None:
    given = {"none": None, "yes": True, "list": [1, {"ü": 2.5}], "set": {1}, "nan": float("nan")}
    results = run(lambda *_: given).results
    assert json.loads(results["list"]) == [1, {"ü": 2.5}]
    assert (results["none"], results["yes"], results["set"]) == ("null", "true", '"{1}"')


def test_skip_park_and_retry_are_endings_of_their_own() -> None:
    assert run(lambda *_: {"a": 1}, raising(Skip())).how == "skipped"
    parked = run(raising(Park("no such\nuser")))
    assert (parked.how, parked.error) == ("parked", "no such user")
    assert parked.error_id
    assert run(raising(Park())).error == "parked by a task, without a reason"
    again = run(raising(Retry(2.5)))
    assert (again.how, again.delay) == ("again", 2.5)
    assert again.error_id  # it may have been the last try
    assert run(raising(Retry(-1))).delay == 0.0


def test_what_is_parked_may_tell_more_than_its_reason() -> None:
    told = {"body": {"ok": False}, "_outcome": "done"}
    parked = run(raising(Park("half done", results=told, facts={"left": "b, a"})))
    assert (parked.results, parked.cause) == ({"body": '{"ok": false}'}, {"left": "b, a"})


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise ValueError("no words")


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ValueError("bad\x1b[31m\ninput"), "ValueError: bad [31m input"),
        (KeyError("name"), "KeyError: 'name'"),
        (RuntimeError(), "RuntimeError"),
        (SystemExit(3), "the code ended its process: sys.exit(3)"),
        (SystemExit("why"), "the code ended its process: sys.exit('why')"),
        (KeyboardInterrupt(), "KeyboardInterrupt"),
        (GeneratorExit(), "GeneratorExit"),
        (asyncio.CancelledError(), "CancelledError"),
        (MemoryError(), "MemoryError"),
        (BaseExceptionGroup("two", [ValueError("a"), KeyboardInterrupt()]), "BaseExceptionGroup: "),
        (Unspeakable(), "Unspeakable: (its text cannot be had: ValueError)"),
        (FileNotFoundError(2, "no file", "half \udc80"), "FileNotFoundError: "),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_whatever_is_raised_is_a_failure_in_one_line(error: BaseException, told: str) -> None:
    ended = run(raising(error))
    assert ended.how == "failed"
    assert ended.error.startswith(told)
    assert "\n" not in ended.error
    assert ended.error.isprintable()
    assert "Traceback" in ended.trace
    assert __file__ in ended.trace
    assert ended.error_id


class ArrayMemoryError(MemoryError):
    """As the one of numpy, which says how much it wanted."""


def test_what_goes_over_its_memory_is_told_the_limit_by_its_key() -> None:
    ended = chain.ended_by(ArrayMemoryError("unable to allocate 2 GB"), memory=512 * 1024**2)
    assert ended.error == (
        "ArrayMemoryError: unable to allocate 2 GB: a worker may use 512 MB; "
        "set workers.limits.memory higher, or have it use less at once"
    )


def test_a_traceback_begins_in_user_code() -> None:
    trace = run(raising(ValueError("bad"))).trace
    assert trace.startswith("Traceback (most recent call last):\n")
    assert "botcannon_core" not in trace
    assert trace.endswith("ValueError: bad")


def caused() -> None:
    try:
        {}["grüße"][5]  # type: ignore[index]
    except KeyError as error:
        raise ValueError("half \udc80 \x1b[31m\nof it") from error


def instead() -> None:
    try:
        caused()
    except ValueError:
        raise KeyError("another") from None


def handling() -> None:
    try:
        caused()
    finally:
        len(5)  # type: ignore[arg-type]


def grouped() -> None:
    errors: list[Exception] = []
    for fails in (caused, handling):
        try:
            fails()
        except (ValueError, TypeError) as error:
            errors.append(error)
    raise ExceptionGroup("both", errors)


def noted() -> None:
    error = Unspeakable()
    error.add_note("a\nnote")
    raise error


def mistyped() -> None:
    compile("x = 1\na b\n", "some.py", "exec")


def without_source() -> None:
    exec(compile("def f():\n  1/0\nf()", "/nowhere/some.py", "exec"), {})


def endless() -> None:
    endless()


@pytest.mark.parametrize(
    "fails",
    [caused, instead, handling, grouped, noted, mistyped, without_source, endless],
    ids=lambda fails: fails.__name__,
)
def test_a_traceback_reads_as_pythons_own(
    fails: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chain._thread, "_count", lambda: 0)  # pytest may have threads
    with pytest.raises(Exception) as raised:  # noqa: PT011 - each has its own
        fails()
    error, part, stderr = raised.value, raised.tb, sys.stderr
    told = chain.failed(error).trace
    assert told == "".join(traceback.format_exception(type(error), error, part)).rstrip()
    assert (sys.stderr, error.__traceback__) == (stderr, part)


def test_what_a_thread_prints_is_no_part_of_a_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    go, done = threading.Event(), threading.Event()

    def prints() -> None:
        go.wait(10)
        print("from beside", file=sys.stderr)
        done.set()

    class Slow(Exception):
        def __str__(self) -> str:
            go.set()
            done.wait(10)
            return "slow"

    thread = threading.Thread(target=prints)
    thread.start()
    trace = run(raising(Slow())).trace
    thread.join()
    assert "Slow: slow" in trace
    assert "from beside" not in trace
    assert capsys.readouterr().err == "from beside\n"


@dataclass(frozen=True)
class Frozen(Exception):
    size: int = 3


def test_an_error_that_refuses_attributes_is_told_as_any_other() -> None:
    ended = run(raising(Frozen()))
    assert (ended.how, ended.error) == ("failed", "Frozen")
    assert ended.trace.startswith("Traceback (most recent call last):")


def test_a_trace_is_had_where_user_code_has_no_stderr(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(sys, "stderr")
    assert "ValueError: no" in run(raising(ValueError("no"))).trace


NO_MEMORY = """
import threading
import time

from botcannon_core.cannon import chain, process

threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
process.limit(150 << 20, 100)


class Hungry:
    def task(self, message, results):
        held = []
        while True:
            held.append(bytes(100_000))


print(chain.run([Hungry()], {}, memory=150 << 20).error)
"""


def test_where_memory_is_used_up_it_is_still_said() -> None:
    """Also where a thread lives, and `traceback` would have to be imported into what is left."""
    done = subprocess.run([sys.executable, "-c", NO_MEMORY], capture_output=True, text=True)
    told = "MemoryError: a worker may use 150 MB; set workers.limits.memory higher"
    assert done.stdout.startswith(told), done.stderr


def test_a_mistake_of_our_own_keeps_its_traceback() -> None:
    with pytest.raises(TypeError) as raised:
        one_line(None)  # type: ignore[arg-type]  # to have it raise in the house
    trace = chain.failed(raised.value.with_traceback(raised.tb.tb_next)).trace
    assert "message.py" in trace


def test_results_that_are_none_are_told_in_one_line_without_a_traceback() -> None:
    ended = run(lambda message, results: ["no dict"])
    assert ended.error == "Does.task returned a value of type list, not a dict or None"
    assert ended.trace == ""


def test_endless_recursion_is_a_failure() -> None:
    def deep(message: Message, results: dict[str, Any]) -> Any:
        return deep(message, results)

    assert "RecursionError" in run(deep).error


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("text", "Does.task returned a value of type str, not a dict or None"),
        ([("a", 1)], "Does.task returned a value of type list, not a dict or None"),
        ({5: "a"}, "Does.task returned the name 5: a value of type int, not a string"),
        ({"_from": "me"}, "Does.task set '_from': names with _ first are botcannon's"),
        ({str(n): n for n in range(MOST_FIELDS + 1)}, "Does.task returned 1001 results"),
    ],
    ids=["text", "list", "number", "underscore", "many"],
)
def test_what_is_no_result_is_a_failure_that_says_so(given: Any, told: str) -> None:
    ended = run(lambda *_: given)
    assert ended.how == "failed"
    assert ended.error.startswith(told)


@pytest.mark.parametrize("kwargs", [{}, {"more": 1}])
def test_a_function_is_named_as_its_author_did(kwargs: dict[str, int]) -> None:
    def price(_message: Message, _results: dict[str, Any], more: int = 0) -> Any:
        return "3 euro"

    ended = chain.run([FunctionTask(price, kwargs)], MESSAGE)
    assert ended.error == "price returned a value of type str, not a dict or None"


def test_what_was_done_to_the_results_by_hand_is_checked_too() -> None:
    assert "the chain set '_outcome'" in run(lambda _, r: r.update(_outcome="done")).error
    circle: list[Any] = []
    circle.append(circle)
    assert "ValueError" in run(lambda *_: {"circle": circle}).error


def test_the_message_cannot_be_changed() -> None:
    def task(message: Any, results: dict[str, Any]) -> None:
        message["text"] = "ho"

    assert "TypeError" in run(task).error


def test_hidden_texts_are_shown_to_nobody() -> None:
    ended = run(
        raising(ValueError("cannot log in with hunter22 or hunter2")),
        hidden=("hunter2", "hunter22", ""),
    )
    assert ended.error == "ValueError: cannot log in with *** or ***"
    assert "hunter2" not in ended.trace
    assert run(raising(Park("hunter2 is wrong")), hidden=("hunter2",)).error == "*** is wrong"


def test_an_ending_survives_its_way_through_a_frame() -> None:
    for ended in (
        Ended("done", {"a": "1"}),
        Ended("skipped"),
        Ended("failed", {}, "why", "abc", "trace", {"signal": "SIGKILL"}),
        Ended("again", delay=1.5),
    ):
        assert chain.from_frame(json.loads(json.dumps(chain.as_frame(ended)))) == ended


@pytest.mark.parametrize(
    "body",
    [
        None,
        5,
        "text",
        [],
        {},
        {"how": "fine"},
        {"how": ["done"]},
        {"how": "done", "results": [1]},
        {"how": "done", "results": {"a": 1}},
        {"how": "done", "results": None},
        {"how": "failed", "error": 5},
        {"how": "again", "delay": "soon"},
        {"how": "done", "surprise": 1},
    ],
    ids=str,
)
def test_what_is_no_ending_is_a_failure(body: Any) -> None:
    ended = chain.from_frame(body)
    assert ended.how == "failed"
    assert ended.error_id


def test_a_chain_that_is_not_async_does_without_asyncio() -> None:
    code = (
        "import sys; from botcannon_core.cannon import chain\n"
        "from botcannon_core.message import Message\n"
        "chain.run([], Message({})); sys.exit('asyncio' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
