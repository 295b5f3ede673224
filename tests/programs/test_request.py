"""A request: which program a message asks for, with which args, and what it has to wait for."""

import json
from decimal import Decimal
from typing import Any

import pytest

from botcannon_core import contract
from botcannon_core.programs.locks import Locks
from botcannon_core.programs.plan import resolve
from botcannon_core.programs.program import Plans
from botcannon_core.programs.request import Refused, args_of, program_of
from tests.programs.world import step

BUY: dict[str, Any] = {
    "args": {"item": "string", "qty": {"type": "int", "default": 1}, "price": "optional decimal"},
    "steps": ["a"],
    "lock": "item",
}


def plans(*offered: str) -> Plans:
    document = {
        "programs": {"buy": BUY, "refund": {**BUY, "lock": "qty"}, "look": {"steps": ["a"]}},
        "steps": {"a": step()},
        "services": {"shop": {"programs": list(offered)}},
    }
    return resolve(document)


def asked(fields: dict[str, str], *offered: str) -> dict[str, Any]:
    all_of_them = plans(*offered or ("buy",))
    return args_of(program_of(all_of_them, fields), fields)


def refused(fields: dict[str, str], *offered: str) -> dict[str, Any]:
    with pytest.raises(Refused) as caught:
        asked(fields, *offered)
    return caught.value.error


def test_the_args_come_typed_and_with_their_defaults() -> None:
    body = contract.pack({"item": "x", "price": Decimal("9.95")})
    assert asked({"body": body}) == {"item": "x", "qty": 1, "price": Decimal("9.95")}


def test_without_a_body_each_arg_is_a_text_in_a_field_of_its_name() -> None:
    assert asked({"item": "x", "qty": "3", "user": "ann"}) == {"item": "x", "qty": 3, "price": None}


def test_the_only_program_need_not_be_named_and_of_several_one_must() -> None:
    body = contract.pack({"item": "x"})
    assert asked({"body": body, "program": "refund"}, "buy", "refund")["item"] == "x"
    assert refused({"body": body}, "buy", "refund")["text"] == (
        "the request names no program; there are: buy, refund"
    )


def test_a_program_that_is_not_offered_is_unknown() -> None:
    assert refused({"program": "bye"})["text"] == "no program 'bye'; did you mean 'buy'?"
    assert refused({"program": "refund"})["text"] == "no program 'refund'; there are: buy"


@pytest.mark.parametrize(
    "body", ["", "[]", "null", "{", "3", '{"a": ' * 50_000, '{"item": {"$decimal": 1}}']
)
def test_a_body_that_is_none_is_refused(body: str) -> None:
    assert refused({"body": body})["kind"] == "args"


def test_all_that_is_wrong_is_told_with_its_path() -> None:
    error = refused({"body": json.dumps({"qty": True, "colour": "red"})})
    assert [one["path"] for one in error["problems"]] == ["colour", "item", "qty"]


def test_a_lock_is_the_value_of_the_arg_whichever_program_has_it() -> None:
    locks = Locks(plans("buy", "refund", "look"))
    body = contract.pack({"item": "x"})
    assert locks({"program": "buy", "body": body}) == "item=x"
    assert locks({"program": "buy", "item": "x"}) == "item=x"
    assert locks({"program": "refund", "body": body}) == "qty=1"  # its default
    assert locks({"program": "look", "body": "{}"}) is None
    assert locks({"program": "buy", "body": "{}"}) is None  # it will be refused
    assert locks({"body": body}) is None
