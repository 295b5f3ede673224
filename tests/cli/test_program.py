"""The verb `program`: what it shows and refuses. What runs is told in tests/story."""

from typing import Any

import pytest

from botcannon_core.cli.program.running import told
from botcannon_core.cli.program.ticking import Told, sketch
from tests.cli.project_here import ProjectHere

COMPOSE = """\
namespace: T
programs:
  buy:
    description: Buy an item.
    args:
      item: {type: string, description: what to buy}
      qty: {type: int, default: 1}
    outputs: {order: string, note: {type: string, default: none}}
    lock: item
    steps:
      - {file: shop, entry: Reserve, needs: [check], undo: [release]}
      - {program: ship}
  ship:
    steps: [send]
steps:
  check: {file: shop, entry: check}
  release: {file: shop, entry: release}
  send: {file: shop, entry: send}
services:
  shop:
    collector: {file: timer, entry: Timer}
    program: buy
"""
TREE = """\
buy(item: string, qty: int = 1) -> order: string, note: string = none
├─ check     needed by Reserve
├─ Reserve   undo: release
└─ ship      program
   └─ send
"""
CODE = """\
class Reserve:
    def task(self, message, results): return {"order": results["item"]}
def check(message, results): pass
def release(message, results): pass
def send(message, results): pass
"""


@pytest.fixture
def shop(project: ProjectHere) -> ProjectHere:
    project.write("cannon-compose.yml", COMPOSE)
    project.write("app/shop.py", CODE)
    return project


def test_ls_lists_what_is_declared(shop: ProjectHere) -> None:
    assert shop("program", "ls").out.splitlines() == [
        "PROGRAM  SERVICES  TAKES      GIVES        STEPS          DESCRIPTION",
        "buy      shop      item, qty  order, note  Reserve, ship  Buy an item.",
        "ship     -         -          -            send           -",
    ]
    assert [row["program"] for row in shop("program", "ls", "--format=json").json] == [
        "buy",
        "ship",
    ]


def test_ls_of_nothing_says_so(project: ProjectHere) -> None:
    assert project("program", "ls").out == "no programs are declared\n"


def test_show_tells_what_goes_in_and_out_and_what_runs(shop: ProjectHere) -> None:
    said = shop("program", "show", "buy").out
    assert said.startswith(f"Buy an item.\n\n{TREE}")
    assert "  item   string   what to buy\n  qty    int, by default 1\n" in said
    assert "one at a time for each item" in said
    assert said.endswith("run by: shop\n")


def test_show_has_schemas_for_scripts(shop: ProjectHere) -> None:
    told = shop("program", "show", "buy", "--format=json").json
    assert told["args"]["required"] == ["item"]
    assert [one["key"] for one in told["order"] if one["kind"] == "run"] == [
        "check",
        "buy.Reserve",
        "send",
    ]
    assert told["steps"]["buy.Reserve"]["undo"] == ["release"]


def test_graph_draws_for_a_terminal_and_for_a_page(shop: ProjectHere) -> None:
    assert shop("program", "graph", "buy").out == TREE
    assert shop("program", "graph", "buy", "--format=mermaid").out.startswith("flowchart TD\n")


@pytest.mark.parametrize("action", ["show", "graph", "run"])
def test_an_unknown_program_is_refused_with_a_suggestion(shop: ProjectHere, action: str) -> None:
    said = shop("program", action, "bu")
    assert (said.code, said.out) == (2, "")
    assert said.err == f"botcannon: program {action}: no program 'bu'; did you mean 'buy'?\n"


def test_what_is_wrong_with_the_programs_is_told_at_once(shop: ProjectHere) -> None:
    shop.write(
        "cannon-compose.yml", COMPOSE.replace("[send]", "[sent]").replace("qty: {", "qty: {x: 1, ")
    )
    said = shop("program", "ls")
    assert said.code == 2
    assert "cannon-compose.yml:7: programs.buy.args.qty" in said.err
    assert "cannon-compose.yml:14: programs.ship.steps[0]: no step or program 'sent'" in said.err


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["lst"], "must be one of ls, show, graph, run"),
        ([], "missing"),
        (["show"], "program show: NAME missing; usage: botcannon program show NAME"),
        (["ls", "buy"], "program ls: surplus word 'buy'"),
        (["graph", "buy", "--format=dot"], "--format must be one of text, mermaid"),
    ],
)
def test_words_are_checked_for_each_action(shop: ProjectHere, words: list[str], text: str) -> None:
    said = shop("program", *words)
    assert (said.code, said.out) == (2, "")
    assert text in said.err


@pytest.mark.parametrize("words", [["show", "--help"], ["-h"], ["run", "buy", "-h"]])
def test_help_is_told_for_each_action(shop: ProjectHere, words: list[str]) -> None:
    assert shop("program", *words).out.startswith("usage: botcannon program ")


@pytest.mark.parametrize("where", ["before the verb", "before the action", "behind it"])
def test_another_file_may_be_named_anywhere(shop: ProjectHere, where: str) -> None:
    shop.write("other.yml", COMPOSE.replace("buy", "sell"))
    file = "--file=other.yml"
    words = {
        "before the verb": [file, "program", "ls"],
        "before the action": ["program", file, "ls"],
        "behind it": ["program", "ls", file],
    }[where]
    assert "sell" in shop(*words).out


# --- run, as far as it does not


def test_a_dry_run_checks_the_args_and_runs_nothing(shop: ProjectHere) -> None:
    said = shop("program", "run", "buy", "--item=x", "--qty=2", "--dry-run")
    assert (said.code, said.out) == (
        0,
        f'{TREE}\npool: {{"item": "x", "qty": 2}}\nnothing was run\n',
    )
    assert shop.redis.keys("*shop*") == []


def test_args_may_be_given_as_one_json_object(shop: ProjectHere) -> None:
    said = shop("program", "run", "buy", '--pool={"item": "x"}', "--dry-run", "--format=json")
    assert said.json == {"program": "buy", "pool": {"item": "x", "qty": 1}}


@pytest.mark.parametrize(
    ("words", "errors"),
    [
        (["--qty=two"], ["--item: is missing", "--qty: "]),
        (["--item=x", "--size=1"], ["--size: is not known; there are item, qty"]),
        (['--pool={"qty": true}'], ["--item: is missing", "--qty: "]),
        (["--pool=[1]"], ["--pool has to be a JSON object"]),
        (["--pool={"], ["--pool is not valid JSON"]),
        (
            ['--pool={"item": "x"}', "--qty=1"],
            ["--pool has all args, so --qty cannot stand beside"],
        ),
        (["--item=x", "--service=shup"], ["'shup' does not run buy; these do: shop"]),
    ],
)
def test_wrong_args_are_told_all_at_once_and_nothing_is_sent(
    shop: ProjectHere, words: list[str], errors: list[str]
) -> None:
    said = shop("program", "run", "buy", *words)
    assert (said.code, said.out) == (2, "")
    lines = said.err.splitlines()
    assert len(lines) == len(errors)
    assert all(error in line for error, line in zip(errors, lines, strict=True))


def test_a_program_that_no_service_runs_is_not_run(shop: ProjectHere) -> None:
    said = shop("program", "run", "ship")
    assert said.code == 2
    assert "no service runs ship; give one `program: ship`" in said.err


UNDO = {"step": "a", "kind": "undo", "how": "again"}


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({}, ["failed: s: no"]),
        ({"trace": [UNDO]}, ["undone: s: no"]),
        ({"trace": [UNDO], "left": ["a"]}, ["half undone: s: no", "left: a"]),
        ({"trace": [], "left": ["b", "c"]}, ["stuck: s: no", "left: b", "left: c"]),
    ],
)
def test_how_a_run_ended_is_told_in_a_word(
    capsys: pytest.CaptureFixture[str], more: dict[str, Any], said: list[str]
) -> None:
    assert told({"ok": False, "error": {"step": "s", "text": "no"}, **more}) == 1
    assert capsys.readouterr().err.splitlines() == [f"botcannon: {line}" for line in said]


# --- how a run looks


def line(step: str, how: str = "", kind: str = "run", **more: Any) -> dict[str, Any]:
    ended = {"how": how, "took": 0.5} if how else {}
    return {"step": step, "kind": kind, "began": 100.0, **ended, **more}


def rows(trace: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    return [(one.how, one.name, one.said) for one in sketch(["a", "b", "a"], trace, 103.0)]


def test_a_sketch_has_what_is_done_what_runs_and_what_is_to_come() -> None:
    assert rows([line("a", "done"), line("b")]) == [
        ("done", "a", "0.50 s"),
        ("running", "b", "3.00 s"),
        ("waiting", "a", ""),
    ]


def test_a_step_that_is_tried_again_is_one_row() -> None:
    trace = [line("a", "again"), line("a", "killed"), line("a", "done", in_doubt=True), line("b")]
    assert [how for how, _, _ in rows(trace)] == ["done", "running", "waiting"]
    assert rows(trace)[0][2] == "0.50 s, in doubt"


def test_what_is_undone_comes_below_and_what_never_ran_is_left_out() -> None:
    trace = [line("a", "done"), line("b", "failed"), line("c", "done", "undo", of="a")]
    assert [(how, name) for how, name, _ in rows(trace)] == [
        ("done", "a"),
        ("failed", "b"),
        ("done", "undo c"),
    ]


def test_in_a_pipe_each_thing_that_ended_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    told, trace = Told(), [line("a", "done"), line("b")]
    told.show(trace)
    told.show(trace)
    told.show([*trace[:1], line("b", "failed"), line("c", "done", "undo", of="a")])
    assert capsys.readouterr().out.splitlines() == [
        "run   done     a  0.50 s",
        "run   failed   b  0.50 s",
        "undo  done     c (of a)  0.50 s",
    ]
