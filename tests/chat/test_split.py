import pytest
from hypothesis import given
from hypothesis import strategies as st

from botcannon_core.chat.split import FENCE, LEAST_LIMIT, split, utf8

TEXTS = st.text(st.sampled_from("ab é\n`🎈\u0301 ")) | st.lists(
    st.sampled_from(["one", "two three", FENCE, f"{FENCE}python", "", "x" * 50, "é" * 40])
).map("\n".join)


def test_a_short_text_stays_whole() -> None:
    assert split("one\n\ntwo", 100) == ["one\n\ntwo"]


def test_blanks_are_nothing_to_say() -> None:
    assert split("", 100) == split(" \n\n ", 100) == []


def test_a_text_is_cut_at_line_ends() -> None:
    assert split("a" * 20 + "\n" + "b" * 20 + "\n" + "c" * 5, 32) == [
        "a" * 20,
        "b" * 20 + "\nccccc",
    ]


def test_a_line_of_just_the_limit_stays_whole() -> None:
    assert split("a" * 32 + "\nb", 32) == ["a" * 32, "b"]


def test_a_long_line_is_cut_at_spaces() -> None:
    assert split("word " * 10, 32) == ["word word word word word word", "word word word word "]


def test_a_word_longer_than_the_limit_is_cut_within() -> None:
    assert split("x" * 70, 32) == ["x" * 32, "x" * 32, "x" * 6]


def test_a_limit_in_bytes_never_cuts_a_character() -> None:
    pieces = split("é" * 40, 33, utf8)
    assert pieces == ["é" * 16, "é" * 16, "é" * 8]


def test_what_belongs_together_on_the_screen_is_not_cut() -> None:
    letter = "e\u0301"
    assert split("x" * 31 + letter, 32) == ["x" * 31, letter]
    family = "👩\u200d👧"
    assert split("x" * 30 + family, 32) == ["x" * 30, family]


def test_a_block_is_closed_and_opened_again() -> None:
    text = (
        f"look:\n{FENCE}py\n"
        + "\n".join(f"line {n:02} of the code" for n in range(6))
        + f"\n{FENCE}"
    )
    pieces = split(text, 60)
    assert pieces[0] == f"look:\n{FENCE}py\nline 00 of the code\nline 01 of the code\n{FENCE}"
    assert pieces[1] == f"{FENCE}py\nline 02 of the code\nline 03 of the code\n{FENCE}"
    assert all(piece.endswith(FENCE) and len(piece) <= 60 for piece in pieces)


def test_a_block_that_would_be_empty_opens_in_the_next_piece() -> None:
    pieces = split("x" * 40 + f"\n{FENCE}\n" + "y" * 40 + f"\n{FENCE}", 60)
    assert pieces == ["x" * 40, f"{FENCE}\n{'y' * 40}\n{FENCE}"[:60]]


def test_a_limit_too_small_for_anything_is_refused() -> None:
    with pytest.raises(ValueError, match="32 or more, not 31"):
        split("hello", 31)


@given(TEXTS, st.integers(LEAST_LIMIT, 80), st.sampled_from([len, utf8]))
def test_no_piece_is_too_large_and_nothing_is_lost(text: str, limit: int, size: object) -> None:
    pieces = split(text, limit, size)  # type: ignore[arg-type]
    assert all(size(piece) <= limit for piece in pieces)  # type: ignore[operator]
    assert all(piece.strip() for piece in pieces)
    said = "".join("".join(pieces).split()).replace("`", "").replace("python", "")
    assert said == "".join(text.split()).replace("`", "").replace("python", "")
    if text.count(FENCE) and "````" not in text:
        assert all(piece.count(FENCE) % 2 == 0 for piece in pieces)


def test_a_lone_surrogate_has_a_size() -> None:
    assert utf8("a\ud800") == 2
