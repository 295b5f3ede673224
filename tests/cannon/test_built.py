"""What is told of a collector that could not be constructed."""

import sys
from typing import Any, cast

import pytest

from botcannon_core.cannon import chain
from botcannon_core.cannon.intake import process
from botcannon_core.compose.spec import ClassSpec, ServiceSpec
from botcannon_core.errors import ServiceError


class Heard:
    """A control channel that keeps what it is told."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def tell(self, kind: str, body: Any) -> None:
        assert kind == "log"
        self.texts.append(body["text"])


def test_a_package_that_is_missing_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "botcannon_core.collectors.timer.calendar", raising=False)
    monkeypatch.setitem(sys.modules, "cronsim", None)
    timer = ClassSpec("collector", "timer", "Timer", kwargs={"cron": "* * * * *"})
    heard = Heard()
    why = process.run(
        ServiceSpec("s", timer, None, ()), cast(Any, None), cast(Any, heard), {}, False
    )
    (text,) = heard.texts
    assert "\n" not in text
    assert "UsageError" not in text
    assert "cronsim>=2.8 into app/requirements.txt" in text
    assert why.startswith("Timer could not be constructed: a timer's `cron` needs cronsim: write")


def test_what_a_door_says_in_its_own_words_is_all_there_is_to_say() -> None:
    ended = chain.failed(ServiceError("nothing listens at h:1; check `port`"), frozenset())
    assert (ended.error, ended.trace) == ("nothing listens at h:1; check `port`", "")
