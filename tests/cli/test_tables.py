"""Rows as tables."""

from botcannon_core.cli.tables import Column, table

COLUMNS: tuple[Column, ...] = (("NAME", lambda row: row[0]), ("TEXT", lambda row: row[1]))


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    assert table([("a", "x"), ("longer", "y")], COLUMNS, None) == [
        "NAME    TEXT",
        "a       x",
        "longer  y",
    ]


def test_nothing_is_a_dash_and_zero_is_zero() -> None:
    assert table([(None, ""), (0, False)], COLUMNS, None)[1:] == ["-     -", "0     False"]


def test_only_the_last_column_is_cut_to_the_terminal() -> None:
    assert table([("a" * 30, "x" * 50)], COLUMNS, 60)[1] == "a" * 30 + "  " + "x" * 27 + "…"
    assert table([("a", "x" * 50)], COLUMNS, None)[1].endswith("x" * 50)


def test_wide_characters_take_two_cells() -> None:
    assert table([("日本", "x"), ("abcd", "y")], COLUMNS, None)[1:] == ["日本  x", "abcd  y"]
    assert table([("a", "日" * 40)], COLUMNS, 30)[1] == "a     " + "日" * 11 + "…"


def test_a_cell_is_one_harmless_line() -> None:
    assert table([("a\nb", "\x1b[31m")], COLUMNS, None)[1] == "a b    [31m"
