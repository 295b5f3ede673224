"""What becomes of a session: tables, a picture, a page."""

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from benchmarks import __main__ as command
from benchmarks import plot, tables
from benchmarks.session import load
from tests.benchmarks.made_up import session

THREE = session(
    ("huey:rate", 0, {"rate": 1000.0}),
    ("huey:rate", 1, {"rate": 3000.0}),
    ("rq:rate", 0, {"rate": 50.0}),
    ("botcannon-worker:rate", 0, {"rate": 20_000.0}),
    ("botcannon-worker:rate", 1, {"rate": 27_000.0}),
    ("botcannon:first", 0, {"seconds": 0.7}),
    ("saq:latency", 0, {}),
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (123_456.0, "123,000"),
        (1234.0, "1,230"),
        (100.4, "100"),
        (99.94, "99.9"),
        (1.2, "1.2"),
        (0.0512, "0.0512"),
        (0.0, "0"),
    ],
)
def test_a_number_has_three_digits_that_mean_something(value: float, text: str) -> None:
    assert tables.number(value) == text


def test_a_median_stands_before_its_spread() -> None:
    assert tables.shown({0: 2.0, 1: 1.0, 2: 9.0}) == "2 (1-9)"


def test_a_figure_that_was_taken_once_has_no_spread() -> None:
    assert tables.shown({0: 2.0}) == "2"


def test_the_peers_are_in_order_of_their_speed() -> None:
    lines = tables.peers_table(THREE).splitlines()[2:]
    names = [line.split("|")[1].strip() for line in lines]
    assert [name.split(" ")[0] for name in names] == ["**botcannon,", "huey", "RQ"]


def test_what_was_not_measured_is_a_dash() -> None:
    assert (
        "| huey 3.5.4 (processes) |  | 2,000 (1,000-3,000) | - | - | - | - | - |"
        in tables.peers_table(THREE)
    )


def test_a_ratio_is_taken_within_a_round() -> None:
    found = tables.ratio("botcannon-worker:rate", "rate", "huey:rate", "rate")(THREE)
    assert found == {0: 20.0, 1: 9.0}


def test_a_goal_is_reached_by_its_median() -> None:
    lines = tables.reach_table(THREE).splitlines()
    assert "| `worker`: rate / huey | at least 10 x | 14.5 (9-20) x | yes |" in lines
    assert "| `up` to the first answer | at most 0.6 s | 0.7 s | **no** |" in lines


def test_a_goal_without_figures_is_left_out() -> None:
    assert "idle memory" not in tables.reach_table(THREE)


def test_what_failed_is_told() -> None:
    assert "- saq:latency, round 1: Broken: why" in tables.failures(THREE)


def test_a_quick_session_says_that_it_means_nothing() -> None:
    assert "mean nothing" not in tables.document(THREE)
    quick = session(("rq:rate", 0, {"rate": 1.0}))
    quick.about["quick"] = True
    assert "mean nothing" in tables.document(quick)


def test_a_session_is_the_same_after_it_was_saved(tmp_path: Path) -> None:
    THREE.save(tmp_path / "new" / "raw.json")
    assert load(tmp_path / "new" / "raw.json") == THREE


def test_the_picture_has_a_bar_for_each_rate() -> None:
    drawn = ElementTree.fromstring(plot.picture(THREE))
    assert len(drawn.findall("{http://www.w3.org/2000/svg}rect")) == 3


def test_there_is_no_picture_of_nothing() -> None:
    assert plot.picture(session()) == ""


def test_the_results_go_between_their_marks() -> None:
    page = f"before\n{command.BEGIN}\nold\n{command.END}\nafter\n"
    once = command.with_results(page, "new\n")
    assert once == f"before\n{command.BEGIN}\n\nnew\n\n{command.END}\nafter\n"
    assert command.with_results(once, "new\n") == once


def test_a_page_without_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="the page has no"):
        command.with_results("nothing here", "new")


def test_the_real_page_has_the_marks() -> None:
    assert command.with_results(command.PAGE.read_text(encoding="utf-8"), "new")


def test_the_command_of_everybody_who_was_measured_is_printed() -> None:
    lines = tables.commands_table(THREE).splitlines()[2:]
    assert [line.split("`")[-2] for line in lines] == [
        "botcannon up --only=workers",
        "huey_consumer huey_job.huey -w 2 -k process -q",
        "rq worker-pool bench -n 2 -u URL -q",
    ]
