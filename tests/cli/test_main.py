"""From a command line to an exit code and a line for people."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from botcannon_core.cli import main as entry
from botcannon_core.cli import verbs
from botcannon_core.cli.signature import slots, usage
from botcannon_core.cli.verbs import GROUPS, VERBS, function_of
from botcannon_core.errors import ComposeError, Problem, StoreError

HERE = Path(verbs.__file__).parent
FOUND = [name for name, verb in VERBS.items() if list(HERE.glob(f"{verb.module}*"))]


@pytest.fixture
def verb(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Let `go` be a verb that does what the test says, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BOTCANNON_DEBUG", raising=False)
    known = {"go": None}

    def set_verb(function):
        known["go"] = function

    monkeypatch.setattr(entry, "function_of", known.__getitem__)
    return set_verb


def raising(error: BaseException):
    def go() -> None:
        raise error

    return go


def test_a_verb_that_returns_nothing_ends_well(verb) -> None:
    verb(lambda: None)
    assert entry.exit_code(["go"]) == 0


def test_a_verb_says_its_exit_code(verb) -> None:
    verb(lambda: 1)
    assert entry.exit_code(["go"]) == 1


def test_an_error_is_told_in_one_line_with_its_own_exit_code(verb, capsys) -> None:
    verb(raising(StoreError("redis://x: connection refused")))
    assert entry.exit_code(["go"]) == 3
    assert capsys.readouterr() == ("", "botcannon: redis://x: connection refused\n")


def test_every_problem_has_its_own_line(verb, capsys) -> None:
    verb(
        raising(ComposeError([Problem("a.yml", 1, "x", "bad"), Problem("a.yml", 2, "y", "worse")]))
    )
    assert entry.exit_code(["go"]) == 2
    assert capsys.readouterr().err == "botcannon: a.yml:1: x: bad\nbotcannon: a.yml:2: y: worse\n"


def test_an_interrupt_is_quiet(verb, capsys) -> None:
    verb(raising(KeyboardInterrupt()))
    assert entry.exit_code(["go"]) == 130
    assert capsys.readouterr() == ("", "")


def test_an_unexpected_error_is_one_line_and_a_kept_traceback(verb, capsys, tmp_path: Path) -> None:
    verb(raising(ZeroDivisionError("oh")))
    assert entry.exit_code(["go"]) == 1
    line = capsys.readouterr().err
    assert line.startswith(
        "botcannon: unexpected ZeroDivisionError: oh (traceback: .botcannon/log/"
    )
    (kept,) = (tmp_path / ".botcannon" / "log").iterdir()
    assert "raise error" in kept.read_text()
    assert (tmp_path / ".botcannon").stat().st_mode & 0o077 == 0


def test_an_unexpected_error_is_shown_where_nothing_can_be_written(verb, capsys, tmp_path) -> None:
    (tmp_path / ".botcannon").write_text("in the way")
    verb(raising(ZeroDivisionError("oh")))
    assert entry.exit_code(["go"]) == 1
    assert "raise error" in capsys.readouterr().err


def test_debugging_shows_the_traceback_itself(verb, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOTCANNON_DEBUG", "1")
    verb(raising(ZeroDivisionError("oh")))
    with pytest.raises(ZeroDivisionError):
        entry.exit_code(["go"])


def test_help_of_a_verb_is_printed_and_the_verb_not_run(verb, capsys) -> None:
    def go(*, loud: bool = False) -> None:
        """Go there."""
        raise AssertionError("it ran")

    verb(go)
    assert entry.exit_code(["go", "--loud", "--help"]) == 0
    assert capsys.readouterr().out == "usage: botcannon go [--loud]\n\nGo there.\n"


@pytest.mark.parametrize(
    "words", [["--file=x.yml", "go"], ["--file", "x.yml", "go"], ["go", "--file=x.yml"]]
)
def test_the_compose_file_may_be_named_before_or_after_the_verb(verb, capsys, words) -> None:
    def go(*, file: str | None = None) -> None:
        print(file)

    verb(go)
    assert entry.exit_code(words) == 0
    assert capsys.readouterr().out == "x.yml\n"


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["vesrion"], "unknown verb 'vesrion'; did you mean 'version'?"),
        (["zzz"], "unknown verb 'zzz'; `botcannon help` lists them"),
        ([], "say what to do: `botcannon help` lists the verbs"),
        (["--file"], "--file needs the name of a compose file"),
        (
            ["--loud", "version"],
            "unknown option '--loud' before the verb; only --file may stand there",
        ),
        (["version", "--file=x"], "version: unknown option '--file'; usage: botcannon version"),
    ],
)
def test_a_command_that_is_none_is_refused(words: list[str], text: str, capsys) -> None:
    assert entry.exit_code(words) == 2
    assert capsys.readouterr().err == f"botcannon: {text}\n"


def test_a_reader_that_went_away_is_no_news() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer) as closed:
        ended = subprocess.run(
            [sys.executable, "-m", "botcannon_core.cli.main", "help"],
            stdout=closed,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
        )
    assert (ended.returncode, ended.stderr) == (141, "")


def test_asking_the_version_imports_neither_the_store_nor_fire() -> None:
    code = (
        "import sys; from botcannon_core.cli.main import exit_code; exit_code(['version']); "
        "sys.exit(' '.join({'redis', 'fire', 'yaml', 'psutil', 'asyncio'} & sys.modules.keys()) or 0)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], stderr=subprocess.PIPE, text=True, timeout=60
    )
    assert (ended.returncode, ended.stderr) == (0, "")


def test_every_verb_is_in_one_group() -> None:
    assert sorted(name for group in GROUPS.values() for name in group) == sorted(VERBS)


@pytest.mark.parametrize("name", FOUND)
def test_a_verb_is_found_and_explains_itself(name: str) -> None:
    function = function_of(name)
    assert function.__doc__
    assert usage(name, function).startswith(f"botcannon {name}")
    assert all(slot.type is not None for slot in slots(function))
