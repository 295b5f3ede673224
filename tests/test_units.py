import pytest

from botcannon_core.units import seconds, size


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("10ms", 0.01),
        ("1s", 1.0),
        ("5m", 300.0),
        ("1h", 3600.0),
        ("7d", 604_800.0),
        ("1.5 h", 5400.0),
        ("2S", 2.0),
        ("90", 90.0),
        (0.25, 0.25),
        (3, 3.0),
        (0, 0.0),
    ],
)
def test_a_time_is_read_as_seconds(written: object, meant: float) -> None:
    assert seconds(written) == pytest.approx(meant)


@pytest.mark.parametrize(
    "written", ["", "s", "1 week", "-1s", "1h30m", "1e3", "١s", -1, float("nan"), float("inf")]
)
def test_what_is_no_time_is_told_what_would_be(written: object) -> None:
    with pytest.raises(ValueError, match="10ms, 1s, 5m, 1h, 7d"):
        seconds(written)


@pytest.mark.parametrize("written", [True, None, [1], {}, b"1s"])
def test_neither_a_switch_nor_a_list_is_a_time(written: object) -> None:
    with pytest.raises(ValueError, match="must be a time"):
        seconds(written)


@pytest.mark.parametrize("written", ["36501d", 10**12, "9" * 400])
def test_a_time_beyond_a_life_is_refused(written: object) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - which of the two texts does not matter
        seconds(written)


@pytest.mark.parametrize(
    ("written", "meant"),
    [("512MB", 512 * 1024**2), ("2gb", 2 * 1024**3), ("1.5KB", 1536), (100, 100), ("100", 100)],
)
def test_a_size_is_read_as_bytes(written: object, meant: int) -> None:
    assert size(written) == meant


@pytest.mark.parametrize("written", ["512XB", "-1MB", "MB", None, True, "9999999TB"])
def test_what_is_no_size_is_refused(written: object) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - several texts
        size(written)
