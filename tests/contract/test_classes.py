"""Annotated Python as types: annotations, dataclasses, TypedDicts, pydantic models."""

import dataclasses
import enum
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, NewType, NotRequired, TypedDict
from uuid import UUID

import pydantic
import pytest

from botcannon_core import contract
from botcannon_core.contract import Contract, ContractError
from botcannon_core.contract.classes import leniently

Sku = NewType("Sku", str)


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


@dataclasses.dataclass
class Line:
    sku: Sku
    qty: Annotated[int, "how many"] = 1


@dataclasses.dataclass
class Order:
    lines: list[Line]
    first: Line = dataclasses.field(default_factory=lambda: Line(Sku("a")))
    colour: Colour = Colour.RED
    note: str | None = dataclasses.field(default=None, metadata={"description": "for the packer"})
    seen: bool = dataclasses.field(default=False, init=False)


class Address(TypedDict):
    street: Annotated[str, "with the number"]
    code: NotRequired[int]


class Model(pydantic.BaseModel):
    qty: int = pydantic.Field(gt=0, description="how many")
    rate: float = 1


class Tree(TypedDict):
    left: "Tree"


class Unreadable(TypedDict):
    x: "nowhere.Thing"  # type: ignore[name-defined]  # noqa: F821 - the point of it


@pytest.mark.parametrize(
    ("annotation", "text"),
    [
        (str, "string"),
        (float, "float"),
        (datetime, "datetime"),
        (Decimal, "decimal"),
        (UUID, "uuid"),
        (bytes, "bytes"),
        (Any, "any"),
        (list, "list"),
        (dict, "dict"),
        (set, "set"),
        (Sequence[int], "list of int"),
        (tuple[str, ...], "list of string"),
        (frozenset[str], "set of string"),
        (Mapping[str, list[Decimal]], "mapping of string to list of decimal"),
        (int | None, "optional int"),
        (int | str | None, "optional (int or string)"),
        (int | Any, "any"),
        (Literal["a", "b c", 3], 'one of a, "b c", 3'),
        (Colour, "one of red, blue"),
        (Annotated[int, "x"], "int"),
        (Sku, "string"),
    ],
)
def test_every_annotation_has_its_type(annotation: Any, text: str) -> None:
    assert str(contract.of(annotation)) == text


@pytest.mark.parametrize(
    "annotation", [Path, Callable[[], None], None, tuple[int, str], 5, [int], Literal[b"a"], Tree]
)
def test_what_has_no_type_is_refused_or_unchecked(annotation: Any) -> None:
    with pytest.raises(ContractError):
        contract.of(annotation)
    assert str(leniently(annotation)) == "any"


def test_a_factory_that_fails_leaves_its_class_unchecked() -> None:
    @dataclasses.dataclass
    class Bad:
        x: int = dataclasses.field(default_factory=lambda: int("x"))

    assert str(leniently(Bad)) == "any"


def test_a_part_without_a_type_leaves_the_rest_checked() -> None:
    assert str(leniently(Mapping[str, Path])) == "mapping of string to any"


def test_a_dataclass_is_a_contract_with_its_defaults() -> None:
    order = contract.fields(Order)
    assert isinstance(order, Contract)
    assert order.check({"lines": [{"sku": "x"}]}) == {
        "lines": [{"sku": "x", "qty": 1}],
        "first": {"sku": "a", "qty": 1},
        "colour": "red",
        "note": None,
    }
    with pytest.raises(ContractError) as caught:
        order.check({"lines": [{"qty": 1}, 5], "colour": "green", "seen": True})
    assert [problem.path for problem in caught.value.problems] == [
        "seen",
        "lines[0].sku",
        "lines[1]",
        "colour",
    ]


def test_descriptions_of_classes_reach_the_json_schema() -> None:
    order = contract.of(Order).json_schema()
    assert order["title"] == "Order"
    assert order["properties"]["note"]["description"] == "for the packer"
    line = order["properties"]["lines"]["items"]["properties"]
    assert line["qty"] == {"type": "integer", "default": 1, "description": "how many"}
    address = contract.of(Address).json_schema()
    assert address["properties"]["street"]["description"] == "with the number"
    assert address["required"] == ["street"]


def test_a_field_of_a_class_may_stand_among_declared_ones() -> None:
    declared = contract.fields({"to": Address, "by": {"type": Colour, "default": "blue"}})
    assert declared.check({"to": {"street": "s"}}) == {"to": {"street": "s"}, "by": "blue"}


def test_every_field_without_a_type_is_told() -> None:
    @dataclasses.dataclass
    class Bad:
        path: Path
        ok: int
        when: list[Callable[[], None]]
        tree: Tree
        much: int = "x"  # type: ignore[assignment]

    with pytest.raises(ContractError) as caught:
        contract.of(Bad)
    told = [str(problem) for problem in caught.value.problems]
    assert [line.partition(":")[0] for line in told] == [
        "path",
        "when",
        "tree.left",
        "much.default",
    ]
    assert "Tree holds itself" in told[2]


def test_annotations_that_cannot_be_read_are_told() -> None:
    with pytest.raises(ContractError, match="the annotations of Unreadable cannot be read"):
        contract.of(Unreadable)


def test_a_models_own_rules_are_asked_when_ours_are_kept() -> None:
    model = contract.of(Model)
    assert model.check({"qty": 2}) == {"qty": 2, "rate": 1.0}
    assert type(model.check({"qty": 2})["rate"]) is float
    with pytest.raises(ContractError) as ours:
        model.check({"qty": "2", "rat": 1})
    assert [problem.path for problem in ours.value.problems] == ["rat", "qty"]
    with pytest.raises(ContractError) as theirs:
        contract.fields({"order": Model}).check({"order": {"qty": 0}})
    assert str(theirs.value) == "order.qty: Input should be greater than 0"


def test_a_model_among_kwargs_is_checked_too() -> None:
    with pytest.raises(ContractError, match=r"\[0\]\.qty: Input should be greater than 0"):
        leniently(list[Model]).check([{"qty": -1}])
