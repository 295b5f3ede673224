"""The task of a service with programs, as a worker has it."""

from typing import Any

import pytest

from botcannon_core import contract
from botcannon_core.cannon import chain
from botcannon_core.ledger.journal import Journal
from botcannon_core.message import Message
from botcannon_core.programs.plan import resolve
from botcannon_core.tasks.run_program import RunProgram

DOCUMENT: dict[str, Any] = {
    "programs": {"p": {"args": {"x": "int"}, "outputs": {"y": "int"}, "steps": ["a", "b"]}},
    "steps": {
        "a": {"file": "f", "entry": "a", "undo": ["un"]},
        "b": {"file": "f", "entry": "b"},
        "un": {"file": "f", "entry": "un"},
    },
    "services": {"s": {"program": "p"}},
}


class Code:
    def __init__(self, gives: Any) -> None:
        self.gives = gives

    def task(self, _message: Message, results: dict[str, Any]) -> Any:
        if isinstance(self.gives, BaseException):
            raise self.gives
        return {"y": results["x"] + 1} if self.gives is None else self.gives


def ended(
    body: str,
    b: Any = None,
    un: Any = None,
    answers: Any = None,
    records: list[str] | None = None,
    program: str = "p",
    trace: str = "",
    **more: Any,
) -> chain.Ended:
    records = [] if records is None else records

    def ask(_kind: str, words: list[str]) -> Any:
        if answers is not None:
            return answers
        records.extend(words[1::2])
        return 1 if words else list(records)

    parts = {"a": Code({}), "b": Code(b), "un": Code(un or {})}
    task = RunProgram(resolve(DOCUMENT), parts, Journal(ask), ("s3cret",), **more)
    fields = {"program": program, "body": body, **({"trace": trace} if trace else {})}
    return chain.run([task], Message(fields, "1-0", "s"), ("s3cret",))


def test_its_result_is_the_answer_in_one_field() -> None:
    found = ended('{"x": 1}')
    assert found.how == "done"
    assert contract.unpack(found.results["body"])["result"] == {"y": 2}


def test_who_asks_for_the_trace_has_it_also_of_a_run_that_did_all_its_steps() -> None:
    assert "trace" not in contract.unpack(ended('{"x": 1}').results["body"])
    answer = contract.unpack(ended('{"x": 1}', trace="1").results["body"])
    assert [(line["step"], line["how"]) for line in answer["trace"]] == [
        ("a", "done"),
        ("b", "done"),
    ]


def test_a_request_that_is_wrong_is_answered_and_not_tried_again() -> None:
    found = ended("{}")
    assert found.how == "done"
    assert contract.unpack(found.results["body"])["error"]["problems"][0]["path"] == "x"


def test_an_undone_program_is_done() -> None:
    found = ended('{"x": 1}', b=ValueError("the s3cret is out"))
    answer = contract.unpack(found.results["body"])
    assert (found.how, answer["ok"]) == ("done", False)
    assert answer["error"]["text"] == "ValueError: the *** is out"


def test_what_cannot_be_undone_yet_is_tried_again_later() -> None:
    found = ended('{"x": 1}', b=ValueError("no"), un=ValueError("not now"), backoff=0.5)
    assert (found.how, found.delay) == ("again", 0.5)
    assert "undoing a (un): ValueError: not now" in found.error


def test_what_cannot_be_undone_at_all_is_parked_with_what_is_left() -> None:
    found = ended('{"x": 1}', b=ValueError("no"), un=ValueError("never"), tries=1)
    assert (found.how, found.cause) == ("parked", {"left": '["un (of a)"]'})
    assert contract.unpack(found.results["body"])["left"] == ["un (of a)"]


@pytest.mark.parametrize("answers", [None, 0, "", {}])
def test_whoever_has_lost_the_message_ends_and_tells_nothing(answers: Any) -> None:
    found = ended('{"x": 1}', answers=False if answers is None else answers)
    assert (found.how, found.results) == ("again", {})


@pytest.mark.parametrize("now", [{"body": "{}"}, {"body": '{"x": 1}', "program": "q"}])
def test_a_run_that_has_begun_is_not_given_up_as_a_wrong_request(now: dict[str, str]) -> None:
    """Its program has other args or another name by now, but what it did is still there."""
    records: list[str] = []
    ended('{"x": 1}', b=ValueError("no"), un=ValueError("not now"), records=records)
    found = ended(**now, records=records)
    assert (found.how, found.cause) == ("parked", {"left": '["a"]'})
    assert "was changed while it ran" in found.error
    assert contract.unpack(found.results["body"])["error"]["kind"] == "changed"
