"""Help: every way to ask for it, what it says, and that it fits on a screen."""

import pytest

from botcannon_core.chat.command import run
from tests.chat.victims import declared, shell


def said(name: str, line: str) -> str:
    return run(shell(name), line).text


def test_a_small_shell_is_shown_with_a_line_each() -> None:
    assert said("Small", "") == (
        "A shell with two commands.\n  greet  Say hello.\n  wave   Wave.\n'help NAME' tells more."
    )


def test_what_a_dataclass_writes_about_itself_is_not_shown() -> None:
    about = run(declared("guarded").Shell(), "help setting").text
    assert about == "setting\n  host      h\n  password  pa55\n'help setting NAME' tells more."
    assert said("Traps", "help card").startswith("card: A card of the register.\n")


def test_what_a_call_gave_promises_no_help_that_there_is_not() -> None:
    class Door:
        def next(self) -> "Door":
            """The one behind it."""
            return self

    def own(kind: object) -> bool:
        return kind is Door or getattr(kind, "__qualname__", "").endswith("Door.next")

    assert run(Door(), "", own=own).text.endswith("'help NAME' tells more.")
    assert run(Door(), "next", own=own).text == "next  The one behind it."


def test_a_command_shows_how_it_is_used() -> None:
    assert said("Small", "greet --help") == (
        "greet [name]\n  Say hello.\n\n  Politely, and to one person.\n  name  text  (default you)"
    )


@pytest.mark.parametrize("line", ["help users", "users help", "users ?", "users -h", "-h users"])
def test_help_is_asked_for_as_people_do(line: str) -> None:
    reply = run(shell("Shell"), line)
    assert reply.kind == "help"
    assert "by-id" in reply.text


@pytest.mark.parametrize(
    "line",
    [
        "wipe db ?",
        "wipe db yes help",
        "two a b help",
        "wipe - ?",
        "users by-id 2 posts help",
        "add 1 ?",
    ],
)
def test_a_question_after_a_complete_command_runs_nothing(
    line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VICTIM_LOG", raising=False)  # it would say what ran
    assert run(shell("Shell"), line).kind == "help"


def test_a_help_word_among_arguments_or_in_quotes_is_text() -> None:
    assert said("Shell", "two a help") == "a-help"
    assert said("Shell", "two a --y help") == "a-help"
    assert said("Shell", "echo 'help'") == "help"


def test_help_about_nothing_known_says_what_is_near() -> None:
    assert said("Shell", "help usres") == (
        "unknown command 'usres', did you mean 'users'? (try help)"
    )
    assert said("Shell", "users by-idd") == (
        "unknown command 'users by-idd', did you mean 'users by-id'? (try users help)"
    )


def test_help_about_what_is_closed_is_refused() -> None:
    assert run(shell("Shell"), "help os").kind == "refused"


def test_a_shell_of_many_names_fits_on_a_screen() -> None:
    class Many:
        pass

    Many.__module__ = "app.many"
    many = Many()
    for number in range(2_000):
        setattr(many, f"name_{number}", number)
    text = run(many, "help").text
    assert len(text.splitlines()) <= 24
    assert max(map(len, text.splitlines())) <= 80
    assert "…" in text


def test_the_parameters_of_a_command_are_told_with_kind_and_default() -> None:
    told = said("Traps", "help level")
    assert "low, high or 3" in told
    assert "(default 5)" not in said("Traps", "help whole")
    assert "whole number" in said("Traps", "help wide")
    assert "(default 1)" in said("Traps", "help wide")
