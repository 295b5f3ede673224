"""The verb `acl`. It imports the user's modules, so it is run in a process of its own."""

import subprocess

import pytest

from tests.cli.project_here import ProjectHere
from tests.cli.test_shelling import run

RULED = """\
services:
  work:
    collector: {file: ruled, entry: Quiet}
    shell: {file: ruled, entry: Shell}
    tasks: [{file: torch, entry: Torch}]
    acl:
      - {deny: 'deploy prod', who: 'user:*'}
      - {allow: 'deploy *', who: ['#ops/*', 'user:U1'], confirm: true}
"""
BOT = """\
class Quiet:
    def read(self): pass
class Shell:
    def deploy(self, env):
        print("NEVER")
"""


@pytest.fixture
def ruled(project: ProjectHere) -> ProjectHere:
    project.write("cannon-compose.yml", RULED)
    project.write("app/ruled.py", BOT)
    return project


def acl(project: ProjectHere, *words: str) -> subprocess.CompletedProcess[str]:
    return run(project, "acl", "work", *words)


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (
            ["deploy x", "--user=U2", "--room=ops"],
            0,
            "deploy x: allowed by rule 2: allow 'deploy *' to #ops/*, user:U1, after a yes\n",
        ),
        (["deploy x", "--user=U2"], 1, "deploy x: refused: no rule allows it\n"),
        (["deploy x", "--user=U2", "--room=ops", "--direct"], 1, "deploy x: refused: no rule all"),
        (["help", "--user=U2"], 0, "help: allowed; it lists what whoever asks may run\n"),
        (["deploy --help", "--user=U2"], 1, "deploy: refused: no rule allows it\n"),
        (["deploy --help", "--user=U1"], 0, "help: allowed"),
        (["deploy prod", "--user=U1"], 1, "deploy prod: refused by rule 1: deny 'deploy prod' to"),
    ],
)
def test_the_deciding_rule_is_told(
    ruled: ProjectHere, words: list[str], code: int, told: str
) -> None:
    said = acl(ruled, *words)
    assert (said.returncode, said.stderr) == (code, "")
    assert said.stdout.startswith(told)
    assert "NEVER" not in said.stdout


def test_what_is_no_command_is_a_mistake_of_usage(ruled: ProjectHere) -> None:
    said = acl(ruled, "deplyo x")
    assert (said.returncode, said.stdout) == (2, "")
    assert "unknown command 'deplyo', did you mean 'deploy'" in said.stderr
