"""A contract, as those who use one meet it: declared, checked, typed on a command line, carried."""

from typing import Any

import pytest

from botcannon_core import contract
from botcannon_core.contract import ContractError

ORDER = {
    "item": {"type": "string", "required": True, "description": "what to buy"},
    "qty": {"type": "int", "default": 1},
    "price": "decimal",
    "notes": "list of string",
    "to": {"fields": {"street": "string", "city": "string"}, "required": False},
}


def problems(declared: Any, values: Any) -> list[str]:
    with pytest.raises(ContractError) as caught:
        contract.fields(declared).check(values)
    return [str(problem) for problem in caught.value.problems]


def test_every_problem_is_told_at_once_with_its_path() -> None:
    values = {"qty": True, "price": "dear", "notes": ["a", 2], "to": {"city": 1}, "itme": "x"}
    assert problems(ORDER, values) == [
        "itme: is not known; did you mean 'item'?",
        "item: is missing; it must be string",
        "qty: must be a whole number, is true or false",
        "price: must be a decimal such as 9.95, is text that is none",
        "notes[1]: must be text, is a whole number; put it in quotes",
        "to.street: is missing; it must be string",
        "to.city: must be text, is a whole number; put it in quotes",
    ]


def test_defaults_are_filled_in_and_what_need_not_be_given_is_left_out() -> None:
    checked = contract.fields(ORDER).check({"item": "x", "price": 9.95, "notes": []})
    assert contract.plain(checked) == {"item": "x", "qty": 1, "price": "9.95", "notes": []}


def test_a_default_is_nobodys_to_change() -> None:
    with_default = contract.fields({"x": {"type": "list of int", "default": [1]}})
    with_default.check({})["x"].append(2)
    assert with_default.check({}) == {"x": [1]}


def test_an_optional_field_that_is_not_given_is_nothing() -> None:
    assert contract.fields({"x": "optional int"}).check({}) == {"x": None}
    assert contract.fields({"x": {"type": "optional int", "required": False}}).check({}) == {}
    assert problems({"x": {"type": "optional int", "required": True}}, {}) == [
        "x: is missing; it must be optional int"
    ]


def test_what_was_typed_becomes_typed_values() -> None:
    texts = {"item": "007", "qty": "3", "price": "1.50", "notes": "a, b", "to": '{"street": "s"}'}
    with pytest.raises(ContractError, match=r"to\.city: is missing"):
        contract.fields(ORDER).from_texts(texts)
    found = contract.fields(ORDER).from_texts(texts | {"to": '{"street": "s", "city": "c"}'})
    assert contract.plain(found) == {
        "item": "007",
        "qty": 3,
        "price": "1.50",
        "notes": ["a", "b"],
        "to": {"street": "s", "city": "c"},
    }


def test_checked_values_travel_as_one_text() -> None:
    checked = contract.fields(ORDER).check({"item": "x", "price": "9.95", "notes": []})
    assert contract.unpack(contract.pack(checked)) == checked


def test_no_value_is_quoted_in_a_problem() -> None:
    kinds = ("int", "float", "bool", "list", "dict", "datetime", "decimal", "uuid", "bytes")
    for kind in (*kinds, "one of a, b", "mapping of int to int", "int or uuid", "set of int"):
        assert "hunter2" not in str(problems({"x": kind}, {"x": "hunter2!"}))
    assert "hunter2" not in str(problems({"x": "mapping of int to int"}, {"x": {"a": "hunter2"}}))
