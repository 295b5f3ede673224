"""Access rules: which commands they mean, for whom, and that no spelling gets around them."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from botcannon_core.chat.acl import Asker, Gate, problems, rules
from botcannon_core.chat.command import Reply, run
from botcannon_core.chat.explain import explain
from botcannon_core.chat.parse import Word
from botcannon_core.chat.walk import complete, listed, steps, trace
from botcannon_core.errors import CannonError
from tests.chat.victims import declared

guarded = declared("guarded")
ANN = Asker("U1", "ops", network="irc")
ALL = {"allow": "*", "who": "*"}


@pytest.fixture(autouse=True)
def calls() -> Iterator[list[str]]:
    guarded.CALLS.clear()
    yield guarded.CALLS
    guarded.CALLS.clear()


def gate(*given: Any, asker: Asker = ANN) -> Gate:
    return Gate(rules(list(given)), asker)


def allow(pattern: str, who: Any = "*", **more: Any) -> dict[str, Any]:
    return {"allow": pattern, "who": who, **more}


def deny(pattern: str, who: Any = "*") -> dict[str, Any]:
    return {"deny": pattern, "who": who}


def say(line: str, *given: Any, asker: Asker = ANN) -> Reply:
    return run(guarded.Shell(), line, gate=gate(*given, asker=asker))


@pytest.mark.parametrize(
    ("pattern", "line", "kind"),
    [
        ("*", "users list", "done"),
        ("users *", "users list", "done"),
        ("users *", "users delete 1 2 --force", "done"),
        ("users *", "users by-id 1 - delete", "done"),
        ("users *", "deploy", "forbidden"),
        ("users list", "users list", "done"),
        ("users list", "users delete 1", "forbidden"),
        ("users", "users list", "forbidden"),
        ("us* li?t", "users list", "done"),
        ("users by_id *", "users by-id 7", "done"),
        ("users by-id *", "users by_id --number=7", "done"),
        ("users by-id 7", "users by-id 7", "done"),
        ("users by-id 7", "users by-id 007", "done"),
        ("users by-id 7", "users by-id 8", "forbidden"),
        ("users by-id 7", "users by-id 7 --full", "forbidden"),
        ("users by-id 7 posts", "users by-id 7 - posts", "forbidden"),  # the call comes first
        ("deploy staging", "deploy staging", "done"),
        ("deploy staging", "deploy", "forbidden"),
        ("deploy staging", "deploy prod", "forbidden"),
        ("deploy staging", "deploy --env staging", "done"),
        ("deploy staging", "deploy staging v2", "forbidden"),
        ("deploy staging", "deploy --version=staging", "forbidden"),
        ("deploy staging *", "deploy staging v2", "done"),
        ("deploy --env=staging *", "deploy v1 --version=staging", "forbidden"),
        ("deploy --env=staging *", "deploy staging v1", "done"),
        ("deploy --env=staging", "deploy staging v1", "forbidden"),
        ("wipe * --force", "wipe a --force", "done"),
        ("wipe * --force", "wipe a", "forbidden"),
        ("wipe a*", "wipe a,ab", "done"),
        ("wipe a*", "wipe a,b", "forbidden"),
        ("stage live", "stage prod", "done"),
        ("users delete 1", "users delete 1 2", "forbidden"),
        ("tag --a=x", "tag --a=x", "done"),
        ("tag --a=x", "tag --a=x --b=y", "forbidden"),
        ("jobs 2", "jobs -1", "done"),
        ("jobs 2", "jobs 0", "forbidden"),
        ("load", "load", "done"),
        ("table open", "table open", "done"),
        ("table open", "table", "forbidden"),
        ("table a-b", "table a_b", "forbidden"),
        ("setting host", "setting password", "forbidden"),
        ("setting host", "setting", "forbidden"),
    ],
)
def test_an_allow_means_exactly_what_it_says(
    pattern: str, line: str, kind: str, calls: list[str]
) -> None:
    assert say(line, allow(pattern)).kind == kind
    if kind == "forbidden":
        assert calls == []


@pytest.mark.parametrize(
    ("pattern", "line"),
    [
        ("users delete", "users delete 1"),
        ("users delete 1", "users delete 1"),
        ("users delete 1", "users delete --number 001"),
        ("users delete 1", "users delete 2 1"),
        ("users delete *", "users delete 1 2 --force"),
        ("users delete --force", "users delete 1 --force"),
        ("* --force", "users delete 1 --force"),
        ("users *", "users list"),
        ("users by_id * delete", "users by-id 7 - delete"),
        ("users by_id * delete", "users by-id 7 --full delete"),
        ("users by_id 7 delete", "users by-id 7 true delete"),
        ("USERS LIST", "users list"),
        ("deploy prod", "deploy"),
        ("deploy prod", "deploy PROD"),
        ("deploy prod", "deploy 'prod '"),
        ("deploy prod", "deploy ｐｒｏｄ"),
        ("deploy prod", "deploy --version=v1 --env=prod"),
        ("deploy v1", "deploy --version=v1"),
        ("deploy * v1", "deploy x v1"),
        ("deploy --version=v1", "deploy x v1"),
        ("stage prod", "stage live"),
        ("stage live", "stage prod"),
        ("wipe b", "wipe a,b"),
        ("wipe * --force", "wipe a true"),
        ("wipe --force", "wipe a --force"),
        ("tag --a=*", "tag --b=1 --a=2"),
        ("jobs 2", "jobs -1"),
        ("jobs 2", "jobs 02"),
        ("table 7", "table 007"),
        ("table a-b", "table a_b"),
        ("load", "load"),
        ("*", "users list"),
    ],
)
def test_a_deny_holds_in_every_spelling(pattern: str, line: str, calls: list[str]) -> None:
    assert say(line, deny(pattern), ALL).kind == "forbidden"
    assert [call for call in calls if not call.startswith("by_id")] == []


@pytest.mark.parametrize(
    ("pattern", "line"),
    [("users delete", "users list"), ("deploy prod", "deploy staging"), ("wipe b", "wipe a,c")],
)
def test_a_deny_means_no_more_than_it_says(pattern: str, line: str) -> None:
    assert say(line, deny(pattern), ALL).kind == "done"


def test_the_first_rule_that_fits_decides() -> None:
    given = (allow("users list"), deny("users *"), ALL)
    assert say("users list", *given).kind == "done"
    assert say("users delete 1", *given).kind == "forbidden"
    assert say("deploy", *given).kind == "done"


def test_without_rules_all_is_allowed_and_with_none_of_them_nothing() -> None:
    assert run(guarded.Shell(), "deploy", gate=Gate(rules(None), ANN)).kind == "done"
    assert say("deploy").kind == "forbidden"
    assert say("users").kind == "forbidden"
    assert say("help").text == "A guarded shell.\nThere is nothing to say to it."


@pytest.mark.parametrize(
    ("who", "asker", "allowed", "denied"),
    [
        ("*", Asker(), True, True),
        ("user:U1", Asker("U1"), True, True),
        ("user:U1", Asker("u1"), False, True),
        ("user:U1", Asker("U12"), False, False),
        ("user:U*", Asker("U12"), True, True),
        ("user:*", Asker(), False, True),
        ("user:[U]1", Asker("U1"), False, False),
        ("#ops", Asker("U1", "ops"), True, True),
        ("#ops/*", Asker("U1", "#ops"), True, True),
        ("#ops/*", Asker("U1", "##ops"), False, False),
        ("#ops/U2", Asker("U1", "ops"), False, False),
        ("#ops/U1", Asker("U1", "ops"), True, True),
        ("#home/bot/*", Asker("U1", "home/bot"), True, True),
        ("#ops/*", Asker("U1", "dev"), False, False),
        ("#ops/*", Asker("U1"), False, True),
        ("#ops/*", Asker("", "ops"), False, True),
        ("#ops/*", Asker("U1", "ops", direct=True), False, False),
        (["user:U9", "#ops"], Asker("U1", "ops"), True, True),
    ],
)
def test_who_is_meant_is_told_by_ids(who: Any, asker: Asker, allowed: bool, denied: bool) -> None:
    assert (say("load", allow("*", who), asker=asker).kind == "done") is allowed
    assert (say("load", deny("*", who), ALL, asker=asker).kind == "forbidden") is denied


def test_help_completion_and_suggestions_show_what_may_be_used() -> None:
    given = (deny("users delete"), allow("users *"), allow("deploy staging"))
    shell = guarded.Shell()
    assert [m.name for m in listed(shell, (), gate=gate(*given))] == ["users", "deploy"]
    assert complete(shell, [""], gate=gate(*given)) == ["users", "deploy"]
    assert complete(shell, ["users", ""], gate=gate(*given)) == ["by-id", "list"]
    assert complete(shell, ["wipe", "--"], gate=gate(*given)) == []
    assert "delete" not in say("help users", *given).text
    assert "delete" not in say("users", *given).text
    assert "delete" in say("users by-id 1", *given).text  # of the user, which no rule denies
    assert say("help users delete", *given).kind == "refused"
    assert "wipe" not in say("help", *given).text
    assert "did you mean" not in say("wip", *given).text
    assert "did you mean 'deploy'" in say("deplo", *given).text


def test_help_shows_no_value_that_may_not_be_seen() -> None:
    assert "be brief" in say("help", ALL).text
    assert "be brief" not in say("help", allow("*", confirm=True)).text
    assert "be brief" not in say("help", allow("motto first")).text


def test_what_may_not_be_used_tells_nothing_of_its_arguments() -> None:
    told = say("users delete", allow("deploy"))
    assert (told.kind, told.text) == ("forbidden", "you may not use 'users' (try help)")
    assert say("stage nonsense", allow("deploy")).text == "you may not use 'stage' (try help)"


def test_a_command_that_asks_back_waits_for_its_yes(calls: list[str]) -> None:
    given = allow("deploy *", confirm=True)
    asked = say("deploy --version=v1", given)
    assert (asked.kind, asked.text, calls) == ("confirm", "deploy --version=v1", [])
    for yes, kind in (("deploy --version=v1", "done"), ("deploy --version=v2", "confirm")):
        confirmed = Gate(rules([given]), ANN, frozenset({yes}))
        assert run(guarded.Shell(), "deploy  --version=v1", gate=confirmed).kind == kind


def test_what_is_asked_back_is_read_back_as_the_same() -> None:
    for line in ("deploy 'a b' \"it's\"", "deploy --version=-", "wipe a,b --force", "tag --a='-x'"):
        shell = guarded.Shell()
        asked = say(line, allow("*", confirm=True)).text
        assert say(asked, allow("*", confirm=True)).text == asked
        assert run(shell, asked).text == run(shell, line).text


WRONG: list[tuple[Any, tuple[Any, ...], str]] = [
    ("deploy", (), "must be a list"),
    ({"allow": "*", "who": "*"}, (), "must be a list"),
    (["deploy"], (0,), "must be a rule"),
    ([{}], (0,), "either allow or deny"),
    ([{"allow": "*"}], (0,), "lacks the key 'who'"),
    ([{"allow": "*", "deny": "*", "who": "*"}], (0,), "at once"),
    ([{"alow": "*", "who": "*"}], (0, "alow"), "did you mean 'allow'"),
    ([ALL, {"allow": "", "who": "*"}], (1, "allow"), "must begin with"),
    ([{"allow": 5, "who": "*"}], (0, "allow"), "in quotes"),
    ([{"allow": "--x", "who": "*"}], (0, "allow"), "must begin with"),
    ([{"allow": "x -y", "who": "*"}], (0, "allow"), "--name"),
    ([{"allow": "x - y", "who": "*"}], (0, "allow"), "lone '-'"),
    ([{"allow": "don't", "who": "*"}], (0, "allow"), "quote"),
    ([{"allow": "*", "who": None}], (0, "who"), "begins a comment"),
    ([{"allow": "*", "who": []}], (0, "who"), "nobody"),
    ([{"allow": "*", "who": ["*", 5]}], (0, "who", 1), "must be '*'"),
    ([{"allow": "*", "who": "bob"}], (0, "who"), "must be '*'"),
    ([{"allow": "*", "who": "user:"}], (0, "who"), "must be '*'"),
    ([{"allow": "*", "who": "#"}], (0, "who"), "must be '*'"),
    ([{"allow": "*", "who": "#ops/"}], (0, "who"), "must be '*'"),
    ([{"allow": "*", "who": "*", "confirm": "yes"}], (0, "confirm"), "true or false"),
    ([{"deny": "*", "who": "*", "confirm": True}], (0, "confirm"), "asked back"),
]


@pytest.mark.parametrize(("given", "steps", "text"), WRONG)
def test_rules_that_are_odd_are_refused_at_once(given: Any, steps: Any, text: str) -> None:
    found = list(problems(given))
    assert found[0][0] == steps
    assert text in found[0][1]
    with pytest.raises(CannonError, match="acl"):
        rules(given)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("deploy prod", "deploy prod: refused by rule 1: deny 'deploy prod' to *"),
        ("deploy x", "deploy x: allowed by rule 2: allow 'deploy *' to user:U1, #ops, after a yes"),
        ("users delete", "users delete: refused: no rule allows it"),
        ("help", "help: allowed; it lists what whoever asks may run"),
    ],
)
def test_the_deciding_rule_is_told_and_nothing_runs(line: str, told: str, calls: list[str]) -> None:
    given = (deny("deploy prod"), allow("deploy *", ["user:U1", "#ops"], confirm=True))
    assert str(explain(guarded.Shell(), line, gate(*given))).endswith(told)
    assert calls == []


def test_what_only_running_could_tell_is_said_to_be_open(calls: list[str]) -> None:
    told = str(explain(guarded.Shell(), "users by-id 1 - delete", gate(ALL)))
    assert told.endswith("how it goes on (delete) is decided when it has run")
    assert calls == []


SAID = (
    "users by-id by_id delete list posts deploy prod PROD staging --env=prod --env --version=prod "
    "--number=1 1 01 - --force --full wipe a,b b jobs -1 2 table closed stage live s1 load setting "
    "password --no-force 'prod' help tag --b=1 true big"
)
WORDS = st.sampled_from(SAID.split())
LINES = st.lists(WORDS, max_size=6).map(" ".join)
PATTERNS = st.lists(
    st.sampled_from(["users", "delete", "by-id", "*", "deploy", "prod", "wipe", "b", "jobs", "2"]),
    min_size=1,
    max_size=3,
).map(" ".join)
FUZZ = settings(max_examples=600, deadline=None, suppress_health_check=list(HealthCheck))


@FUZZ
@given(line=LINES)
def test_no_line_reaches_what_is_denied(line: str) -> None:
    guarded.CALLS.clear()
    denied = ("users delete", "users by-id * delete", "deploy prod", "deploy * prod", "wipe b")
    reply = say(line, *map(deny, denied), deny("load"), deny("stage live"), deny("jobs 2"), ALL)
    for call in guarded.CALLS:
        assert not call.startswith(("delete", "load", "stage LIVE"))
        assert not (call.startswith("user ") and "delete" in call)
        assert "prod" not in call.lower() or not call.startswith("deploy")
        assert not call.startswith("wipe") or "b" not in call.split()
    assert reply.text != "three"


@FUZZ
@given(line=LINES, patterns=st.lists(PATTERNS, max_size=3))
def test_what_runs_was_listed_all_the_way(line: str, patterns: list[str]) -> None:
    mine = gate(*(allow(pattern) for pattern in patterns))
    reply = run(guarded.Shell(), line, gate=mine)
    if reply.kind == "done":
        assert all(mine.may(reply.line[:end]) for end in range(1, len(reply.line) + 1))


@FUZZ
@given(line=LINES, denied=PATTERNS)
def test_a_deny_hides_what_it_refuses(line: str, denied: str) -> None:
    words = [Word(word) for word in line.split()]
    shell = guarded.Shell()
    reached = steps(shell, trace(shell, words))
    mine = gate(deny(denied), ALL)
    # once hidden, hidden whatever follows
    hidden = [not mine.may(reached[:end]) for end in range(len(reached) + 1)]
    assert hidden == sorted(hidden)
