import pytest

from botcannon_core.chat.address import Addressed, address

NAMES = ["bot", "bot-2"]


@pytest.mark.parametrize(
    "said",
    [
        "@bot cpu now",
        "@bot: cpu now",
        "@Bot, cpu now",
        "bot: cpu now",
        "BOT:cpu now",
        " bot , cpu now ",
        "@bot\u00a0cpu now",
        "@bot-2 cpu now",
        "bot-2: cpu now",
    ],
)
def test_a_name_calls_the_bot_and_is_taken_away(said: str) -> None:
    assert address(said, NAMES) == Addressed("cpu now", by_name=True)


def test_a_prefix_calls_the_bot_without_its_name() -> None:
    assert address("!cpu now", NAMES) == Addressed("cpu now", by_name=False)
    assert address("%cpu", NAMES, prefix="%") == Addressed("cpu", by_name=False)
    assert address("!cpu", NAMES, prefix="") is None


@pytest.mark.parametrize(
    "said",
    [
        "",
        "cpu now",
        "bot cpu now",
        "@bots cpu",
        "@bot-3 cpu",
        "bots: cpu",
        "I told bot: go",
        "mail me@bot now",
        "!!!",
        "! no",
        "!",
        "...!cpu",
    ],
)
def test_what_others_say_to_each_other_is_left_alone(said: str) -> None:
    assert address(said, NAMES) is None


@pytest.mark.parametrize("said", ["@bot", "bot:", "@bot: ", "@bot,", "bot", " Bot "])
def test_a_name_alone_asks_for_help(said: str) -> None:
    assert address(said, NAMES) == Addressed("help", by_name=True)


def test_in_private_everything_is_meant() -> None:
    assert address("bot", NAMES, direct=True) == Addressed("bot", by_name=False)
    assert address("cpu now", NAMES, direct=True) == Addressed("cpu now", by_name=False)
    assert address("!cpu now", NAMES, direct=True) == Addressed("cpu now", by_name=False)
    assert address("!!", NAMES, direct=True) == Addressed("!!", by_name=False)
    assert address("@bot: cpu", NAMES, direct=True) == Addressed("cpu", by_name=True)


def test_a_name_of_odd_characters_is_taken_as_it_is() -> None:
    assert address("@b.t cpu", ["b.t"]) == Addressed("cpu", by_name=True)
    assert address("@bot cpu", ["b.t"]) is None
    assert address("[bot]: cpu", ["[bot]"]) == Addressed("cpu", by_name=True)


def test_without_a_name_only_the_prefix_calls() -> None:
    assert address("@ cpu", [""]) is None
    assert address(": cpu", []) is None


def test_all_lines_of_what_was_said_come_along() -> None:
    assert address("bot: one\ntwo", NAMES) == Addressed("one\ntwo", by_name=True)
