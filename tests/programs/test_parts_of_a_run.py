"""The parts that a run is made of: the state, the pool, the code of a step, the answer."""

from decimal import Decimal
from typing import Any

import pytest

from botcannon_core import contract
from botcannon_core.contract import ContractError
from botcannon_core.errors import MessageError
from botcannon_core.message import Message
from botcannon_core.programs import envelope
from botcannon_core.programs.calling import call
from botcannon_core.programs.pool import Pool, packed
from botcannon_core.programs.state import State


@pytest.mark.parametrize("record", [{}, {"what": "nonsense"}, {"what": "done"}, {"what": "keep"}])
def test_what_is_no_record_is_refused(record: dict[str, Any]) -> None:
    with pytest.raises((ValueError, KeyError)):
        State().take(record)


def test_a_pool_tells_what_has_changed_since_last_time() -> None:
    pool = Pool(packed({"a": 1, "b": [1], "c": "x"}))
    assert pool.changes() == {}
    pool.values["b"].append(Decimal(2))
    pool.values["d"] = True
    del pool.values["c"]
    assert pool.changes() == {
        "set": {"b": '{"b":[1,{"$decimal":"2"}]}', "d": '{"d":true}'},
        "drop": ["c"],
    }
    assert pool.changes() == {}


def test_a_pool_sees_that_a_number_became_a_truth() -> None:
    pool = Pool(packed({"a": 1, "b": 1}))
    pool.values.update(a=True, b=1.0)
    assert set(pool.changes()["set"]) == {"a", "b"}


@pytest.mark.parametrize("wrong", [{"_a": 1}, {"a": object()}, {1: 1}])
def test_a_pool_that_cannot_be_kept_can_be_restored(wrong: dict[Any, Any]) -> None:
    pool = Pool(packed({"a": 1}))
    pool.values.update(wrong)
    with pytest.raises((MessageError, ContractError)):
        pool.changes()
    pool.restore()
    assert pool.values == {"a": 1}


def test_what_a_step_raises_is_shown_whole_in_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    def fails(_message: Message, _results: dict[str, Any]) -> None:
        raise ValueError("the s3cret\nis out")

    called = call("a", fails, Message({}), {}, ("s3cret",))
    assert called.error == "ValueError: the *** is out"
    shown = capsys.readouterr().err
    assert "in fails" in shown
    assert "s3cret" not in shown
    assert "calling.py" not in shown


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise ValueError


def test_an_exception_that_cannot_be_told_is_a_failure_like_any() -> None:
    def fails(_message: Message, _results: dict[str, Any]) -> None:
        raise Unspeakable

    assert "cannot be had" in call("a", fails, Message({}), {}).error


def test_an_answer_carries_typed_values() -> None:
    answer = contract.unpack(envelope.done("p", {"price": Decimal("9.95")}))
    assert answer == {"ok": True, "program": "p", "result": {"price": Decimal("9.95")}}
