"""Torch with rules and a memory: who may run what, the yes before it, more, !!, and the audit."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from botcannon_core.ledger.memory import Memory, forgetful
from botcannon_core.message import Message
from botcannon_core.tasks.torch import Torch
from tests.chat.victims import declared

guarded = declared("guarded")
RULES = [
    {"allow": "deploy *", "who": "#ops/*", "confirm": True},
    {"deny": "users delete", "who": "*"},
    {"allow": "*", "who": "*"},
]
ANN = {"user": "U1", "room": "ops", "network": "irc"}


class Room:
    """A service's torch as one asker after the other meets it: a new one for each line."""

    def __init__(self, **kwargs: Any) -> None:
        self.memory: Memory | None = forgetful()
        self.kwargs = kwargs

    def results(self, line: str, **who: str) -> dict[str, str]:
        torch = Torch(guarded.Shell(), acl=RULES, memory=self.memory, **self.kwargs)
        return torch.task(Message({"text": line, **ANN, **who}, "17-0"), {})

    def say(self, line: str, **who: str) -> str:
        return self.results(line, **who)["text"]


@pytest.fixture
def room() -> Room:
    return Room()


@pytest.fixture(autouse=True)
def calls() -> list[str]:
    guarded.CALLS.clear()
    return guarded.CALLS


def test_what_is_refused_is_marked_and_not_run(room: Room, calls: list[str]) -> None:
    assert room.results("users delete 1") == {
        "text": "you may not use 'users delete' (try help)",
        "invalid": "1",
    }
    assert room.results("usres")["invalid"] == "1"
    assert "invalid" not in room.results("load")
    assert calls == ["load"]


def test_a_command_waits_for_the_yes_of_its_asker(room: Room, calls: list[str]) -> None:
    assert room.say("deploy --version=v1").startswith("this will run: deploy --version=v1\n")
    assert "nothing that waits" in room.say("yes", user="U2")
    assert calls == []
    assert room.say("yes") == "deploy prod v1"
    assert "nothing that waits" in room.say("yes")
    assert calls == ["deploy prod v1"]


def test_a_yes_is_worth_nothing_when_the_rules_say_no_by_then(room: Room, calls: list[str]) -> None:
    room.say("deploy")
    torch = Torch(guarded.Shell(), acl=[{**RULES[0], "who": "user:U9"}], memory=room.memory)
    assert torch.task(Message({"text": "yes", **ANN}), {})["invalid"] == "1"
    assert calls == []


def test_who_asks_is_taken_from_the_message_alone(calls: list[str]) -> None:
    torch = Torch(guarded.Shell(), acl=[{"allow": "*", "who": "user:U1"}])
    given = {"user": "U1", "text": "load"}
    assert torch.task(Message({"user": "U2"}), given)["invalid"] == "1"
    assert calls == []


def test_where_nobody_can_be_asked_for_a_yes_it_does_not_run(calls: list[str]) -> None:
    room = Room()
    rules = [{"allow": "*", "who": "*", "confirm": True}]
    unknown = Torch(guarded.Shell(), acl=rules, memory=room.memory)
    assert "nobody can be asked" in unknown.task(Message({"text": "deploy"}), {})["text"]
    room.memory = None
    assert "nobody can be asked" in room.say("deploy")
    assert calls == []


def test_a_long_answer_goes_on_with_more_and_a_command_is_said_again() -> None:
    room = Room(max_output=200)
    first = room.say("big 60")
    assert first.endswith("more characters (say more)")
    assert room.say("more").startswith(f"line {first.count('line')}")
    assert room.say("!!") == first
    assert room.say("big 1") == "line 0"
    assert room.say("more") == "there is no more"


def test_rules_that_are_odd_stop_torch_at_once() -> None:
    with pytest.raises(Exception, match="must either allow or deny"):
        Torch(guarded.Shell(), acl=[{"who": "*"}])


def test_each_line_is_audited(room: Room, capfd: pytest.CaptureFixture[str]) -> None:
    for line in ("load", "deploy", "yes", "users delete 5", "nonsense", "help", "more"):
        room.say(line)
    told = capfd.readouterr().err.splitlines()
    assert all(line.startswith("audit ") for line in told)
    ends = [line.partition(" path=")[2].rpartition(" seconds=")[0] for line in told]
    assert ends == [
        'load arguments="" outcome=done',
        'deploy arguments="env=prod version=latest" outcome=confirm',
        'deploy arguments="env=prod version=latest" outcome=done',
        '"users delete" arguments="" outcome=forbidden',  # what was typed stands in `text`
        '"" arguments="" outcome=refused',
        '"" arguments="" outcome=help',
        '"" arguments="" outcome=told',
    ]


def test_a_command_that_takes_its_process_along_is_audited_as_not_ended(tmp_path: Path) -> None:
    log = tmp_path / "log"
    pid = os.fork()
    if pid == 0:
        try:
            os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT), 2)
            guarded.called = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
            Torch(guarded.Shell()).task(Message({"text": "load", **ANN}, "17-0"), {})
        finally:
            os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL
    told = log.read_text()
    assert told.endswith("text=load")
    assert told.startswith("audit ")
