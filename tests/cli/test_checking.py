"""The verb `config`."""

import pytest
import yaml

from tests.cli.project_here import BROKEN, COMPOSE, SECRET, ProjectHere


def test_config_prints_every_value_with_secrets_hidden(project: ProjectHere) -> None:
    said = project("config")
    assert (said.code, said.err) == (0, "")
    work = yaml.safe_load(said.out)["services"]["work"]
    assert work["shell"]["conf"] == {"key": "keys", "kwargs": {"token": "***", "times": 2}}
    assert work["stop_grace"] == "10s"
    assert "s3cr3t" not in said.out


def test_what_config_prints_means_the_same_again(project: ProjectHere) -> None:
    project.write("cannon-compose.yml", COMPOSE.replace("'!!SECRET!!'", "plain"))
    first = project("config")
    project.write("again.yml", first.out)
    assert project("config", "--file=again.yml").out == first.out


def test_config_tells_all_problems_and_shows_the_sound_services(project: ProjectHere) -> None:
    project.write("cannon-compose.yml", COMPOSE.replace("entry: Work", "entry: Wrok") + BROKEN)
    said = project("config")
    assert said.code == 2
    assert list(yaml.safe_load(said.out)["services"]) == ["work", "bare"]
    assert "did you mean 'Work'" in said.err
    assert "services.bad.collector: lacks the key 'entry'" in said.err
    assert "services.bad.frobnicate: unknown key" in said.err


def test_config_tells_of_a_secret_that_is_not_known_yet(
    project: ProjectHere, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(SECRET)
    said = project("config")
    assert said.code == 0
    assert SECRET in said.err
    assert yaml.safe_load(said.out)["services"]["work"]["shell"]["conf"]["kwargs"]["token"] == "***"


def test_config_shows_no_password_of_the_store(
    project: ProjectHere, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.write("cannon-compose.yml", "store: redis://:hush@host:1/0\n" + COMPOSE)
    said = project("config")
    assert "redis://:***@host:1/0" in said.out
    assert "hush" not in said.out + said.err
    monkeypatch.delenv("BOTCANNON_STORE")


def test_config_of_an_empty_file_is_a_problem(project: ProjectHere) -> None:
    project.write("cannon-compose.yml", "")
    said = project("config")
    assert (said.code, said.out) == (2, "")
    assert "is empty" in said.err


def test_config_without_a_store_still_checks_the_file(
    project: ProjectHere, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOTCANNON_STORE", f"unix://{project.folder}/no.sock")
    said = project("config")
    assert said.code == 0
    assert "no.sock" in said.err
