"""The short text of a type: what it means, and what is said of what means nothing."""

import pytest

from botcannon_core import contract
from botcannon_core.contract import ContractError
from botcannon_core.contract.nested import Either, ListOf, MappingOf, OneOf, Optional, SetOf
from botcannon_core.contract.scalars import SCALARS

INT, TEXT, ANY = SCALARS["int"], SCALARS["string"], SCALARS["any"]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("int", INT),
        ("  int ", INT),
        ("list", ListOf(ANY)),
        ("set", SetOf(ANY)),
        ("dict", MappingOf(ANY, ANY)),
        ("list of list of int", ListOf(ListOf(INT))),
        ("mapping of string to list of int", MappingOf(TEXT, ListOf(INT))),
        ("optional set of int", Optional(SetOf(INT))),
        ('one of a, b-c, \'d e\', "f\\"", 4, 1.5', OneOf(("a", "b-c", "d e", 'f"', 4, 1.5))),
        ("list of one of a, b", ListOf(OneOf(("a", "b")))),
        ("mapping of one of a, b to int", MappingOf(OneOf(("a", "b")), INT)),
        ("int or string", Either((INT, TEXT))),
        ("list of int or string", Either((ListOf(INT), TEXT))),
        ("list of (int or string)", ListOf(Either((INT, TEXT)))),
        ("one of a, b or int", Either((OneOf(("a", "b")), INT))),
        ("one of 'or', 'to'", OneOf(("or", "to"))),
    ],
)
def test_a_text_means_its_type(text: str, kind: object) -> None:
    assert contract.parse(text) == kind


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("strin", "no type is called 'strin'; did you mean 'string'?"),
        ("str", "no type is called 'str'; write 'string'"),
        ("Integer", "write 'int'"),
        ("mapping", "write 'dict'"),
        ("zzz", "a type begins with one of string, int"),
        ("", "is no whole type"),
        ("list of", "is no whole type"),
        ("int int", "ends before 'int'"),
        ("mapping of string", "lacks 'to' after 'mapping of string'"),
        ("one a, b", "lacks 'of' after 'one'"),
        ("one of a,, b", "lacks a choice"),
        ("one of a, or", "write 'or' in quotes"),
        ("one of a, a", "names the choice 'a' twice"),
        ("(int", "lacks a closing )"),
        ("one of 'a", "a quote is open"),
        ('one of "\\q"', "a backslash"),
        ("list of " * 300 + "int", "is too long"),
    ],
)
def test_a_text_that_is_no_type_is_refused_with_words(text: str, said: str) -> None:
    with pytest.raises(ContractError) as caught:
        contract.fields({"x": text})
    assert said in str(caught.value)


def test_every_problem_of_a_declaration_is_told_at_once() -> None:
    declared = {
        "a": "strin",
        "b": {"type": "int", "default": "x"},
        "c": {"typ": "int"},
        "d": {"type": "list", "of": {"fields": {"x": "in"}, "required": True}},
        "e": {"type": "int", "of": "int"},
        "f": {"fields": {}, "type": "int"},
        "g": {"type": "int", "required": True, "default": 1},
        "h": {"type": "int", "required": "yes", "description": 5},
        "i": 5,
        "_j": "int",
        3: "int",
    }
    with pytest.raises(ContractError) as caught:
        contract.fields(declared)
    assert str(caught.value).splitlines() == [
        "a: no type is called 'strin'; did you mean 'string'?",
        "b.default: must be a whole number, is text",
        "c.typ: unknown key; did you mean 'type'?",
        "c: lacks a type: `type: string`, or `fields` for a mapping of its own",
        "d.of.required: has no place here; there are type, of, fields, description",
        "d.of.fields.x: no type is called 'in'; did you mean 'int'?",
        "e.type: must be list, set or mapping, since there is an `of`",
        "f: has `fields`, so that it can have neither `type` nor `of`",
        "g: is required and has a default; drop one of them",
        "h.required: must be true or false, is text",
        "h.description: must be text, is a whole number",
        "i: must be a type such as `list of int`, is a whole number",
        "_j: names with _ first are botcannon's",
        "3: a name must be text, is a whole number; put it in quotes",
    ]


@pytest.mark.parametrize("declared", [None, 5, "int", ["a"]])
def test_what_is_no_mapping_of_names_declares_nothing(declared: object) -> None:
    with pytest.raises(ContractError, match="must be a mapping of names to types"):
        contract.fields(declared)


def test_lists_of_fields_may_be_declared_at_any_depth() -> None:
    lines = {"type": "list", "of": {"fields": {"at": {"type": "mapping", "of": "list of int"}}}}
    declared = contract.fields({"lines": lines})
    assert declared.check({"lines": [{"at": {"x": [1]}}]}) == {"lines": [{"at": {"x": [1]}}]}
    with pytest.raises(ContractError, match=r"lines\[0\]\.at\.x\[1\]: must be a whole number"):
        declared.check({"lines": [{"at": {"x": [1, "y"]}}]})
