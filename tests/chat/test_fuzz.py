"""Random lines: no exception that is not the shell's own, no effect not asked for and allowed."""

import os
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from botcannon_core.chat.acl import OPEN, Asker, Gate, rules
from botcannon_core.chat.clean import fitted
from botcannon_core.chat.command import Reply, run
from botcannon_core.chat.parse import unfenced
from botcannon_core.chat.talk import CONFIRM_SECONDS
from botcannon_core.chat.walk import members
from botcannon_core.message import Message
from botcannon_core.tasks.torch import Torch
from tests.chat.test_talk import Remembered
from tests.chat.victims import SECRETS, declared, shell

# these end the process, never end at all, or leave something behind; they have lines of their own
HARMFUL = {
    *("sleepy", "spin", "deaf", "spam", "mem", "hardexit", "segv", "child", "ask", "big"),
    *("lingering", "chattering", "shutting", "closing", "speaking"),
}
# which command of the shell may write which line to the log
EFFECTS = {"reboot": "reboot evaluated", "drop": "dropped", "wipe": "wiped ", "slow": "slow ran",
           "described": "descriptor asked", "raw": "raw "}  # fmt: skip
NAMES = {
    name: sorted({m.label for m in members(shell(name))} - HARMFUL) for name in ("Shell", "Traps")
}
PRIVATE = [*dir(object), "__globals__", "__wrapped__", "__func__", "__self__", "_token", "_danger"]
ODD = [
    *("-", "--", "---", "-1", "0", "2", "1e999", "9" * 5_000, "", "''", '""', '"', "'", "’", "“"),
    *("help", "?", "-h", "--help", "--force", "--id=2", "--target", "--x='", "—id=2", "true", "#"),
    *("\x00", "\u202e", "\ud800", "`", "```", "$(id)", ";", "../..", "by-id", "name", "posts", "k"),
]


def pieces(name: str) -> st.SearchStrategy[str]:
    """A word of a line: mostly a name the shell has, sometimes what has no business there."""
    names = st.sampled_from(NAMES[name])
    private = st.sampled_from(PRIVATE).map(lambda text: text.replace("_", "-"))
    return st.one_of(
        names,
        names,
        st.sampled_from(PRIVATE),
        private,
        st.sampled_from(ODD),
        names.map(lambda text: f"--{text}"),
        st.text(max_size=8).filter(lambda text: text not in HARMFUL),
    )


def line_of(name: str) -> st.SearchStrategy[str]:
    """A line of up to eight such words."""
    between = st.sampled_from([" ", " ", " ", "\u00a0", "\n", "="])
    return st.lists(st.tuples(pieces(name), between), max_size=8).map(
        lambda parts: "".join(text + gap for text, gap in parts)
    )


ASKER = Asker("U1", "ops", network="x")


@dataclass(frozen=True)
class Ruled:
    """Rules, and which of the shell's names they let run at all."""

    gate: Gate = OPEN
    lets: Callable[[str], bool] = lambda name: True

    def __repr__(self) -> str:
        return str([str(rule) for rule in self.gate.rules or ()])


OPEN_TO_ALL = Ruled()


def ruled(name: str) -> st.SearchStrategy[Ruled]:
    """Rules about some of a shell's names: they alone are allowed, or denied, or need a yes."""
    notable = st.sampled_from(sorted(EFFECTS.keys() & set(NAMES[name])))
    some = st.lists(notable | st.sampled_from(NAMES[name]), max_size=6, unique=True)
    return st.builds(rules_about, some, st.sampled_from(["allow", "deny", "confirm"]))


def rules_about(names: list[str], mode: str) -> Ruled:
    """`inner` leads back to the shell itself, where a name would be another path; so it is closed."""
    if mode == "allow":
        names = [name for name in names if name != "inner"]
        given = [{"allow": f"{name} *", "who": "user:U1"} for name in names]
        return Ruled(Gate(rules(given), ASKER), names.__contains__)
    denied = [{"deny": name, "who": "*"} for name in (*names, "inner")]
    rest = {"allow": "*", "who": "*", **({"confirm": True} if mode == "confirm" else {})}
    lets = (lambda _: False) if mode == "confirm" else (lambda name: name not in names)
    return Ruled(Gate(rules([*denied, rest]), ASKER), lets)


def outcome(prey: object, line: str, gate: Gate) -> Reply | BaseException:
    """The reply to a line, or what the shell's own method raised; anything else fails the test."""
    try:
        return run(prey, line, hidden=SECRETS, gate=gate)
    except BaseException as error:
        frames = traceback.extract_tb(error.__traceback__)
        if not any(Path(frame.filename).parent.name == "data" for frame in frames):
            raise
        return error


def check(name: str, line: str, log: Path, by: Ruled = OPEN_TO_ALL) -> None:
    """One line said: its reply is fit to show, and the log tells of nothing but what was reached."""
    prey = shell(name)
    log.write_text("")  # building one may be noted; that is not this line's doing
    seen = outcome(prey, line, by.gate)
    effects = log.read_text(errors="replace")
    may = [EFFECTS[step] for step in EFFECTS if step in line and by.lets(step)]
    assert effects == "" or effects.startswith(tuple(may))
    if not isinstance(seen, Reply):
        return
    assert effects == "" or seen.kind not in ("help", "confirm")
    text = fitted(seen.text, 4_000, SECRETS)
    assert len(text) <= 4_000
    assert "PWNED" not in text
    assert "s3cret" not in text
    assert set(text) & {"\x1b", "\x00", "\r", "\u202e"} == set()
    text.encode()
    # a command that was reached may have run before a word after it was refused
    assert effects.count("\n") <= max(1, len(may)) + line.count("\n")


class Said(NamedTuple):
    """A line of a conversation, some seconds after the one before it."""

    user: str
    room: str
    after: float
    line: str


COMMANDS = [
    "deploy",
    "deploy prod",
    "wipe a,b",
    "load",
    "users by-id 1 - delete",
    "nonsense",
    "help",
]
CONVERSATION = st.lists(
    st.builds(
        Said,
        st.sampled_from(["U1", "U1", "U2"]),
        st.sampled_from(["ops", "ops", "dev"]),
        st.sampled_from([0.0, 0.0, 1.0, CONFIRM_SECONDS - 1, CONFIRM_SECONDS]),
        st.sampled_from([*COMMANDS, "yes", "yes", "`Yes`", "no", "more", "!!", "users", "motto"]),
    ),
    max_size=12,
)
CONFIRMED = [{"allow": "*", "who": "*", "confirm": True}]
guarded = declared("guarded")


def check_conversation(talk: list[Said]) -> None:
    """Whatever ran was asked back about before, and its own asker said yes to it, there and in time."""
    memory = Remembered()
    asked: dict[tuple[str, str], float] = {}  # when somebody was asked for a yes that they owe
    for said in talk:
        memory.now += said.after
        guarded.CALLS.clear()
        torch = Torch(guarded.Shell(), acl=CONFIRMED, memory=memory)
        fields = {"text": said.line, "user": said.user, "room": said.room}
        reply = torch.task(Message(fields), {})["text"]
        who, word = (said.user, said.room), unfenced(said.line).strip().lower()
        if guarded.CALLS:
            assert word == "yes"
            assert memory.now < asked[who] + CONFIRM_SECONDS
        if word != "more":  # which answers nothing
            asked.pop(who, None)
        if reply.startswith("this will run: "):
            asked[who] = memory.now


@pytest.fixture(autouse=True, scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("fuzz") / "log"
    path.touch()
    os.environ["VICTIM_LOG"] = str(path)
    return path


EVERYDAY = settings(max_examples=1_500, deadline=None, suppress_health_check=list(HealthCheck))
LONG = settings(EVERYDAY, max_examples=2_000, database=None)
LONG_SECONDS = 120.0  # for each of five tests: ten minutes in all

each_shell = pytest.mark.parametrize("name", ["Shell", "Traps"])


def for_minutes(one_round: Callable[[], None]) -> None:
    end = time.monotonic() + LONG_SECONDS
    while time.monotonic() < end:
        one_round()


@each_shell
@EVERYDAY
@given(data=st.data())
def test_a_random_line_does_no_harm(name: str, data: st.DataObject, log: Path) -> None:
    check(name, data.draw(line_of(name)), log)


@each_shell
@EVERYDAY
@given(data=st.data())
def test_a_random_line_runs_nothing_that_rules_forbid(
    name: str, data: st.DataObject, log: Path
) -> None:
    check(name, data.draw(line_of(name)), log, data.draw(ruled(name)))


@settings(EVERYDAY, max_examples=500)
@given(talk=CONVERSATION)
def test_nothing_runs_without_the_yes_of_who_asked(talk: list[Said]) -> None:
    check_conversation(talk)


@pytest.mark.fuzz
@pytest.mark.timeout(900)
@each_shell
def test_random_lines_do_no_harm_for_minutes(name: str, log: Path) -> None:
    for_minutes(LONG(given(line=line_of(name))(lambda line: check(name, line, log))))


@pytest.mark.fuzz
@pytest.mark.timeout(900)
@each_shell
def test_random_lines_run_nothing_that_rules_forbid_for_minutes(name: str, log: Path) -> None:
    def one(line: str, by: Ruled) -> None:
        check(name, line, log, by)

    for_minutes(LONG(given(line=line_of(name), by=ruled(name))(one)))


@pytest.mark.fuzz
@pytest.mark.timeout(900)
def test_nothing_runs_without_a_yes_for_minutes() -> None:
    for_minutes(LONG(given(talk=CONVERSATION)(check_conversation)))
