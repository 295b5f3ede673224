"""A conversation: more, !!, yes and no, remembered for one asker in one room."""

from __future__ import annotations

from botcannon_core.chat.acl import Asker
from botcannon_core.chat.clean import paged
from botcannon_core.chat.talk import CONFIRM_SECONDS, Talk, Turn


class Remembered:
    """A memory in a dict, with a clock that a test may turn."""

    def __init__(self) -> None:
        self.now = 0.0
        self.texts: dict[str, tuple[str, float]] = {}

    def get(self, key: str) -> str | None:
        text, until = self.texts.get(key, ("", -1.0))
        return text if until > self.now else None

    def put(self, key: str, value: str, seconds: float) -> None:
        self.texts[key] = (value, self.now + seconds)

    def drop(self, key: str) -> bool:
        found = self.get(key)
        self.texts.pop(key, None)
        return found is not None


ANN = Asker("U1", "ops", network="irc")


def talk(memory: Remembered, asker: Asker = ANN) -> Talk:
    return Talk(memory, asker, asks_back=True)


def hear(memory: Remembered, line: str, asker: Asker = ANN, knows: bool = False) -> Turn:
    return talk(memory, asker).hear(line, 100, lambda _: knows)


def test_a_command_is_said_again_with_two_marks() -> None:
    memory = Remembered()
    assert hear(memory, "!!").reply == "there is no command to say again"
    assert hear(memory, "deploy prod") == Turn("deploy prod")
    assert hear(memory, " `!!` ") == Turn("deploy prod")
    assert hear(memory, "!!") == Turn("deploy prod")


def test_the_rest_of_an_answer_comes_page_by_page() -> None:
    memory = Remembered()
    text = "\n".join(f"line {n}" for n in range(40))
    hear(memory, "big")
    page, rest = paged(text, 100)
    talk(memory).keep("big", rest)
    pages = [page]
    while (turn := hear(memory, "more")).reply != "there is no more":
        pages.append(turn.reply or "")
    assert all(len(one) <= 100 for one in pages)
    lines = [line for one in pages for line in one.splitlines() if not line.startswith("…")]
    assert lines == text.splitlines()
    assert hear(memory, "!!") == Turn("big")


def test_another_command_ends_what_more_would_show() -> None:
    memory = Remembered()
    talk(memory).keep("big", "the rest")
    hear(memory, "load")
    assert hear(memory, "more").reply == "there is no more"


def test_a_yes_runs_what_was_asked_back_once() -> None:
    memory = Remembered()
    question = talk(memory).ask_back("deploy", "deploy prod", frozenset({"a"}))
    assert question == "this will run: deploy prod\nsay yes within 2 minutes, or no"
    assert hear(memory, "YES") == Turn("deploy", confirmed=frozenset({"a", "deploy prod"}))
    assert hear(memory, "yes").reply == "there is nothing that waits for an answer of yours"


def test_a_no_another_command_and_time_end_what_waits_for_a_yes() -> None:
    memory = Remembered()
    talk(memory).ask_back("deploy", "deploy", frozenset())
    assert hear(memory, "no").reply == "not run: deploy"
    assert hear(memory, "yes").command == ""
    talk(memory).ask_back("deploy", "deploy", frozenset())
    hear(memory, "load")
    assert hear(memory, "yes").command == ""
    talk(memory).ask_back("deploy", "deploy", frozenset())
    memory.now += CONFIRM_SECONDS
    assert hear(memory, "yes").command == ""


def test_nobody_else_and_no_other_room_can_say_yes_or_see_more() -> None:
    memory = Remembered()
    talk(memory).ask_back("deploy", "deploy", frozenset())
    talk(memory).keep("big", "the rest")
    for other in (
        Asker("U2", "ops", network="irc"),
        Asker("U1", "dev", network="irc"),
        Asker("U1", "ops", network="slack"),
        Asker("", "ops", network="irc"),
        Asker('U1", "', "ops", network="irc"),
    ):
        assert hear(memory, "yes", other).command == ""
        assert hear(memory, "more", other).reply == "there is no more"
        assert hear(memory, "!!", other).command == ""
    assert hear(memory, "yes").command == "deploy"


def test_a_word_that_the_shell_knows_is_its_own_when_nothing_else_is_meant() -> None:
    memory = Remembered()
    assert hear(memory, "yes", knows=True) == Turn("yes")
    assert hear(memory, "more", knows=True) == Turn("more")
    talk(memory).keep("big", "the rest")
    assert hear(memory, "more", knows=True) == Turn(reply="the rest")


def test_where_nothing_asks_back_no_time_is_spent_on_it() -> None:
    memory = Remembered()
    Talk(memory, ANN).hear("load", 100, lambda _: False)
    assert [key.rpartition(":")[2] for key in memory.texts] == ["last"]


def test_a_page_holds_no_half_of_a_secret_and_the_rest_none_at_its_end() -> None:
    text = "x" * 150 + "s3cret" * 20_000
    page, rest = paged(text, 100, {"s3cret"}, keep=1_000)
    assert len(page) <= 100
    assert len(rest) <= 1_000
    assert "s3c" not in page + rest
