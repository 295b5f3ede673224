"""Kwargs under the annotations of what takes them: what is not said is left alone."""

import dataclasses
import enum
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict
from uuid import UUID

import pytest

from botcannon_core.compose.kwargs import fitting, wrong
from botcannon_core.compose.spec import Hidden, Secret

if TYPE_CHECKING:
    from nowhere import Unseen


@dataclasses.dataclass
class Limits:
    most: int
    least: int = 0


class Place(TypedDict):
    street: str


class Colour(enum.Enum):
    RED = "r"


class Takes:
    def __init__(
        self,
        name: str = "",
        size: int = 0,
        every: float = 1.0,
        rooms: Sequence[str] = (),
        tags: set[str] | None = None,
        since: datetime | None = None,
        price: Decimal = Decimal(0),
        level: Literal["low", "high"] = "low",
        rates: Mapping[str, float] | None = None,
        limits: Limits | None = None,
        places: list[Place] | None = None,
        forgot: int = None,  # type: ignore[assignment]  # noqa: RUF013 - as people write it
        free=None,  # type: ignore[no-untyped-def]
        path: Path = Path(),
        colour: Colour = Colour.RED,
        unseen: "Unseen | None" = None,
        whatever: Any = None,
        **more: int,
    ) -> None: ...


def told(entry: Any = Takes, **kwargs: Any) -> list[str]:
    return [str(problem) for problem in wrong(entry, kwargs)]


def test_every_wrong_kwarg_is_told_with_its_path() -> None:
    given = {
        "name": 5,
        "size": True,
        "every": "soon",
        "rooms": ["a", 1],
        "since": "yesterday",
        "level": "hgih",
        "rates": {"eur": "x"},
        "limits": {"mots": 1},
        "places": [{"street": "s"}, {}],
    }
    assert told(**given) == [
        "name: must be text, is a whole number; put it in quotes",
        "size: must be a whole number, is true or false",
        "every: must be a number, is text",
        "rooms[1]: must be text, is a whole number; put it in quotes",
        "since: must be a date and time such as 2024-12-31T23:59:00+00:00, is text that is none",
        "level: must be low or high; did you mean 'high'?",
        "rates.eur: must be a number, is text",
        "limits.mots: is not known; did you mean 'most'?",
        "limits.most: is missing; it must be int",
        "places[1].street: is missing; it must be string",
    ]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("name", "x"),
        ("every", 5),
        ("rooms", []),
        ("tags", None),
        ("since", "2024-12-31"),
        ("level", "high"),
        ("limits", {"most": 3}),
        ("forgot", None),
        ("free", object()),
        ("path", "some/where"),
        ("colour", "RED"),
        ("unseen", object()),
        ("whatever", 1),
        ("another", "1"),
    ],
)
def test_what_fits_or_says_nothing_is_no_problem(name: str, value: Any) -> None:
    assert told(**{name: value}) == []


def test_one_text_is_no_list_of_texts() -> None:
    def takes(rooms: Iterable[str]) -> None: ...

    assert told(takes, rooms="lobby") == ["rooms: must be a list, is text"]


def test_kwargs_become_what_the_annotations_say() -> None:
    number = UUID(int=7)

    def takes(
        message: Any, results: Any, at: datetime, price: Decimal, who: UUID, tags: set[str]
    ) -> None: ...

    given = {"at": "2024-12-31", "price": 9.95, "who": str(number), "tags": ["a", "a"]}
    assert fitting(takes, given) == {
        "at": datetime(2024, 12, 31),
        "price": Decimal("9.95"),
        "who": number,
        "tags": {"a"},
    }


def test_what_says_nothing_stays_the_very_same() -> None:
    given = {"free": [1], "whatever": {"a": [2]}, "path": "x", "another": [3], "size": "wrong"}
    found = fitting(Takes, given)
    assert found == given
    assert all(found[name] is given[name] for name in given)


def test_a_secret_is_looked_at_once_it_is_found_and_may_be_a_number() -> None:
    assert told(size=Secret(), name=Secret()) == []
    assert told(size=Hidden("hunter2"), name=Hidden("hunter2")) == ["size: must be a whole number"]
    assert fitting(Takes, {"size": Hidden("1234")}) == {"size": 1234}


def test_a_dataclass_and_a_class_that_inherits_have_annotations_too() -> None:
    @dataclasses.dataclass
    class Settings:
        size: int = 0

    class Inherits(Takes):
        pass

    assert told(Settings, size="x") == ["size: must be a whole number, is text"]
    assert told(Inherits, size="x") == ["size: must be a whole number, is text"]


def test_annotations_that_are_no_types_ask_for_nothing() -> None:
    def takes(a: "how many", b: 5, c: lambda: 1, d: [int] = None) -> None: ...  # type: ignore  # noqa

    assert told(takes, a=1, b="x", c=2, d="y") == []
    assert fitting(takes, {"a": 1, "b": "x", "d": "y"}) == {"a": 1, "b": "x", "d": "y"}
