"""What the bot answers to what people say: run `botcannon test`, or plain pytest."""

from botcannon_core.testing import TestBot


def test_hello_greets_by_name(testbot: TestBot) -> None:
    assert testbot("hello Ada") == "Hello, Ada!"


def test_a_die_has_only_its_own_sides(testbot: TestBot) -> None:
    assert testbot("roll 1") == "You rolled 1."
    assert testbot("roll many").is_refused
