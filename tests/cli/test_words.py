"""The words of the command line: what a signature lets through, and how a slip is refused."""

from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botcannon_core.cli.signature import Rest, Short, explained, usage
from botcannon_core.cli.words import HelpAsked, bound
from botcannon_core.errors import UsageError


def perhaps(*, only: Literal["collector", "workers", ""] = "") -> None:
    pass


def up(
    *services: str, lazy: bool = False, only: Literal["collector", "workers"] | None = None
) -> None:
    """Start services."""


def logs(
    service: str = "",
    *,
    follow: Annotated[bool, Short("f")] = False,
    lines: Annotated[int, Short("n")] = 10,
) -> None:
    """Print what was logged."""


def send(
    service: str, /, *, text: str, wait: bool = False, timeout: float = 60.0, **fields: str
) -> None:
    """Put a message in."""


def shell(service: str, *words: Annotated[str, Rest()], loud: bool = False) -> None:
    """Run a command."""


def retry(service: str, which: str) -> None:
    """Try again."""


def check(*words: Annotated[str, Rest()]) -> None:
    """Run tests."""


def depth(levels: int, ratio: float = 0.5, place: Path = Path()) -> None:
    """Numbers and paths as words."""


def args(function: Any, *words: str) -> tuple[Any, ...]:
    return bound("verb", function, words).args


def kwargs(function: Any, *words: str) -> dict[str, Any]:
    return bound("verb", function, words).kwargs


def refusal(function: Any, *words: str) -> str:
    with pytest.raises(UsageError) as caught:
        bound("verb", function, words)
    return str(caught.value)


def test_plain_words_become_arguments_in_order() -> None:
    assert args(up, "chat", "sensors") == ("chat", "sensors")


def test_a_switch_swallows_no_word() -> None:
    call = bound("up", up, ["--lazy", "chat"])
    assert (call.args, call.kwargs) == (("chat",), {"lazy": True})


def test_a_switch_takes_no_value() -> None:
    assert "--lazy is a switch" in refusal(up, "--lazy=true")


@pytest.mark.parametrize("words", [("--only=workers",), ("--only", "workers")])
def test_a_value_may_follow_the_equals_sign_or_a_space(words: tuple[str, ...]) -> None:
    assert kwargs(up, *words) == {"only": "workers"}


def test_a_value_is_not_taken_from_the_next_option() -> None:
    assert "--text needs a value; if it is meant, write --text=--wait" in refusal(
        send, "chat", "--text", "--wait"
    )


def test_a_value_at_the_end_is_missed() -> None:
    assert refusal(send, "chat", "--text") == "verb: --text needs a value"


@pytest.mark.parametrize(
    "text", ["007", "", "1e3", "None", "[1, 2]", "a=b", "--wait", " x ", "-5", "é"]
)
def test_texts_arrive_as_typed(text: str) -> None:
    assert kwargs(send, "chat", f"--text={text}")["text"] == text


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_arrives_as_typed(text: str) -> None:
    assert kwargs(send, "chat", f"--text={text}", f"--other={text}") == {
        "text": text,
        "other": text,
    }


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]))))
def test_no_words_lead_to_anything_but_a_call_or_a_refusal(words: list[str]) -> None:
    for function in (up, logs, send, shell, retry, check, depth):
        try:
            bound("verb", function, words)
        except (UsageError, HelpAsked):
            continue


def test_an_unknown_option_is_refused_with_a_suggestion() -> None:
    assert refusal(up, "--lzay") == "verb: unknown option '--lzay'; did you mean '--lazy'?"


def test_an_unknown_option_like_no_other_is_refused_with_the_usage() -> None:
    assert "usage: botcannon verb [SERVICE...]" in refusal(up, "--zzz")


@pytest.mark.parametrize("word", ["-x", "-5", "-fx"])
def test_an_unknown_short_option_is_refused(word: str) -> None:
    assert "unknown option '-" in refusal(logs, word)


def test_a_surplus_word_is_refused() -> None:
    assert "surplus word 'x'" in refusal(logs, "chat", "x")


def test_missing_words_are_named_together() -> None:
    assert refusal(retry).startswith("verb: SERVICE and WHICH missing")


def test_a_missing_option_is_named() -> None:
    assert refusal(send, "chat").startswith("verb: --text missing")


def test_a_choice_that_is_only_a_default_is_not_named() -> None:
    def start(*, only: Literal["collector", "workers", ""] = "") -> None:
        """Start."""

    assert refusal(start, "--only=x") == "verb: --only must be one of collector, workers, not 'x'"


def test_a_bad_choice_is_refused_with_a_suggestion() -> None:
    assert refusal(up, "--only=worker") == (
        "verb: --only must be one of collector, workers, not 'worker'; did you mean 'workers'?"
    )


@pytest.mark.parametrize("number", ["", "x", "1.5", "1_000", " 1", "١"])
def test_a_bad_whole_number_is_refused(number: str) -> None:
    assert "must be a whole number" in refusal(logs, f"--lines={number}")


@pytest.mark.parametrize("number", ["", "x", "nan", "inf"])
def test_a_bad_number_is_refused(number: str) -> None:
    assert "must be a number" in refusal(send, "chat", "--text=x", f"--timeout={number}")


def test_words_are_converted_too() -> None:
    assert args(depth, "3", "0.25", "here") == (3, 0.25, Path("here"))


def test_a_bad_number_as_a_word_is_refused_by_its_place() -> None:
    assert refusal(depth, "many") == "verb: LEVELS must be a whole number, not 'many'"


@pytest.mark.parametrize(
    "words", [("-n", "5"), ("-n5",), ("-n=5",), ("--lines", "5"), ("--lines=5",)]
)
def test_a_short_option_takes_its_value_in_every_form(words: tuple[str, ...]) -> None:
    assert kwargs(logs, *words) == {"lines": 5}


def test_short_options_may_be_written_together() -> None:
    assert kwargs(logs, "-fn5") == {"follow": True, "lines": 5}


@pytest.mark.parametrize("words", [("-n", "-5"), ("-n-5",), ("-n=-5",)])
def test_a_count_below_nothing_is_refused(words: tuple[str, ...]) -> None:
    assert refusal(logs, *words) == "verb: -n must be at least 0, not '-5'"


@pytest.mark.parametrize("written", ["-1", "-0.001"])
def test_a_time_below_nothing_is_refused(written: str) -> None:
    told = refusal(send, "chat", "--text=x", f"--timeout={written}")
    assert told == f"verb: --timeout must be at least 0, not {written!r}"


def test_a_count_may_be_nothing() -> None:
    assert kwargs(logs, "-n", "0") == {"lines": 0}


def test_a_value_given_twice_is_refused() -> None:
    assert refusal(send, "chat", "--text=a", "--text=b") == "verb: --text is given twice"


def test_any_field_keeps_its_name() -> None:
    call = bound("send", send, ["chat", "--text=x", "--user_name=Ada", "--Room-No", "7"])
    assert call.kwargs == {"text": "x", "user_name": "Ada", "Room-No": "7"}


def test_a_field_given_twice_is_refused() -> None:
    assert "--a is given twice" in refusal(send, "chat", "--text=x", "--a=1", "--a=2")


def test_a_field_may_be_named_like_a_word_that_has_only_a_place() -> None:
    assert kwargs(send, "chat", "--text=x", "--service=y")["service"] == "y"


def test_two_dashes_end_the_options() -> None:
    assert args(up, "--lazy", "--", "--only", "-x") == ("--only", "-x")


def test_a_single_dash_is_a_word() -> None:
    assert args(up, "-") == ("-",)


def test_an_empty_word_is_a_word() -> None:
    assert args(up, "") == ("",)


def test_the_rest_arrives_as_typed() -> None:
    call = bound("shell", shell, ["--loud", "chat", "cpu", "--span=5m", "--", "-h", "--loud"])
    assert call.args == ("chat", "cpu", "--span=5m", "--", "-h", "--loud")
    assert call.kwargs == {"loud": True}


def test_the_rest_begins_after_the_named_places() -> None:
    assert args(shell, "chat", "--help") == ("chat", "--help")


def test_the_rest_begins_with_a_word_when_there_are_no_places() -> None:
    assert args(check, "tests/x", "-k", "y") == ("tests/x", "-k", "y")
    assert args(check, "--", "-k", "y") == ("-k", "y")


@pytest.mark.parametrize("words", [("-h",), ("--help",), ("chat", "-h"), ("--lazy", "--help")])
def test_help_is_asked_for_anywhere(words: tuple[str, ...]) -> None:
    with pytest.raises(HelpAsked):
        bound("up", up, words)


def test_help_after_two_dashes_is_a_word() -> None:
    assert args(up, "--", "--help") == ("--help",)


def test_the_usage_line_shows_everything_a_signature_allows() -> None:
    assert usage("up", up) == "botcannon up [SERVICE...] [--lazy] [--only=collector|workers]"
    assert usage("up", perhaps) == "botcannon up [--only=collector|workers]"  # nothing is no choice
    assert usage("logs", logs) == "botcannon logs [SERVICE] [-f|--follow] [-n|--lines=LINES]"
    assert usage("send", send) == (
        "botcannon send SERVICE --text=TEXT [--wait] [--timeout=TIMEOUT] [--ANY-FIELD=VALUE...]"
    )


def test_the_help_of_a_verb_is_its_usage_and_its_docstring() -> None:
    assert explained("retry", retry) == "usage: botcannon retry SERVICE WHICH\n\nTry again."
