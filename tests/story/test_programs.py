"""Programs in real services: answered, undone, locked, and gone on with when anybody is killed."""

import signal

import pytest

from tests.story.programs_here import shop

pytestmark = pytest.mark.story


def test_a_program_is_answered_with_its_outputs_or_undone() -> None:
    with shop() as here:
        here.here.up()
        here.ask("buy", "1", item="x")
        here.ask("buy", "2", item="y", fail="ship")
        here.ask("buy", "3")
        here.ask("by", "4", item="z")
        assert here.answer("1") == {
            "ok": True,
            "program": "buy",
            "result": {"order": "check|reserve|charge|ship"},
        }
        assert here.answer("2")["error"]["step"] == "ship"
        assert here.acts("y") == ["check", "reserve", "charge", "ship", "refund", "release"]
        assert here.answer("3")["error"]["problems"][0]["path"] == "item"
        assert "did you mean 'buy'" in here.answer("4")["error"]["text"]
        assert set(here.here.outcomes()["2"]) == {"done"}
        here.here.until(lambda: not here.journals(), "no journal is left")
        here.here.signal(signal.SIGTERM)
        assert here.here.code() in (0, 143)
