"""A ryuso specification becomes programs, steps and stubs; a second time only what is new."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from botcannon_core.compose.reader import read
from botcannon_core.programs.importing import Imported, SpecError, imported
from botcannon_core.programs.plan import resolve

NEEDED = {"type": "string", "required": True}
SPEC: dict[str, Any] = {
    "name": "My Shop",
    "version": "1.0",
    "programs": {
        "buy": {
            "description": "Buy an item.",
            "hooks": ["hooks.reserve", "hooks.charge", "programs.send"],
            "args": {
                "item": NEEDED,
                "qty": {"type": "int", "required": False, "default": 1, "description": "how many"},
            },
            "outputs": {
                "order": NEEDED,
                "note": {"type": "str", "required": False, "default": "none"},
            },
        },
        "send": {"hooks": ["hooks.ship"], "args": {"item": NEEDED}, "outputs": {}},
        "refund": {"hooks": ["hooks.refund"], "args": {}, "outputs": {}},
    },
    "hooks": {
        "check stock": {"reference": "my_shop.hooks.stock.check", "args": {"item": NEEDED}},
        "reserve": {
            "reference": "my_shop.hooks.stock.reserve",
            "args": {"item": NEEDED},
            "dependencies": ["hooks.check stock"],
            "rectifiers": ["hooks.release"],
        },
        "release": {"reference": "my_shop.hooks.stock.release", "args": {}},
        "charge": {
            "reference": "bank.till.charge",
            "description": 'Take "the" money \\ now',
            "args": {"class": {"type": "list", "required": False}},
            "rectifiers": ["hooks.refund"],
        },
        "refund": {"reference": "bank.refund", "args": {}},
        "ship": {"reference": "ship", "args": {}},
        "tell": {"reference": "mail.tell", "args": {}},
        "idle": {"reference": "idle.idle", "args": {}},
    },
}
STOCK = '''\
"""Steps of my_shop."""


def check(message, results):
    """The hook check stock.

    my_shop.hooks.stock.check
    """
    item = results["item"]
    # fill in: what is returned is merged into the results
    return {}
'''


def changed(**parts: Any) -> str:
    """The specification with parts replaced, each named by its way: `hooks__ship__args`."""
    spec = deepcopy(SPEC)
    for way, value in parts.items():
        *steps, last = way.split("__")
        here = spec
        for step in steps:
            here = here[step]
        here[last] = value
    return json.dumps(spec)


def bring(spec: str, compose: str = "", files: dict[str, str] | None = None) -> Imported:
    return imported(spec, compose, files or {}, "spec.json")


def told(spec: str) -> list[str]:
    with pytest.raises(SpecError) as caught:
        bring(spec)
    return str(caught.value).splitlines()


def test_what_is_imported_is_a_compose_file_whose_programs_have_a_plan(tmp_path: Path) -> None:
    found = bring(json.dumps(SPEC))
    plans = resolve(yaml.safe_load(found.compose))
    assert list(plans.programs) == ["buy", "send", "refund"]
    assert plans.services == {"my_shop": ("buy", "send", "refund")}
    buy = plans.programs["buy"]
    assert [one.of for one in buy.order if one.kind == "run"] == [
        "check_stock",
        "reserve",
        "charge",
        "ship",
    ]
    assert buy.args.check({"item": "x"}) == {"item": "x", "qty": 1}
    assert plans.steps["charge"].undo == ("refund_step",)
    path = tmp_path / "cannon-compose.yml"
    path.write_text(found.compose)
    assert [str(problem) for problem in read(path).problems] == []


@pytest.mark.parametrize("name", ["socket", "run_program"])
def test_no_stub_stands_in_the_place_of_what_serves_and_runs_programs(name: str) -> None:
    spec = {
        "name": "shop",
        "programs": {"buy": {"hooks": ["hooks.a"], "args": {}, "outputs": {}}},
        "hooks": {"a": {"reference": f"shop.hooks.{name}.a", "args": {}}},
    }
    found = bring(json.dumps(spec))
    assert list(found.files) == [f"app/{name}_.py"]
    assert yaml.safe_load(found.compose)["steps"]["a"]["file"] == f"{name}_"


def test_stubs_are_grouped_by_the_way_of_their_references() -> None:
    found = bring(json.dumps(SPEC))
    assert sorted(found.files) == [
        "app/bank/__init__.py",  # it holds bank.till
        "app/bank/till.py",
        "app/my_shop.py",
        "app/stock.py",
    ]
    assert found.files["app/stock.py"].startswith(STOCK)
    for path, text in found.files.items():
        compile(text, path, "exec")


def test_every_stub_runs_as_it_is() -> None:
    for path, text in bring(json.dumps(SPEC)).files.items():
        names: dict[str, Any] = {}
        exec(compile(text, path, "exec"), names)
        stubs = [one for one in names.values() if callable(one)]
        assert stubs
        assert [stub({}, {"item": "x"}) for stub in stubs] == [{}] * len(stubs)


def test_what_no_program_comes_to_is_left_out_and_said() -> None:
    found = bring(json.dumps(SPEC))
    assert found.notes == (
        "the hook 'tell' is left out: no program comes to it",
        "the hook 'idle' is left out: no program comes to it",
    )
    assert "idle" not in found.compose


def test_a_second_import_changes_nothing() -> None:
    first = bring(json.dumps(SPEC))
    second = bring(json.dumps(SPEC), first.compose, dict(first.files))
    assert (second.compose, second.files, second.programs, second.steps) == (
        first.compose,
        {},
        (),
        (),
    )


def test_a_second_import_adds_what_is_new_and_keeps_every_edit() -> None:
    first = bring(json.dumps(SPEC))
    compose = first.compose.replace("steps: [ship]", "steps: [ship]  # mine").replace(
        "port: 60856", "port: 1234"
    )
    stock = first.files["app/stock.py"].replace("return {}", "return {'mine': 1}", 1)
    files = dict(first.files) | {"app/stock.py": stock}
    spec = changed(
        programs__tell={"hooks": ["hooks.tell", "hooks.count"], "args": {}, "outputs": {}},
        programs__buy__description="another text",
        hooks__count={"reference": "my_shop.hooks.stock.count", "args": {}},
    )
    second = bring(spec, compose, files)
    assert (second.programs, second.steps) == (("tell",), ("tell_step", "count"))
    assert second.files.keys() == {"app/stock.py", "app/mail.py"}
    assert second.files["app/stock.py"].startswith(stock.rstrip())
    assert "def count(" in second.files["app/stock.py"]
    assert "programs: [buy, send, refund, tell]" in second.compose
    for line in compose.splitlines():
        assert line in second.compose or line.strip().startswith("programs: [")
    assert "another text" not in second.compose
    assert set(resolve(yaml.safe_load(second.compose)).programs) == {
        "buy",
        "send",
        "refund",
        "tell",
    }


def test_a_function_that_is_there_is_not_written_again() -> None:
    mine = (
        "from lib import check\n\nclass reserve: ...\n\ntry:\n    release = 1\nfinally:\n    pass\n"
    )
    assert "app/stock.py" not in bring(json.dumps(SPEC), "", {"app/stock.py": mine}).files


def test_a_file_with_other_line_ends_grows_with_its_own() -> None:
    found = bring(json.dumps(SPEC), "", {"app/stock.py": "MINE = 1\r\nMORE = 2\r\n"})
    text = found.files["app/stock.py"]
    assert text.startswith("MINE = 1\r\nMORE = 2\r\n\r\n\r\ndef check(")
    assert text.count("\n") == text.count("\r\n")


def test_a_file_that_stands_where_a_folder_would_be_is_not_moved() -> None:
    found = bring(json.dumps(SPEC), "", {"app/bank.py": "MINE = 1\n"})
    assert found.files["app/bank.py"].startswith("MINE = 1\n\n\ndef refund(")
    assert "def charge(" in found.files["app/bank_till.py"]
    assert "file: bank_till" in found.compose


def test_a_folder_that_is_there_gets_the_functions_of_its_own_name() -> None:
    found = bring(json.dumps(SPEC), "", {"app/stock/old.py": ""})
    assert "app/stock/__init__.py" in found.files


def test_a_module_that_is_not_python_is_told_and_nothing_is_brought() -> None:
    with pytest.raises(SpecError, match=r"app/stock\.py:2: is not Python"):
        bring(json.dumps(SPEC), "", {"app/stock.py": "\ndef (\n"})


def test_a_compose_file_with_comments_and_secrets_keeps_them() -> None:
    chat = "chat: {collector: {file: t, entry: T, conf: {key: k, kwargs: {p: !!SECRET!!}}}}"
    mine = f"# mine\nservices:\n  {chat}\n"
    found = bring(json.dumps(SPEC), mine).compose
    assert found.startswith(mine + "  my_shop:\n")


def test_a_service_without_a_list_of_programs_is_left_alone_and_said() -> None:
    mine = "services:\n  my_shop: {collector: {file: t, entry: T}, program: buy}\n"
    found = bring(json.dumps(SPEC), mine)
    assert mine.strip() in found.compose
    assert (
        "has no list `programs`; it does not serve what is new: buy, send, refund"
        in found.notes[-1]
    )


def test_a_compose_file_that_cannot_be_added_to_is_said() -> None:
    with pytest.raises(SpecError, match="the compose file: `programs` is no mapping"):
        bring(json.dumps(SPEC), "programs: 5\n")


def test_everything_wrong_is_told_at_once_with_its_path() -> None:
    spec = changed(
        name="a/b",
        extra=1,
        hooks__release__dependencies=["hooks.reserve"],
        hooks__reserve__dependencies=["hooks.release", "hooks.chekc stock"],
        hooks__ship__args={
            "a": {"type": "in", "required": 1},
            "b": {"type": "float", "required": False, "default": "x"},
            "_c": NEEDED,
        },
        hooks__idle__reference="bank.refund",
        hooks__tell__reference="mail tell",
        programs__send__hooks=["hook.ship", "hooks.shp"],
        programs__refund={"hooks": [], "args": {}},
    )
    assert told(spec) == [
        "spec.json: extra: unknown key; there are name, version, programs, hooks",
        "spec.json: name: must be made of letters, digits, spaces, _ and -, at most 64",
        "spec.json: hooks.ship.args.a.type: is no type; did you mean 'int'?",
        "spec.json: hooks.ship.args.a.required: must be true or false, is a number",
        "spec.json: hooks.ship.args.b.default: must be a number, is text",
        "spec.json: hooks.ship.args._c: names with _ first are botcannon's",
        "spec.json: hooks.tell.reference: must be the way to a function, as shop.hooks.stock.reserve",
        "spec.json: programs.send.hooks[0]: must be written as `hooks.NAME` or `programs.NAME`",
        "spec.json: programs.refund: lacks the key 'outputs'",
        "spec.json: programs.refund.hooks: names no hook; there must be at least one",
        "spec.json: programs.send.hooks[1]: no hook 'shp'; did you mean 'ship'?",
        "spec.json: hooks.reserve.dependencies[1]: no hook 'chekc stock'; did you mean 'check stock'?",
        "spec.json: hooks.idle.reference: is the reference of 'refund' already",
        "spec.json: hooks.reserve: dependency cycle reserve -> release -> reserve",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "is no valid JSON"),
        ("[1]", "must be an object, is a list"),
        ("null", "must be an object, is null"),
        ('{"name": "x", "programs": [], "hooks": {}}', "programs: must be an object, is a list"),
        ('{"name": "a", "name": "b", "programs": {}, "hooks": {}}', "'name' stands twice"),
        ("[" * 100_000, "is nested too deeply"),
    ],
)
def test_a_text_that_is_no_specification_is_told(text: str, problem: str) -> None:
    assert problem in told(text)[0]


def test_a_hook_that_undoes_itself_is_a_cycle() -> None:
    assert told(changed(hooks__release__rectifiers=["hooks.release"]))[0].startswith(
        "spec.json: hooks.release"
    )


def test_a_program_that_cannot_be_asked_for_by_its_name_is_told() -> None:
    spec = changed(**{"programs__two words": SPEC["programs"]["refund"]})
    assert "clients ask for a program by its name" in told(spec)[0]


def test_every_type_of_ryuso_has_one_of_ours() -> None:
    types = {"string": "a", "str": "a", "int": 1, "float": 1, "bool": True, "list": [], "dict": {}}
    args = {f"x{n}": {"type": name, "required": True} for n, name in enumerate(types)}
    plans = resolve(yaml.safe_load(bring(changed(programs__refund__args=args)).compose))
    values = {f"x{n}": value for n, value in enumerate(types.values())}
    assert plans.programs["refund"].args.check(values) == values
