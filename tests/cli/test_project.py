"""The verbs about the project itself: init, test, version, help."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from botcannon_core.cli import project
from botcannon_core.cli.verbs import VERBS
from botcannon_core.errors import UsageError

ROOT = Path(__file__).resolve().parents[2]
LAID_OUT = {
    ".gitignore",
    "app/bot.py",
    "app/requirements.txt",
    "cannon-compose.yml",
    "pytest.ini",
    "tests/conftest.py",
    "tests/test_bot.py",
}


def files_of(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


class Steps:
    """Stands for the commands that `test` runs: remembers them, fails those that it is told to."""

    def __init__(self, *failing: str) -> None:
        self.failing = failing
        self.ran: list[tuple[str, ...]] = []

    def __call__(self, *words: str) -> int:
        self.ran.append(words)
        return int(any(name in words for name in self.failing))

    @property
    def tools(self) -> list[str]:
        return [words[1] for words in self.ran]


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, which looks like botcannon's own checkout."""
    main = tmp_path / "botcannon_core" / "cli" / "main.py"
    main.parent.mkdir(parents=True)
    main.touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def steps(monkeypatch: pytest.MonkeyPatch, *failing: str) -> Steps:
    run = Steps(*failing)
    monkeypatch.setattr(project, "_python", run)
    return run


def test_init_lays_out_a_project(tmp_path: Path, capsys) -> None:
    project.init(tmp_path / "new" / "bot")
    assert files_of(tmp_path / "new" / "bot") == LAID_OUT
    assert " up\n" in capsys.readouterr().out


def test_init_overwrites_nothing(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "bot.py").write_text("mine")
    with pytest.raises(UsageError, match=r"has app/bot\.py already; nothing was written"):
        project.init(tmp_path)
    assert files_of(tmp_path) == {"app/bot.py"}
    assert (tmp_path / "app" / "bot.py").read_text() == "mine"


def test_init_says_what_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "bot").write_text("a file")
    with pytest.raises(UsageError, match="cannot write"):
        project.init(tmp_path / "bot")


@pytest.mark.parametrize(
    "tool", [["pytest"], ["ruff", "check"], ["mypy", "--strict"]], ids=" ".join
)
def test_what_init_lays_out_is_in_order(tmp_path: Path, tool: list[str]) -> None:
    project.init(tmp_path)
    typed = ["--explicit-package-bases", "--follow-imports=silent", "app", "tests"]
    words = [sys.executable, "-P", "-m", *tool, *(typed if tool[0] == "mypy" else ["."])]
    found = {"PYTHONPATH": str(ROOT), "MYPYPATH": str(ROOT)}  # as if it were installed
    ended = subprocess.run(
        words, cwd=tmp_path, env=os.environ | found, capture_output=True, text=True, timeout=100
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_our_own_tests_begin_with_format_lint_and_types(checkout, monkeypatch) -> None:
    run = steps(monkeypatch)
    assert project.test() == 0
    assert run.tools == ["ruff", "ruff", "mypy", "pytest"]


@pytest.mark.parametrize("failing", ["format", "check", "mypy", "pytest"])
def test_all_steps_run_even_when_one_fails(checkout, monkeypatch, failing: str) -> None:
    run = steps(monkeypatch, failing)
    assert project.test() == 1
    assert len(run.ran) == 4


def test_a_failed_step_is_named_at_the_end(checkout, monkeypatch, capsys) -> None:
    steps(monkeypatch, "mypy")
    project.test()
    assert capsys.readouterr().out.endswith("failed besides the tests: types\n")


@pytest.mark.parametrize(
    ("words", "markers"),
    [((), "not chaos and not fuzz"), (("chaos",), "chaos"), (("fuzz",), "fuzz"), (("all",), "")],
)
def test_a_word_chooses_the_tests(checkout, monkeypatch, words, markers: str) -> None:
    run = steps(monkeypatch)
    project.test(*words)
    pytest_words = run.ran[-1]
    assert pytest_words[pytest_words.index("-m", 1) + 1] == markers


def test_two_choices_are_refused(checkout) -> None:
    with pytest.raises(UsageError, match="choose one of chaos, fuzz, all"):
        project.test("chaos", "fuzz")


def test_paths_run_those_tests_alone(checkout, monkeypatch) -> None:
    run = steps(monkeypatch)
    project.test("tests/compose", "-k", "reader")
    assert run.tools == ["pytest"]
    assert run.ran[0][-3:] == ("tests/compose", "-k", "reader")


def test_a_users_project_runs_its_own_tests(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "tests").mkdir()
    monkeypatch.chdir(tmp_path)
    run = steps(monkeypatch)
    project.test()
    assert run.ran == [("-m", "pytest", "tests")]


def test_a_folder_without_tests_is_refused(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="no tests/ in"):
        project.test()


def test_help_fits_one_screen_and_names_every_verb() -> None:
    lines = project.overview().splitlines()
    assert len(lines) <= 34
    assert max(map(len, lines)) <= 80
    assert [name for name in VERBS if not any(line.split()[:1] == [name] for line in lines)] == []


def test_help_explains_one_verb(capsys) -> None:
    project.help_("init")
    assert capsys.readouterr().out.startswith("usage: botcannon init FOLDER\n")


def test_help_of_an_unknown_verb_suggests_one() -> None:
    with pytest.raises(UsageError, match="did you mean 'init'"):
        project.help_("inti")


def test_version_names_botcannon_and_python(capsys) -> None:
    project.version()
    assert capsys.readouterr().out.startswith("botcannon 0.")
