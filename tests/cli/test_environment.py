"""The environment's parts that need no environment: the stamp, the clearing, the failures of pip."""

from pathlib import Path

import pytest

from botcannon_core.cli import environment
from botcannon_core.cli.environment import Environment, Stamp
from botcannon_core.cli.installing import Shop, refusal

STAMP = Stamp("/a b", "1 2/3 4", ("terminal", "secrets"), "/a b/.venv/lib", "python3.12")


@pytest.fixture
def env(tmp_path: Path) -> Environment:
    (tmp_path / ".venv").mkdir()
    return Environment(tmp_path, lock=-1)


def test_a_stamp_is_read_as_it_was_written(env: Environment) -> None:
    env.write(STAMP)
    assert env.stamp() == STAMP


@pytest.mark.parametrize("text", ["", "/a b", "/a b\n1 2", "\xff"])
def test_a_torn_stamp_is_none(env: Environment, text: str) -> None:
    (env.folder / "stamp").write_bytes(text.encode("latin-1"))
    assert env.stamp() is None


@pytest.mark.parametrize(
    ("wanted", "served"),
    [
        (Stamp("/a b", "1 2/3 4", ("terminal",)), True),
        (Stamp("/a b", "1 2/3 4", ("terminal", "test")), False),
        (Stamp("/a b", "1 2/3 5", ("terminal",)), False),
        (Stamp("/b", "1 2/3 4", ("terminal",)), False),
    ],
)
def test_an_environment_serves_what_it_was_made_for(wanted: Stamp, served: bool) -> None:
    assert STAMP.serves(wanted) is served


def test_clearing_leaves_an_empty_folder(env: Environment) -> None:
    for name in ("setup.log", "stamp", "lib/x"):
        (env.folder / name).parent.mkdir(exist_ok=True)
        (env.folder / name).touch()
    (env.folder / "link").symlink_to(env.checkout)
    environment._clear(env.folder)
    assert list(env.folder.iterdir()) == []
    assert env.checkout.exists()


def test_the_dependencies_are_those_of_pyproject_with_the_extras(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        "[project]\ndependencies = ['a[b]>=1']\n[project.optional-dependencies]\nt = ['c']\nu = ['d']\n"
    )
    assert environment._dependencies(tmp_path, ["t"]) == ["a[b]>=1", "c"]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            "WARNING: Retrying after connection broken by 'x'\nERROR: No matching",
            "cannot be reached",
        ),
        (
            "ERROR: Could not find x (from versions: none)\nERROR: No",
            "x (from versions: none); the package",
        ),
        ("ERROR: Cannot install x==2 because\nERROR: ResolutionImpossible", "Cannot install x==2"),
        ("", "pip failed"),
    ],
)
def test_a_failure_of_pip_is_one_line_that_names_its_log(said: str, told: str) -> None:
    line = refusal(said, Path("/x/setup.log"))
    assert told in line
    assert "/x/setup.log" in line
    assert "\n" not in line


def test_a_command_gets_no_input_and_its_output_is_kept(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "setup.log", -1)
    assert shop.run(["sh", "-c", "cat; echo out; echo err >&2; exit 3"]) == (3, "out\nerr\n")
    assert (tmp_path / "setup.log").read_text().endswith("out\nerr\n")


def test_settings_that_lead_elsewhere_are_not_passed_on(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("PIP_TARGET", "/elsewhere")
    monkeypatch.setenv("PIP_INDEX_URL", "kept")
    shop = Shop(tmp_path / "setup.log", -1)
    assert shop.run(["sh", "-c", "echo $PIP_TARGET $PIP_INDEX_URL"]) == (0, "kept\n")


def test_a_command_keeps_the_lock_while_it_lives(tmp_path: Path) -> None:
    with environment._locked(tmp_path) as lock:
        shop = Shop(tmp_path / "setup.log", lock)
        assert shop.run(["sh", "-c", f"test -d /dev/fd/{lock} && echo held"]) == (0, "held\n")


def test_nothing_is_installed_for_requirements_that_are_only_remarks(
    env: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app/requirements.txt").write_text("# nothing\n\n")
    monkeypatch.chdir(tmp_path)
    environment._install_requirements(env, STAMP, "1 2")
    assert env.requirement("1 2").exists()
    assert not env.shop.log.exists()
