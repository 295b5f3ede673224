"""What holds for every type and every value: what is checked stays so, travels, and is read back."""

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from botcannon_core import contract
from botcannon_core.contract import Contract, ContractError, Field, Kind
from botcannon_core.contract.nested import Either, ListOf, MappingOf, OneOf, Optional, SetOf
from botcannon_core.contract.scalars import SCALARS

# a busy machine is no finding
EVERYDAY = settings(deadline=None, suppress_health_check=list(HealthCheck))
NAMES = st.text("abcxyz", min_size=1, max_size=3)
ZONES = st.sampled_from([None, UTC, timezone(timedelta(hours=-3, minutes=-30))])
CHOICES = st.lists(
    st.text(max_size=4) | st.sampled_from(["or", "to", "1", "true", "a b", 'q"', "x,y"]),
    min_size=1,
    max_size=3,
    unique=True,
) | st.lists(st.integers(), min_size=1, max_size=3, unique=True)

SINGLE: dict[str, st.SearchStrategy[Any]] = {
    "string": st.text(),
    "int": st.integers(),
    "float": st.floats(allow_nan=False, allow_infinity=False),
    "bool": st.booleans(),
    "datetime": st.datetimes(timezones=ZONES),
    "decimal": st.decimals(allow_nan=False, allow_infinity=False),
    "uuid": st.uuids(),
    "bytes": st.binary(),
}
FLAT = st.sampled_from([SCALARS[name] for name in SINGLE])


def _nest(kinds: st.SearchStrategy[Kind]) -> st.SearchStrategy[Kind]:
    return st.one_of(
        st.builds(ListOf, kinds),
        st.builds(SetOf, FLAT),
        st.builds(MappingOf, FLAT, kinds),
        st.builds(Optional, kinds),
        st.builds(Either, st.tuples(kinds, kinds).map(lambda two: tuple(_members(two)))),
    )


def _members(kinds: tuple[Kind, ...]) -> list[Kind]:
    """An `or` within an `or` is one `or`, as it is read."""
    flat = [one for k in kinds for one in (k.kinds if isinstance(k, Either) else (k,))]
    return list(dict.fromkeys([*flat, SCALARS["int"], SCALARS["string"]]))


KINDS = st.recursive(FLAT | CHOICES.map(lambda found: OneOf(tuple(found))), _nest, max_leaves=5)
ANYTHING = st.recursive(
    st.one_of(st.none(), *SINGLE.values(), st.just(float("inf"))),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(NAMES | st.sampled_from(["$set", "$dict", "$", "$decimal"]), inner)
        | st.dictionaries(st.integers() | st.uuids(), inner, max_size=2)
        | st.sets(st.integers() | st.text() | st.decimals(allow_nan=False), max_size=3)
    ),
    max_leaves=6,
)


@st.composite
def _value_of(draw: st.DrawFn, kind: Kind) -> Any:
    """A value that is right for a kind."""
    if isinstance(kind, Optional):
        return draw(st.none() | _value_of(kind.kind))
    if isinstance(kind, Either):
        return draw(st.one_of(*(_value_of(one) for one in kind.kinds)))
    if isinstance(kind, OneOf):
        return draw(st.sampled_from(kind.choices))
    if isinstance(kind, ListOf):
        return draw(st.lists(_value_of(kind.item), max_size=3))
    if isinstance(kind, SetOf):
        return set(draw(st.lists(_value_of(kind.item), max_size=3)))
    if isinstance(kind, MappingOf):
        return draw(st.dictionaries(_value_of(kind.key), _value_of(kind.value), max_size=3))
    return draw(SINGLE[str(kind)])


PAIRS = KINDS.flatmap(lambda kind: st.tuples(st.just(kind), _value_of(kind)))


def same(one: Any, other: Any) -> bool:
    """Equal, and of the same types all the way down."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[name], other[name]) for name in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, datetime):
        return one == other and one.utcoffset() == other.utcoffset()
    return bool(one == other)


@EVERYDAY
@given(KINDS)
def test_the_text_of_a_type_is_read_back_as_the_same_type(kind: Kind) -> None:
    assert contract.parse(str(kind)) == kind


@EVERYDAY
@given(PAIRS)
def test_what_is_of_a_type_is_taken(pair: tuple[Kind, Any]) -> None:
    kind, value = pair
    kind.check(value)


@EVERYDAY
@given(KINDS, ANYTHING)
def test_what_is_checked_stays_as_it_is_when_it_is_checked_again(kind: Kind, value: Any) -> None:
    try:
        once = kind.check(value)
    except ContractError:
        return
    assert same(kind.check(once), once)


@EVERYDAY
@given(PAIRS)
def test_checking_a_right_value_twice_changes_nothing(pair: tuple[Kind, Any]) -> None:
    kind, value = pair
    once = kind.check(value)
    assert same(kind.check(once), once)


@EVERYDAY
@given(st.dictionaries(st.text(), ANYTHING, max_size=4))
def test_whatever_is_packed_is_unpacked_as_it_was(values: dict[str, Any]) -> None:
    packed = contract.pack(values)
    assert same(contract.unpack(packed), values)
    json.loads(packed, parse_constant=lambda word: (_ for _ in ()).throw(AssertionError(word)))
    packed.encode()


@EVERYDAY
@given(
    st.recursive(
        st.none() | st.integers() | st.text(),
        lambda i: (
            st.lists(i)
            | st.dictionaries(
                st.sampled_from(["$set", "$decimal", "$datetime", "$mapping", "$dict", "a"]), i
            )
        ),
    )
)
def test_no_text_of_a_stranger_makes_unpacking_fail_in_an_unknown_way(value: Any) -> None:
    try:
        found = contract.unpack(json.dumps(value))
    except ContractError:
        return
    assert same(contract.unpack(contract.pack(found)), found)


@EVERYDAY
@given(st.text())
def test_no_text_makes_reading_a_type_or_a_body_fail_in_an_unknown_way(text: str) -> None:
    with suppress(ContractError):
        contract.unpack(text)
    with suppress(ContractError):
        contract.fields({"x": text})


@EVERYDAY
@given(
    st.lists(
        st.sampled_from(
            [
                "list",
                "set",
                "mapping",
                "of",
                "to",
                "one",
                "optional",
                "int",
                "(",
                ")",
                ",",
                "or",
                "a",
                "'b'",
            ]
        ),
        max_size=9,
    )
)
def test_any_order_of_its_words_is_a_type_or_is_refused(words: list[str]) -> None:
    try:
        kind = contract.parse(" ".join(words))
    except ValueError:
        return
    assert contract.parse(str(kind)) == kind


@EVERYDAY
@given(st.dictionaries(NAMES, PAIRS, max_size=4))
def test_what_is_shown_outside_is_taken_back(pairs: dict[str, tuple[Kind, Any]]) -> None:
    declared = Contract({name: Field(kind) for name, (kind, _) in pairs.items()})
    checked = declared.check({name: value for name, (_, value) in pairs.items()})
    sent = json.loads(json.dumps(contract.plain(checked)))
    # where a type leaves a choice, or keys are no texts, what is outside cannot say which was meant
    if not any(" or " in str(kind) or "mapping" in str(kind) for kind, _ in pairs.values()):
        assert same(declared.check(sent), checked)


@EVERYDAY
@given(FLAT.flatmap(lambda kind: st.tuples(st.just(kind), _value_of(kind))))
def test_what_is_typed_as_it_is_shown_is_the_same_value(pair: tuple[Kind, Any]) -> None:
    kind, value = pair
    shown = contract.plain(value)
    text = shown if isinstance(shown, str) else json.dumps(shown)
    assert same(kind.from_text(text), kind.check(value))


def test_the_types_that_travel_are_these() -> None:
    values = {
        "at": datetime(2024, 12, 31, 23, 59, tzinfo=UTC),
        "price": Decimal("1.50"),
        "id": UUID(int=1),
        "data": b"\x00\xff",
        "tags": {"a"},
    }
    assert contract.pack(values) == (
        '{"at":{"$datetime":"2024-12-31T23:59:00+00:00"},"price":{"$decimal":"1.50"},'
        '"id":{"$uuid":"00000000-0000-0000-0000-000000000001"},"data":{"$bytes":"AP8="},'
        '"tags":{"$set":["a"]}}'
    )
