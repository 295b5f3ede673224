from hypothesis import given
from hypothesis import strategies as st

from app.chart import chart, resampled

AMOUNTS = st.floats(0, 1e12)
TIMES = st.lists(st.floats(0, 1e10), min_size=1, max_size=50).map(sorted)


def test_a_rising_line_rises() -> None:
    points = [(0.0, 0.0), (1.0, 4.0), (2.0, 8.0), (3.0, 16.0)]
    assert chart(points, top=16, width=4, height=2).splitlines()[:3] == [
        "16 ┤   █",
        " 0 ┤▁▄██",
        "   └────",
    ]


def test_the_ends_stand_below_the_axis() -> None:
    drawn = chart([(0.0, 1.0), (1.0, 1.0)], top=1, ends=("then", "now"), width=12)
    assert drawn.splitlines()[-2:] == ["  └────────────", "   then     now"]


def test_many_points_in_a_column_are_one_mean() -> None:
    points = [(0.0, 1.0), (0.1, 3.0), (0.9, 5.0), (1.0, 7.0)]
    assert list(resampled(points, 2)) == [2.0, 6.0]


def test_few_points_fill_the_width() -> None:
    assert list(resampled([(0.0, 1.0), (1.0, 3.0)], 4)) == [1.0, 1.0, 1.0, 3.0]


def test_a_time_without_points_stays_empty() -> None:
    points = [(float(t), 1.0) for t in (0, 1, 2, 3, 36, 37, 38, 39)]
    assert list(resampled(points, 4)) == [1.0, None, None, 1.0]


def test_nothing_at_all_is_drawn_as_something_that_was_measured() -> None:
    assert chart([(0.0, 0.0), (1.0, 0.0)], top=0, width=2).splitlines()[-3] == "0 ┤▁▁"


@given(TIMES, st.data())
def test_whatever_is_drawn_fits(times: list[float], data: st.DataObject) -> None:
    points = [(time, data.draw(AMOUNTS)) for time in times]
    top = max(value for _, value in points)
    lines = chart(points, top, "{:.0f}".format, ("then", "now"), width=60, height=6).splitlines()
    assert len(lines) == 8
    assert max(map(len, lines)) == len(f"{top:.0f}") + 2 + 60
