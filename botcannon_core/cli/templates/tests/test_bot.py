"""The bot is a plain class, so its tests are plain too: run `pytest`, or `botcannon test`."""

from app.bot import Bot


def test_hello_greets_by_name() -> None:
    assert Bot().hello("Ada") == "Hello, Ada!"


def test_a_die_has_only_its_own_sides() -> None:
    assert Bot().roll(1) == "You rolled 1."
