"""The verb `shell`. It imports the user's modules, so most tests run it in a process of its own."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.project_here import COMPOSE, SECRET, ProjectHere

ROOT = Path(__file__).resolve().parents[2]


def shell(project: ProjectHere, *words: str) -> subprocess.CompletedProcess[str]:
    return run(project, "shell", *words)


def run(project: ProjectHere, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", "botcannon_core.cli.main", *words]
    return subprocess.run(
        command,
        cwd=project.folder,
        env={
            "PATH": "/usr/bin:/bin",
            "PYTHONPATH": str(ROOT),
            "BOTCANNON_STORE": f"unix://{project.store.address.removeprefix('unix://')}",
            SECRET: "s3cr3t",
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_command_runs_here_with_the_shells_kwargs(project: ProjectHere) -> None:
    said = shell(project, "work", "repeat", "ab", "--mark=?")
    assert (said.returncode, said.stdout, said.stderr) == (0, "abab?\n", "")


def test_a_shell_gets_its_ledger(project: ProjectHere) -> None:
    project.add("data", {"text": "one"})
    assert shell(project, "work", "count").stdout == "1\n"


def test_a_command_that_raises_shows_its_authors_lines_and_no_secret(project: ProjectHere) -> None:
    said = shell(project, "work", "fail")
    assert said.returncode == 1
    assert said.stdout == ""
    assert said.stderr.endswith("RuntimeError: no *** today\n")
    assert "fire" not in said.stderr
    assert "botcannon_core" not in said.stderr


def test_an_unknown_command_is_a_mistake_of_usage(project: ProjectHere) -> None:
    said = shell(project, "work", "nope")
    assert said.returncode == 2
    assert "repeat" in said.stderr


def test_a_service_without_a_shell_is_refused(project: ProjectHere) -> None:
    said = project("shell", "bare", "x")
    assert said.code == 2
    assert "these have one: work" in said.err


def test_a_shell_that_lacks_its_secret_is_not_built(
    project: ProjectHere, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(SECRET)
    said = project("shell", "work", "count")
    assert said.code == 2
    assert SECRET in said.err


def test_a_shell_whose_file_is_missing_is_a_problem_with_its_line(project: ProjectHere) -> None:
    project.write("cannon-compose.yml", COMPOSE.replace("shell: {file: bot", "shell: {file: bto"))
    said = shell(project, "work", "count")
    assert said.returncode == 2
    assert "cannon-compose.yml:5: services.work.shell.file: no 'bto.py' in app/" in said.stderr
