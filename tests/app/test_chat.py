"""The demo as its compose file declares it: what is said in the chat about what the sensors stored."""

import pytest

from botcannon_core.testing import TestBot
from tests.app.fake_ledger import READING


def test_the_chat_tells_what_the_sensors_have_read(testbot: TestBot) -> None:
    testbot.put("sensors", READING)
    assert testbot("memory now") == "memory 50 % (8.0 GB of 16 GB used), swap 0 %"
    assert testbot("cpu").startswith("cpu 25 %")


def test_the_past_is_drawn_as_it_lies_in_the_ledger(testbot: TestBot) -> None:
    for ago in range(300, 0, -5):
        testbot.put("sensors", {**READING, "cpu": str(ago / 5)}, ago=ago)
    drawn = testbot("cpu last 2m")
    assert drawn.startswith("cpu over 1.9 min: 1 % to 24 %")
    assert "█" in drawn
    assert testbot("history cpu").startswith("cpu over 4.9 min: 1 % to 60 %")


def test_without_sensors_it_says_how_to_start_them(
    testbot: TestBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.readings.PATIENCE", 0.0)
    assert testbot("memory now").endswith("start the sensors: ./botcannon up sensors")


def test_help_and_slips_are_answered(testbot: TestBot) -> None:
    assert "history" in testbot("help")
    assert testbot("memry now") == ("unknown command 'memry', did you mean 'memory'? (try help)")
    assert testbot("memory _readings").is_refused
