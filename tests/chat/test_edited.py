"""An edited message is run again only if it had failed, and then once."""

import pytest

from botcannon_core.chat.edited import MOST, Runs
from botcannon_core.message import Message


def ended(event_id: str, **fields: str) -> Message:
    return Message({"event_id": event_id, "_outcome": "done", **fields}, "1-0")


@pytest.mark.parametrize(
    ("fields", "may"),
    [({"_outcome": "parked"}, True), ({"invalid": "1"}, True), ({"text": "fine"}, False)],
)
def test_what_failed_or_was_no_command_may_be_run_again(fields: dict[str, str], may: bool) -> None:
    runs = Runs()
    runs.began("C1:7", "Ev1")
    runs.ended(ended("Ev1", **fields))
    assert runs.may_again("C1:7") is may


def test_what_still_runs_or_was_never_heard_may_not() -> None:
    runs = Runs()
    runs.began("C1:7", "Ev1")
    runs.ended(ended("Ev0", _outcome="parked"))
    assert not runs.may_again("C1:7")
    assert not runs.may_again("C1:8")


def test_each_failure_is_worth_one_more_run() -> None:
    runs = Runs()
    for event in ("Ev1", "Ev2"):
        runs.began("C1:7", event)
        runs.ended(ended(event, invalid="1"))
        assert runs.may_again("C1:7")
        assert not runs.may_again("C1:7")


def test_what_is_remembered_does_not_grow_for_ever() -> None:
    runs = Runs()
    for number in range(MOST + 10):
        runs.began(f"C1:{number}", f"Ev{number}")
        runs.ended(ended(f"Ev{number}", invalid="1"))
        runs.began(f"C2:{number}", f"Still{number}")
    assert len(runs._failed) == len(runs._running) == MOST
    assert not runs.may_again("C1:9")
    assert runs.may_again("C1:10")
