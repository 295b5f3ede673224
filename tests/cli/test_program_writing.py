"""The actions `new` and `import` of the verb `program`: they add, and change nothing that is there."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.project_here import ProjectHere

SPEC: dict[str, Any] = {
    "name": "My Shop",
    "programs": {
        "buy": {
            "hooks": ["hooks.reserve", "hooks.ship"],
            "args": {"item": {"type": "string", "required": True, "description": "what"}},
            "outputs": {"order": {"type": "string", "required": True, "description": "it"}},
        }
    },
    "hooks": {
        "reserve": {
            "reference": "shop.hooks.stock.reserve",
            "args": {},
            "rectifiers": ["hooks.release"],
        },
        "release": {"reference": "shop.hooks.stock.release", "args": {}},
        "ship": {"reference": "shop.hooks.post.ship", "args": {}},
    },
}


def texts(folder: Path) -> dict[str, str]:
    """Every file of the project that is text of ours."""
    found = [folder / "cannon-compose.yml", *sorted((folder / "app").rglob("*.py"))]
    return {str(path.relative_to(folder)): path.read_text() for path in found if path.exists()}


def imported(project: ProjectHere, spec: Any = SPEC, *words: str) -> Any:
    project.write("ryu_spec.json", spec if isinstance(spec, str) else json.dumps(spec))
    return project("program", "import", "ryu_spec.json", *words)


def test_new_begins_a_program_that_can_be_shown_at_once(project: ProjectHere) -> None:
    before = texts(project.folder)
    said = project("program", "new", "buy")
    assert said.code == 0
    assert "added: the program buy to cannon-compose.yml, its steps to app/buy.py\n" in said.out
    after = texts(project.folder)
    assert before.items() - after.items() == {("cannon-compose.yml", before["cannon-compose.yml"])}
    assert "    # What comes out:" in after["cannon-compose.yml"]
    assert project("program", "run", "buy", "--item=x", "--dry-run").code == 0


def test_new_keeps_every_line_of_the_compose_file(project: ProjectHere) -> None:
    before = texts(project.folder)["cannon-compose.yml"].splitlines()
    project("program", "new", "buy")
    after = texts(project.folder)["cannon-compose.yml"].splitlines()
    assert [line for line in after if line in before] == before


def test_a_second_new_program_is_run_by_the_same_service(project: ProjectHere) -> None:
    project("program", "new", "buy")
    said = project("program", "new", "sell")
    assert "note: the service buy runs it, too\n" in said.out
    rows = project("program", "ls", "--format=json").json
    assert [(row["program"], row["services"]) for row in rows] == [
        ("buy", ["buy"]),
        ("sell", ["buy"]),
    ]


def test_new_makes_a_compose_file_where_there_is_none(project: ProjectHere) -> None:
    (project.folder / "cannon-compose.yml").unlink()
    assert project("program", "new", "buy").code == 0
    assert list(yaml.safe_load(texts(project.folder)["cannon-compose.yml"])) == [
        "programs",
        "services",
    ]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Buy", "'Buy' cannot be"),
        ("../x", "'../x' cannot be"),
        ("bot", "app/bot.py is there already; nothing was written"),
        ("taken", "there is a program 'taken' already; nothing was written"),
        ("socket", "app/socket.py would stand in the place of the built-in 'socket'"),
        ("run_program", "in the place of the built-in 'run_program'; take another name"),
    ],
)
def test_new_writes_over_nothing(project: ProjectHere, name: str, text: str) -> None:
    project.write("cannon-compose.yml", "programs: {taken: {steps: [{file: a, entry: b}]}}\n")
    before = texts(project.folder)
    said = project("program", "new", name)
    assert said.code == 2
    assert text in said.err
    assert texts(project.folder) == before


def test_import_makes_programs_steps_and_stubs(project: ProjectHere) -> None:
    (project.folder / "cannon-compose.yml").unlink()
    said = imported(project)
    assert (said.code, said.err) == (0, "")
    assert said.out.splitlines()[:2] == [
        "added: programs buy",
        "added: steps reserve, release, ship",
    ]
    found = texts(project.folder)
    assert "def reserve" in "".join(found.values())
    tree = project("program", "graph", "buy").out
    assert "reserve   undo: release" in tree


def test_importing_again_adds_only_what_is_new_and_keeps_edits(project: ProjectHere) -> None:
    imported(project)
    edited = texts(project.folder)
    path = next(name for name, text in edited.items() if "def ship" in text)
    project.write(path, edited[path].replace("def ship", "# mine\ndef ship"))
    edited = texts(project.folder)
    assert imported(project).out == "nothing to add: all of it is there\n"
    assert texts(project.folder) == edited
    more = json.loads(json.dumps(SPEC))
    more["hooks"]["thank"] = {"reference": "shop.hooks.post.thank", "args": {}}
    more["programs"]["thank_you"] = {"hooks": ["hooks.thank"], "args": {}, "outputs": {}}
    said = imported(project, more)
    assert "added: steps thank\n" in said.out
    assert edited[path] in texts(project.folder)[path]


def test_a_dry_import_writes_nothing(project: ProjectHere) -> None:
    before = texts(project.folder)
    said = imported(project, SPEC, "--dry-run")
    assert "would add: programs buy\n" in said.out
    assert "would write: cannon-compose.yml\n" in said.out
    assert texts(project.folder) == before


def test_what_is_wrong_with_a_specification_is_told_at_once(project: ProjectHere) -> None:
    wrong = json.loads(json.dumps(SPEC))
    wrong["programs"]["buy"]["hooks"] = ["hooks.reserv"]
    wrong["hooks"]["release"]["args"] = {"x": {"type": "strin", "required": True}}
    before = texts(project.folder)
    said = imported(project, wrong)
    assert said.code == 2
    assert "reserv" in said.err
    assert "strin" in said.err
    assert texts(project.folder) == before


@pytest.mark.parametrize("words", [["nowhere.json"], ["app"], ["bad.json"]])
def test_a_file_that_cannot_be_read_is_said_so(project: ProjectHere, words: list[str]) -> None:
    (project.folder / "bad.json").write_bytes(b"\xff\xfe")
    said = project("program", "import", *words)
    assert said.code == 2
    assert said.err.startswith(f"botcannon: program import: {words[0]}: ")
    assert len(said.err.splitlines()) == 1


def test_a_file_that_is_written_keeps_who_may_read_it(project: ProjectHere) -> None:
    path = project.folder / "cannon-compose.yml"
    path.chmod(0o640)
    project("program", "new", "buy")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert stat.S_IMODE((project.folder / "app" / "buy.py").stat().st_mode) & 0o077 != 0


def test_a_module_keeps_its_own_line_ends(project: ProjectHere) -> None:
    imported(project)
    path = next(
        path for path in (project.folder / "app").rglob("*.py") if b"def ship" in path.read_bytes()
    )
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    more = json.loads(json.dumps(SPEC))
    more["hooks"]["thank"] = {"reference": "shop.hooks.post.thank", "args": {}}
    more["programs"]["thank_you"] = {"hooks": ["hooks.thank"], "args": {}, "outputs": {}}
    assert imported(project, more).code == 0
    after = path.read_bytes()
    assert b"def thank" in after
    assert after.count(b"\n") == after.count(b"\r\n")
