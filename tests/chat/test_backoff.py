import random

from botcannon_core.chat.backoff import Backoff


def test_waits_double_up_to_the_most() -> None:
    backoff = Backoff(first=1.0, most=5.0, chance=lambda: 0.0)
    assert [backoff.wait() for _ in range(5)] == [1.0, 2.0, 4.0, 5.0, 5.0]


def test_after_good_times_it_starts_anew() -> None:
    backoff = Backoff(first=1.0, chance=lambda: 0.0)
    backoff.wait()
    backoff.wait()
    backoff.reset()
    assert backoff.wait() == 1.0


def test_chance_shortens_a_wait_by_half_at_most() -> None:
    waits = [Backoff(first=8.0, chance=random.Random(seed).random).wait() for seed in range(100)]
    assert all(4.0 <= wait <= 8.0 for wait in waits)
    assert len(set(waits)) > 90
