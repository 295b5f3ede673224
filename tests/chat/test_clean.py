"""Text made fit for a room: safe, without secrets, and short."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botcannon_core.chat.clean import fitted, safe


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07x", "x"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x9b2Jx", "x"),
        ("\x1b(Bx", "x"),
        ("\x1b", ""),
        ("a\x07\x00\x7f\x85b", "a\nb"),
        ("a\r\nb\rc\u2028d", "a\nb\nc\nd"),
        ("a\tb", "a\tb"),
        ("\u202eevil\u2066\u200f", "evil"),
        ("a\ud800b", "a\ufffdb"),
        ("grüße 日本 👩‍💻", "grüße 日本 👩‍💻"),
    ],
)
def test_what_steers_a_terminal_or_hides_is_taken_out(text: str, shown: str) -> None:
    assert safe(text) == shown


@pytest.mark.parametrize(
    "text",
    ["@everyone", "@HERE now", "<!channel>", "<!subteam^S1>", "@every\x07one", "@\u202eroom"],
)
def test_a_mass_mention_looks_the_same_and_calls_nobody(text: str) -> None:
    shown = safe(text)
    assert "\u200b" in shown
    assert shown.replace("\u200b", "") == safe(text.replace("@", "").replace("<", "")).join(
        ["@" if "@" in text else "<", ""]
    )


def test_a_name_and_an_address_are_no_mass_mention() -> None:
    assert safe("ask @ann, me@hereford.org or <@U1>") == "ask @ann, me@hereford.org or <@U1>"


def test_secrets_are_struck_the_longest_first() -> None:
    assert safe("key-long key", {"key", "key-long", ""}) == "*** ***"
    assert safe("ke\x00y", {"key"}) == "***"


def test_short_text_is_left_whole() -> None:
    assert fitted("x" * 100, 100) == "x" * 100


def test_what_is_cut_is_counted() -> None:
    text = fitted("x" * 1_000_000, 100)
    shown, tail = text.split("\n")
    assert len(text) <= 100
    assert tail == f"… {1_000_000 - len(shown):,} more characters"


def test_a_secret_is_not_cut_in_two_before_it_is_seen() -> None:
    assert "s3cr" not in fitted("x" * 3_980 + "s3cret" * 1_000, 4_000, {"s3cret"})


@given(st.text(), st.integers(0, 60))
def test_any_text_fits_and_can_be_sent(text: str, limit: int) -> None:
    shown = fitted(text, limit)
    assert len(shown) <= limit
    shown.encode()
    assert safe(shown) == shown
