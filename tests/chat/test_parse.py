"""Text into words: what people and phones type, and what is refused rather than guessed at."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botcannon_core.chat.parse import MAX_CHARACTERS, MAX_WORDS, Word, quoted, split
from botcannon_core.chat.refused import Refused


def texts(line: str) -> list[str]:
    return [word.text for word in split(line)]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", []),
        ("  \n\t ", []),
        ("users by-id 2", ["users", "by-id", "2"]),
        ("a\u00a0b\u202fc", ["a", "b", "c"]),
        ("\u200busers list\ufeff ", ["users", "list"]),
        ("echo 'fix #12'", ["echo", "fix #12"]),
        ('echo "it\'s"', ["echo", "it's"]),
        ("echo “two words”", ["echo", "two words"]),
        ("echo ‘two words’", ["echo", "two words"]),
        ('echo "don’t”"', ["echo", "don’t”"]),
        ('echo "say \\"hi\\""', ["echo", 'say "hi"']),
        (r"echo C:\new\table", ["echo", r"C:\new\table"]),
        (r'echo "C:\new"', ["echo", r"C:\new"]),
        (
            "echo $HOME `id` * ~ ; | & #x",
            ["echo", *["$HOME", "`id`", "*", "~", ";", "|", "&", "#x"]],
        ),
        ("`users all`", ["users", "all"]),
        ("```users all```", ["users", "all"]),
        ("```sh\nusers\nall\n```", ["users", "all"]),
        ('echo ""', ["echo", ""]),
        ("wipe —force", ["wipe", "--force"]),
        ("wipe –force", ["wipe", "--force"]),
        ("echo — a–b –5", ["echo", "—", "a–b", "–5"]),
    ],
)
def test_a_line_is_cut_into_the_words_that_were_meant(line: str, words: list[str]) -> None:
    assert texts(line) == words


@pytest.mark.parametrize(
    "line",
    [
        "echo don't",
        "echo don’t",
        "echo don't can't",
        'echo "open',
        "echo 'open",
        'echo "a"b',
        'echo 5"',
        "echo --",
        'echo "--"',
        "--",
        "wipe --target='open",
    ],
)
def test_what_could_be_misread_is_refused_in_one_line(line: str) -> None:
    with pytest.raises(Refused) as refused:
        split(line)
    assert "\n" not in str(refused.value)


def test_a_line_too_long_or_of_too_many_words_is_refused() -> None:
    assert len(split("w " * MAX_WORDS)) == MAX_WORDS
    with pytest.raises(Refused, match="128 words"):
        split("w " * (MAX_WORDS + 1))
    assert split("x" * MAX_CHARACTERS)
    with pytest.raises(Refused, match="4,000"):
        split("x" * (MAX_CHARACTERS + 1))


def test_an_option_carries_its_value_and_whether_it_was_quoted() -> None:
    assert split("wipe --target='a b' --n=2 —id=“x y”")[1:] == [
        Word("--target", value=Word("a b", quoted=True)),
        Word("--n", value=Word("2")),
        Word("--id", value=Word("x y", quoted=True)),
    ]


def test_numbers_and_quoted_words_are_no_options() -> None:
    line = split("--x -x -5 -.5 - '-x' '--x'")
    assert [word.is_option for word in line] == [True, True, *[False] * 5]
    assert [word.is_end for word in line] == [False] * 4 + [True, False, False]


@given(st.text(max_size=300))
def test_any_text_is_words_or_a_one_line_refusal(line: str) -> None:
    refusal = ""
    try:
        split(line)
    except Refused as refused:
        refusal = str(refused)
    assert refusal == "" or refusal.isprintable()


@given(st.text(max_size=200).filter(lambda text: text != "--" and not text.endswith("\\")))
def test_quoted_text_comes_back_as_it_was(text: str) -> None:
    if '\\"' not in text:
        assert split("echo " + quoted(text))[1:] == [Word(text, quoted=True)]
