"""What a constructor or a function takes: said by its code where it is plain, else by `inspect`."""

import abc
import enum
import functools
import inspect
import sys
import types
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from botcannon_core.compose import inspected
from botcannon_core.compose.signature import Parameters, parameters, plain
from botcannon_core.roles import Collector, Task

T = TypeVar("T")


@st.composite
def texts(draw: st.DrawFn) -> str:
    """What may stand between the parentheses of a `def`, behind `self`."""
    count = st.integers(0, 2)
    alone, both, named = draw(count), draw(count), draw(count)
    free = draw(st.integers(0, alone + both))  # how many by position have no default
    place = [f"p{n}" if n < free else f"p{n}=None" for n in range(alone + both)]
    said = [*place[:alone], *(["/"] if alone else []), *place[alone:]]
    if named:
        rest = draw(st.sampled_from(["*", "*rest"]))
        said += [rest, *(f"k{n}{draw(st.sampled_from(['', '=1']))}" for n in range(named))]
    elif draw(st.booleans()):
        said.append("*rest")
    return ", ".join([*said, *(["**more"] if draw(st.booleans()) else [])])


def function_of(text: str, *first: str) -> Callable[..., Any]:
    said = ", ".join([*first, text] if text else first)
    names: dict[str, Any] = {}
    exec(f"def made({said}): pass", names)
    made: Callable[..., Any] = names["made"]
    return made


def bare(function: Any) -> Any:
    return function


def wrapped(function: Any) -> Any:
    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return wrapper


def hiding(function: Any) -> Any:
    return lambda *args, **kwargs: function(*args, **kwargs)


def marked(function: Any) -> Any:
    function.mark = True
    return function


def partly(function: Any) -> Any:
    return functools.partial(function, None)


class Shape(Protocol):
    def task(self) -> None: ...


class Meta(type):
    def __call__(cls, x: int, *, y: int = 0) -> Any:
        return super().__call__(x, y)


class Told(type):
    @property
    def __signature__(cls) -> Any:
        return inspect.signature(lambda told, *, how=1: None)


BASES: list[tuple[type, ...]] = [
    (),
    (Task,),
    (Collector,),
    (Shape,),
    (abc.ABC,),
    (Generic[T],),  # type: ignore[list-item]
    (dict,),
    (Exception,),
    (type("Slots", (), {"__slots__": ("one",)}),),
    (type("New", (), {"__new__": lambda cls, n, *, m=1: object.__new__(cls)}),),
    (type("Init", (), {"__init__": lambda self, n, *, m=1: None}),),
    (Meta("Called", (), {}),),
    (Told("Told", (), {}),),
    (type("Inner", (), {"__wrapped__": staticmethod(lambda inner: None)}),),
]


def said(taken: Parameters | None) -> Any:
    return taken and (taken.names, taken.needed, taken.unnamed, taken.anything)


def assert_alike(entry: Any) -> None:
    for skip in range(4):
        assert said(parameters(entry, skip)) == said(inspected.parameters(entry, skip)), skip


@given(texts(), st.sampled_from([bare, wrapped, hiding, marked, partly]))
def test_of_a_function_both_say_the_same(text: str, around: Callable[[Any], Any]) -> None:
    assert_alike(around(function_of(text)))


@given(
    st.sampled_from(BASES),
    st.none() | texts(),
    st.sampled_from([(), ("self",)]),
    st.sampled_from([bare, wrapped, hiding, marked, staticmethod, classmethod]),
    st.booleans(),
    st.sampled_from([None, "Made of words.", "Made(x, y)\n--\n\nBy hand."]),
)
@example((), "p0", ("self",), bare, False, None)
@example((), "", (), bare, False, None)
def test_of_a_class_both_say_the_same(
    bases: tuple[type, ...],
    text: str | None,
    first: tuple[str, ...],
    around: Callable[[Any], Any],
    inherited: bool,
    doc: str | None,
) -> None:
    def fill(names: dict[str, Any]) -> None:
        names["__doc__"] = doc
        if text is not None:
            names["__init__"] = around(function_of(text, *first))

    made = types.new_class("Made", bases, {}, fill)
    assert_alike(types.new_class("Heir", (made,)) if inherited else made)


@dataclass
class Data:
    one: int
    two: int = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Slim:
    one: int
    two: int = 2


class Pair(NamedTuple):
    left: int
    right: int = 0


class Colour(enum.Enum):
    RED = 1


class Acts:
    def __call__(self, message: Any, results: Any, *, more: int = 0) -> None: ...

    def method(self, x: int) -> None: ...


class HasPartial:
    def full(self, a: int, b: int) -> None: ...

    half = functools.partialmethod(full, 1)

    __init__ = functools.partialmethod(full, b=1)  # type: ignore[assignment, misc]


async def waits(message: Any, results: Any, n: int) -> None: ...


def yields(message: Any, *, n: int = 1) -> Any:
    yield message


OTHERS = [
    *(Data, Slim, Pair, Colour, Acts, Acts(), Acts().method, Acts.method),
    *(HasPartial, HasPartial.half, waits, yields, object, type, Meta, int, dict, print, len),
    *(functools.partial(Data, 1), functools.partial(waits, n=1), functools.lru_cache(waits)),
    *(Task, Collector, Shape, 5, None, sys, "text", lambda: None, lambda *a, b, **c: None),
]


@pytest.mark.parametrize("entry", OTHERS, ids=lambda entry: type(entry).__name__)
def test_of_whatever_is_named_both_say_the_same(entry: Any) -> None:
    assert_alike(entry)


@pytest.mark.parametrize("entry", [waits, yields, Data, Slim, Acts, object])
def test_what_is_plain_is_said_by_its_code_alone(entry: Any) -> None:
    assert plain(entry) is not None
