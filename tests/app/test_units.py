import pytest

from app.units import duration, percent, rate, seconds, size


@pytest.mark.parametrize(
    ("span", "length"), [("90s", 90), ("5m", 300), ("2h", 7200), ("1d", 86_400), ("0.5m", 30)]
)
def test_a_span_is_read(span: str, length: float) -> None:
    assert seconds(span) == length


@pytest.mark.parametrize(
    "span", ["", "5", "m", "5x", "-5m", "0s", "infs", "nanm", "1e999d", "5 m m"]
)
def test_what_is_no_span_is_answered_with_what_is(span: str) -> None:
    with pytest.raises(ValueError, match="try 90s, 5m, 2h or 1d"):
        seconds(span)


def test_times_are_written_in_their_best_unit() -> None:
    assert [duration(t) for t in (0.4, 59, 60, 90, 5400, 86_400)] == [
        *("0 s", "59 s", "1 min", "1.5 min", "1.5 h", "1 d")
    ]


def test_sizes_are_written_in_their_best_unit() -> None:
    assert [size(n) for n in (0, 812, 1023, 3_500_000, 16 * 1024**3, 5 * 1024**5)] == [
        *("0 B", "812 B", "1.0 KB", "3.3 MB", "16 GB", "5120 TB")
    ]
    assert rate(2048) == "2.0 KB/s"
    assert percent(41.7) == "42 %"
