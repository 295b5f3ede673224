"""A session: who is measured when, what is kept of what goes wrong."""

from pathlib import Path

from benchmarks.rows import Row
from benchmarks.session import Session, load, measure
from benchmarks.setting import Setting, quick


def broken(_: Setting) -> float:
    raise OSError("no such thing")


def held(tmp_path: Path, rows: list[Row], rounds: int, session: Session | None = None) -> Session:
    made = session or Session({}, [])
    measure(rows, rounds, quick(tmp_path, False), made, tmp_path / "raw.json", lambda _: None)
    return made


def row(name: str) -> Row:
    return Row(name, ("rate",), lambda _: 5.0)


def order(session: Session) -> list[tuple[int, str]]:
    return [(record.round, record.row) for record in session.records]


def test_each_round_begins_with_another_row(tmp_path: Path) -> None:
    made = held(tmp_path, [row("a:x"), row("b:x")], 2)
    assert order(made) == [(0, "a:x"), (0, "b:x"), (1, "b:x"), (1, "a:x")]


def test_a_row_that_fails_leaves_the_others_their_figures(tmp_path: Path) -> None:
    made = held(tmp_path, [Row("a:x", ("rate",), broken), row("b:x")], 1)
    assert made.records[0].error == "OSError: no such thing"
    assert made.values("a:x", "rate") == {}
    assert made.values("b:x", "rate") == {0: 5.0}


def test_every_figure_is_kept_in_the_file(tmp_path: Path) -> None:
    made = held(tmp_path, [row("a:x")], 3)
    assert load(tmp_path / "raw.json") == made


def test_more_rounds_come_after_those_there_are(tmp_path: Path) -> None:
    made = held(tmp_path, [row("a:x"), row("b:x")], 1)
    held(tmp_path, [row("b:x")], 1, made)
    assert order(made) == [(0, "a:x"), (0, "b:x"), (1, "b:x")]
