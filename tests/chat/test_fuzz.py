"""Random lines: no exception that is not the shell's own, no effect that was not asked for."""

import os
import time
import traceback
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from botcannon_core.chat.clean import fitted
from botcannon_core.chat.command import Reply, run
from botcannon_core.chat.walk import members
from tests.chat.victims import SECRETS, shell

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


def outcome(prey: object, line: str) -> Reply | BaseException:
    """The reply to a line, or what the shell's own method raised; anything else fails the test."""
    try:
        return run(prey, line, hidden=SECRETS)
    except BaseException as error:
        frames = traceback.extract_tb(error.__traceback__)
        if not any(Path(frame.filename).parent.name == "data" for frame in frames):
            raise
        return error


def check(name: str, line: str, log: Path) -> None:
    """One line said: its reply is fit to show, and the log tells of nothing but what was reached."""
    prey = shell(name)
    log.write_text("")  # building one may be noted; that is not this line's doing
    seen = outcome(prey, line)
    effects = log.read_text(errors="replace")
    if not isinstance(seen, Reply):
        return
    text = fitted(seen.text, 4_000, SECRETS)
    assert len(text) <= 4_000
    assert "PWNED" not in text
    assert "s3cret" not in text
    assert set(text) & {"\x1b", "\x00", "\r", "\u202e"} == set()
    text.encode()
    # a command that was reached may have run before a word after it was refused
    may = [EFFECTS[step] for step in EFFECTS if step in line and seen.kind != "help"]
    assert effects == "" or effects.startswith(tuple(may))
    assert effects.count("\n") <= max(1, len(may)) + line.count("\n")


@pytest.fixture(autouse=True, scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("fuzz") / "log"
    path.touch()
    os.environ["VICTIM_LOG"] = str(path)
    return path


@pytest.mark.parametrize("name", ["Shell", "Traps"])
@settings(max_examples=1_500, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_random_line_does_no_harm(name: str, data: st.DataObject, log: Path) -> None:
    check(name, data.draw(line_of(name)), log)


@pytest.mark.fuzz
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", ["Shell", "Traps"])
def test_random_lines_do_no_harm_for_minutes(name: str, log: Path) -> None:
    end = time.monotonic() + 300

    @settings(
        max_examples=2_000, deadline=None, suppress_health_check=list(HealthCheck), database=None
    )
    @given(line=line_of(name))
    def round_of(line: str) -> None:
        check(name, line, log)

    while time.monotonic() < end:
        round_of()
