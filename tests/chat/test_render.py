"""How results look: tables, lists, leaves, and placeholders for what is nobody's to see."""

import dataclasses
import datetime
from pathlib import Path

import pytest

from botcannon_core.chat.render import Style, render, table, width
from botcannon_core.chat.settle import Items
from tests.chat.victims import declared

traps = declared("traps")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "done"),
        ("", "(empty)"),
        ([], "(empty)"),
        ({}, "(empty)"),
        ("a\nb", "a\nb"),
        (True, "true"),
        (0.1, "0.1"),
        (1_000_000, "1000000"),
        (b"text", "text"),
        (b"\xff\x00", "<2 bytes: ff 00>"),
        (datetime.date(2024, 1, 2), "2024-01-02"),
        (datetime.timedelta(minutes=5), "0:05:00"),
        (Path("/a/b"), "/a/b"),
        (traps.Colour.DARK_BLUE, "DARK_BLUE"),
        (["a", 2, None], "a\n2\nnull"),
        ({"a": 1, "longer": "x"}, "a       1\nlonger  x"),
        ({"a": {"b": [1, 2]}}, "a  {b: [1, 2]}"),
        (traps.Point(1, 2), "x  1\ny  2"),
        (traps.Loud(), "I am loud"),
        (object(), "<object>"),
        (object, "<class object>"),
        (print, "<builtin_function_or_method>"),
    ],
)
def test_a_value_reads_well(value: object, text: str) -> None:
    assert render(value) == text


def test_records_are_a_table_with_numbers_to_the_right() -> None:
    rows = [{"name": "a", "n": 1, "_raw": 0}, {"name": "longer", "n": 100}, {"n": 2.5}]
    assert render(rows).splitlines() == [
        "name      n",
        "a         1",
        "longer  100",
        "        2.5",
    ]


def test_dataclasses_are_a_table_of_their_public_fields() -> None:
    assert render([traps.Card(1), traps.Card(22, "bob")]).splitlines() == [
        "number  owner",
        "     1  amy",
        "    22  bob",
    ]


def test_a_field_that_is_kept_from_repr_is_not_shown() -> None:
    @dataclasses.dataclass
    class Login:
        user: str = "ann"
        password: str = dataclasses.field(default="s3cret", repr=False)

    assert render(Login()) == "user  ann"


def test_private_keys_are_hidden_at_every_depth() -> None:
    assert "s3cret" not in render({"a": [{"b": {"_k": "s3cret"}, "_l": "s3cret"}]})


def test_secrets_are_struck_before_a_cell_is_cut() -> None:
    text = render({"a": "x" * 55 + "s3cret-and-more"}, Style(hidden=("s3cret-and-more",)))
    assert "s3c" not in text


def test_rows_beyond_the_limit_are_counted() -> None:
    assert render(list(range(5)), Style(max_items=2)) == "0\n1\n… 3 more"
    assert render({str(n): n for n in range(3)}, Style(max_items=2)) == "0  0\n1  1\n… 1 more"
    assert render(Items([1, 2], more=None)) == "1\n2\n… and more"


def test_a_cell_is_one_short_line() -> None:
    assert max(map(len, render({"a": "word\n" * 100, "b": [1] * 1_000}).splitlines())) < 90


def test_deep_and_circular_values_end() -> None:
    row: list[object] = [1]
    row.append(row)
    assert "…" in render(row)
    assert render([[[[[[[[1]]]]]]]]).count("[") < 8


def test_a_huge_number_says_how_long_it_is() -> None:
    assert render(10**6000) == "a whole number of about 6,001 digits"
    assert render({1: [10**6000]}).endswith("6,001 digits]")


def test_columns_line_up_for_wide_characters() -> None:
    assert width("日本é") == 5
    assert width("e\u0301") == 1
    assert table([("日本", "1"), ("abcd", "2"), ("e\u0301", "3")]) == (
        "日本  1\nabcd  2\ne\u0301     3"
    )
