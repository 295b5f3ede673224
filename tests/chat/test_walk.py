"""What can be reached on an object, and that finding it out runs nothing."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from botcannon_core.chat.acl import Asker, Gate, rules
from botcannon_core.chat.command import run
from botcannon_core.chat.leaves import field_names, is_data_type, is_leaf
from botcannon_core.chat.parse import Word
from botcannon_core.chat.walk import (
    complete,
    data_fields,
    find,
    in_app,
    is_own,
    listed,
    members,
    steps,
    trace,
)
from tests.chat.victims import declared, shell

guarded = declared("guarded")
ANN = Asker("U1", "ops", network="irc")


@pytest.fixture(autouse=True)
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "log"
    path.touch()
    monkeypatch.setenv("VICTIM_LOG", str(path))
    return path


def kinds(value: object) -> dict[str, str]:
    return {member.name: member.kind for member in members(value)}


def test_members_are_told_by_what_they_are() -> None:
    told = kinds(shell("Shell"))
    assert told["users"] == "group"
    assert told["wipe"] == told["cached"] == told["deploy"] == "command"
    assert told["reboot"] == "property"
    assert told["greeting"] == told["jobs"] == told["when"] == told["table"] == "value"
    assert {told[name] for name in ("os", "run", "log", "rx", "cb", "Users")} == {"closed"}


def test_names_that_are_private_or_foreign_are_not_there() -> None:
    assert not [name for name in kinds(shell("Traps")) if name.startswith("_")]
    assert set(kinds(shell("Mixed"))) == {"handle", "mine"}
    assert set(kinds(shell("Sub"))) == {"ok", "hi"}
    assert kinds(shell("Bare")) == {}


def test_a_members_summary_is_the_first_line_its_author_wrote() -> None:
    told = {member.name: member.summary for member in members(shell("Small"))}
    assert told == {"greet": "Say hello.", "wave": "Wave."}


def test_looking_runs_nothing(log: Path) -> None:
    for name in ("Traps", "Shell", "Nosy", "Own", "Hiding"):
        value = shell(name)
        log.write_text("")
        for member in members(value):
            find(value, Word(member.label))
        complete(value, [""])
        assert log.read_text() == ""


def test_what_counts_as_declared_can_be_said() -> None:
    def everything(declared: object) -> bool:
        return True

    assert find(shell("Foreign"), Word("escape")) is None
    assert find(shell("Foreign"), Word("escape"), everything) is not None


@pytest.mark.parametrize(
    ("module", "own"),
    [("app", True), ("app.x", True), ("app.x.y", True), ("apple", False), ("my.app", False)],
)
def test_only_what_is_in_app_is_declared_there(module: str, own: bool) -> None:
    assert in_app(type("Sample", (), {"__module__": module})) is own


def test_a_trace_stops_at_what_only_running_could_pass() -> None:
    words = [Word(word) for word in ("users", "by-id", "2", "posts")]
    assert [member.name for member in trace(shell("Shell"), words)] == ["users", "by_id"]
    words = [Word("reboot"), Word("upper")]
    assert [member.kind for member in trace(shell("Shell"), words)] == ["property"]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["us"], ["users"]),
        (["users", ""], ["by-id", "all"]),
        (["users", "by_"], ["by-id"]),
        (["wipe", "--"], ["--target", "--force"]),
        (["wipe", "--force", "--"], ["--target"]),
        (["state", ""], ["k"]),
        (["nothing", ""], []),
        (["os", ""], []),
        (["reboot", ""], []),
        (["_"], []),
        (["o"], ["opaque"]),
    ],
)
def test_completion_knows_names_and_options(words: list[str], found: list[str]) -> None:
    assert complete(shell("Shell"), words) == found


def test_completion_knows_the_choices_of_a_parameter() -> None:
    assert complete(shell("Traps"), ["colour", ""]) == ["red", "dark-blue"]
    assert complete(shell("Traps"), ["level", "h"]) == ["high"]
    assert complete(shell("Small"), []) == ["greet", "wave"]


SPELLINGS = (
    str,
    lambda name: name.replace("_", "-"),
    lambda name: "--" + name.lstrip("_"),
    lambda name: "-" + name.lstrip("_"),
    lambda name: "_" + name,
    lambda name: name.upper(),
    lambda name: f"'{name}'",
)


def allowed(value: object) -> bool:
    """Whether a walk may stand on this: data, a leaf, or an object of the user's own."""
    kind = type(value)
    data = is_data_type(kind) or is_leaf(value) or field_names(kind) or data_fields(value)
    return bool(data) or is_own(value)


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data(), name=st.sampled_from(["Shell", "Traps", "Sub", "Slots", "Plain"]))
def test_no_random_walk_leaves_what_is_listed(data: st.DataObject, name: str) -> None:
    value: object = shell(name)
    for _ in range(8):
        # every name Python itself knows on this object, whether or not a chat may say it
        known = sorted({n for klass in type(value).__mro__ for n in vars(klass)} | {"0", "k", "-1"})
        known += sorted(map(str, getattr(value, "__dict__", {})))
        said = data.draw(st.sampled_from(SPELLINGS))(data.draw(st.sampled_from(known)))
        member = find(value, Word(said))
        if member is None:
            continue
        listed = {m.name for m in members(value)}
        assert member.name in listed or type(value) in (list, tuple)
        assert not member.name.startswith("_")
        if member.kind == "closed":
            assert member.get() is None
        elif member.kind in ("group", "value"):
            assert allowed(member.get())
            value = member.get()


STEPS = ["users", "by-id", "1", "delete", "list", "posts", "deploy", "prod", "jobs", "2", "table"]
RULES = st.lists(
    st.tuples(
        st.sampled_from(["allow", "deny"]),
        st.lists(st.sampled_from([*STEPS, "*", "motto", "load"]), min_size=1, max_size=3),
    ),
    max_size=4,
)


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data(), given_rules=RULES)
def test_no_random_walk_leaves_what_help_lists_to_its_asker(
    data: st.DataObject, given_rules: list[tuple[str, list[str]]]
) -> None:
    root = guarded.Shell()
    gate = Gate(rules([{verb: " ".join(words), "who": "*"} for verb, words in given_rules]), ANN)
    value, said = root, list[str]()
    for _ in range(4):
        line = steps(root, trace(root, [Word(word) for word in said]))
        usable = {member.label for member in listed(value, line, gate=gate)}
        about = run(root, " ".join(["help", *said]), gate=gate)
        if about.kind == "help" and not isinstance(value, (str, int, list)):
            # what help names is what can be used, no more and no less
            named = set(about.text.replace(":", " ").split()) & {m.label for m in members(value)}
            assert named == usable
        members_here = members(value)
        if not members_here:
            return
        member = data.draw(st.sampled_from(members_here))
        guarded.CALLS.clear()
        reply = run(root, " ".join([*said, member.label]), gate=gate)
        if member.label not in usable:
            assert reply.kind in ("forbidden", "refused")
            assert guarded.CALLS == []
            return
        said.append(member.label)
        value = member.get() if member.kind in ("group", "value") else None


FOREIGN = [n for n in members(shell("Shell")) if n.kind == "closed"]


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_on_a_foreign_object_nothing_is_found(data: st.DataObject) -> None:
    value: object = getattr(shell("Shell"), data.draw(st.sampled_from(FOREIGN)).name)
    for _ in range(4):
        name = data.draw(st.sampled_from(dir(value)))
        if not allowed(value):
            assert find(value, Word(data.draw(st.sampled_from(SPELLINGS))(name))) is None
            assert members(value) == []
        value = getattr(value, name, None)


def test_the_path_of_a_reply_is_what_was_reached_not_how_it_was_spelled() -> None:
    assert run(shell("Shell"), "users by-id 2 posts 0").path == ("users", "by_id", "posts", "0")
    assert run(shell("Shell"), "users by_id --id=2").path == ("users", "by_id")
