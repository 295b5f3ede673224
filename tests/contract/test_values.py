"""Which values a type takes, what becomes of them, and how they are typed and sent."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from botcannon_core import contract
from botcannon_core.contract import ContractError

ID = UUID(int=5)


@pytest.mark.parametrize(
    ("kind", "value", "found"),
    [
        ("int", 5, 5),
        ("float", 5, 5.0),
        ("float", float("inf"), float("inf")),
        ("decimal", "1.50", Decimal("1.50")),
        ("decimal", 9.95, Decimal("9.95")),
        ("decimal", 5, Decimal(5)),
        ("datetime", "2024-12-31T23:59:00Z", datetime(2024, 12, 31, 23, 59, tzinfo=UTC)),
        ("datetime", date(2024, 12, 31), datetime(2024, 12, 31)),
        ("uuid", str(ID), ID),
        ("bytes", "AP8=", b"\x00\xff"),
        ("bytes", bytearray(b"a"), b"a"),
        ("list of int", (1, 2), [1, 2]),
        ("set of uuid", [str(ID), ID], {ID}),
        ("mapping of int to float", {1: 2}, {1: 2.0}),
        ("mapping of uuid to int", {str(ID): 2}, {ID: 2}),
        ("optional int", None, None),
        ("one of 1, 2", 2, 2),
        ("decimal or string", "1.5", "1.5"),  # it is text already
        ("decimal or int", "1.5", Decimal("1.5")),
        ("string or decimal", Decimal(1), Decimal(1)),
        ("list of int or list of string", ["a"], ["a"]),
        ("any", [1, {"a": None}], [1, {"a": None}]),
    ],
)
def test_a_value_is_taken_as_its_type_has_it(kind: str, value: Any, found: Any) -> None:
    taken = contract.parse(kind).check(value)
    assert (taken, type(taken)) == (found, type(found))


@pytest.mark.parametrize(
    ("kind", "value", "said"),
    [
        ("int", True, "must be a whole number, is true or false"),
        ("int", 5.0, "must be a whole number, is a fraction"),
        ("int", "5", "must be a whole number, is text"),
        ("float", True, "must be a number, is true or false"),
        ("float", 10**400, "must be a number, is a whole number"),
        ("bool", 1, "must be true or false, is a whole number"),
        ("bool", "true", "must be true or false, is text"),
        ("string", 5, "must be text, is a whole number; put it in quotes"),
        ("string", None, "must be text, is nothing"),
        ("decimal", "NaN", "must be a decimal such as 9.95, is text that is none"),
        ("decimal", True, "must be a decimal such as 9.95, is true or false"),
        ("decimal", "1" * 5000, "must be a decimal such as 9.95, is text that is none"),
        ("uuid", 5, "must be a UUID, is a whole number"),
        ("bytes", "a", "must be bytes (base64 where they are text), is text that is none"),
        ("list of int", "ab", "must be a list, is text"),
        ("set of any", [[1]], "holds what a set cannot: lists, mappings or sets"),
        ("dict", [1], "must be a mapping, is a list"),
        ("mapping of int to int", {"a": 1}, "a: as a key must be a whole number, is text"),
        ("one of 1, 2", True, "must be 1 or 2, is true or false"),
        ("one of red, blue, green", "gren", "must be red, blue or green; did you mean 'green'?"),
        ("int or bool", "x", "must be a whole number or true or false"),
        ("int or list of int", ["x"], "[0]: must be a whole number, is text"),
        ("optional int", "x", "must be a whole number, is text"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_with_words(kind: str, value: Any, said: str) -> None:
    with pytest.raises(ContractError) as caught:
        contract.parse(kind).check(value)
    assert str(caught.value) == said


@pytest.mark.parametrize(
    ("kind", "text", "found"),
    [
        ("string", "007", "007"),
        ("int", "007", 7),
        ("bool", "Yes", True),
        ("bool", "off", False),
        ("float", "1e3", 1000.0),
        ("list of int", "1, 2", [1, 2]),
        ("list of string", "", []),
        ("list of string", '["a,b"]', ["a,b"]),
        ("set of string", "a,a", {"a"}),
        ("mapping of string to decimal", '{"a": "1.5"}', {"a": Decimal("1.5")}),
        ("optional int", "none", None),
        ("optional string", "none", "none"),
        ("one of 1, 2", "2", 2),
        ("int or string", "5", 5),
        ("string or int", "5", 5),
        ("any", "5", 5),
        ("any", "007", "007"),
        ("any", "[1, 2]", [1, 2]),
        ("any", "null", None),
        ("any", "hello", "hello"),
    ],
)
def test_a_typed_text_becomes_the_value_that_is_meant(kind: str, text: str, found: Any) -> None:
    taken = contract.parse(kind).from_text(text)
    assert (taken, type(taken)) == (found, type(found))


@pytest.mark.parametrize(
    ("kind", "text", "said"),
    [
        ("int", "5.5", "must be a whole number"),
        ("bool", "maybe", "must be true or false"),
        ("list of int", "1,x", "[1]: must be a whole number"),
        ("dict", "a=1", 'must be written as JSON, such as {"name": "value"}'),
        ("list of int", "[1", 'must be written as JSON, such as ["a", "b"]'),
        ("int or bool", "x", "must be a whole number or true or false"),
        ("optional int", "x", "must be a whole number"),
    ],
)
def test_a_typed_text_that_does_not_fit_is_refused(kind: str, text: str, said: str) -> None:
    with pytest.raises(ContractError) as caught:
        contract.parse(kind).from_text(text)
    assert str(caught.value) == said


def test_the_json_schema_says_what_somebody_outside_has_to_send() -> None:
    declared = contract.fields(
        {
            "id": "uuid",
            "price": {"type": "decimal", "default": "9.95", "description": "in euro"},
            "tags": "optional set of one of a, b",
            "rates": {"type": "mapping", "of": "int or float", "required": False},
        }
    )
    assert declared.json_schema() == {
        "type": "object",
        "properties": {
            "id": {"type": "string", "format": "uuid"},
            "price": {
                "type": ["string", "number"],
                "format": "decimal",
                "description": "in euro",
                "default": "9.95",
            },
            "tags": {
                "anyOf": [
                    {"type": "array", "items": {"enum": ["a", "b"]}, "uniqueItems": True},
                    {"type": "null"},
                ],
                "default": None,
            },
            "rates": {
                "type": "object",
                "additionalProperties": {"anyOf": [{"type": "integer"}, {"type": "number"}]},
            },
        },
        "required": ["id"],
        "additionalProperties": False,
    }


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (
            {"a": {"b": [object()]}},
            "a.b[0]: cannot travel in a message: it is of type builtins.object",
        ),
        ({5: 1}, "has a name that is no text, but of type int"),
        ({"a": 10**5000}, "cannot travel in a message: a number with too many digits"),
    ],
)
def test_what_cannot_travel_is_told_with_its_path(values: Any, said: str) -> None:
    with pytest.raises(ContractError) as caught:
        contract.pack(values)
    assert str(caught.value).startswith(said)


def test_what_holds_itself_cannot_travel() -> None:
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(ContractError, match="nested too deeply"):
        contract.pack({"a": endless})


def test_half_a_character_travels_as_valid_text() -> None:
    packed = contract.pack({"a": "\ud800"})
    assert packed.isascii()
    assert contract.unpack(packed) == {"a": "\ud800"}


@pytest.mark.parametrize("text", ["", "[1]", "5", "{", "[" * 100_000, '{"a": {"$uuid": 5}}'])
def test_a_body_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ContractError):
        contract.unpack(text)
