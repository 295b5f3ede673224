"""Locking secrets away: with which key, and what is said when it is not the right one."""

import os
import sys
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from botcannon_core.errors import StoreError
from botcannon_core.ledger.secrets import Box

SECRET = "pa55-ä-word"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("BOTCANNON_KEY", raising=False)
    return tmp_path / ".botcannon"


def test_a_locked_secret_opens_again_in_another_process(folder: Path):
    token = Box(folder).lock(SECRET, "x")
    assert SECRET not in token
    assert Box(folder).open(token, "x") == SECRET


def test_the_key_is_made_once_and_only_its_user_may_read_it(folder: Path):
    Box(folder).lock(SECRET, "x")
    key = (folder / "secret.key").read_text()
    Box(folder).lock(SECRET, "x")
    assert (folder / "secret.key").read_text() == key
    assert (folder / "secret.key").stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700
    assert sorted(p.name for p in folder.iterdir()) == [".gitignore", "secret.key"]


def test_a_key_that_others_could_read_is_closed_to_them(folder: Path):
    token = Box(folder).lock(SECRET, "x")
    (folder / "secret.key").chmod(0o644)
    Box(folder).open(token, "x")
    assert (folder / "secret.key").stat().st_mode & 0o777 == 0o600


def test_of_two_commands_that_make_a_key_at_once_one_wins(folder: Path, monkeypatch):
    real_link = os.link
    others = []

    def link(source: Path, target: Path) -> None:
        monkeypatch.setattr(os, "link", real_link)
        others.append(Box(folder).lock(SECRET, "x"))  # the other command is a moment faster
        real_link(source, target)

    monkeypatch.setattr(os, "link", link)
    mine = Box(folder).lock(SECRET, "x")
    assert [Box(folder).open(token, "x") for token in (mine, *others)] == [SECRET, SECRET]


def test_the_environments_key_wins_and_makes_no_file(folder: Path, monkeypatch):
    monkeypatch.setenv("BOTCANNON_KEY", Fernet.generate_key().decode())
    token = Box(folder).lock(SECRET, "x")
    assert Box(folder).open(token, "x") == SECRET
    assert not folder.exists()


def test_another_key_is_told_without_the_secret(folder: Path, monkeypatch):
    token = Box(folder).lock(SECRET, "x")
    monkeypatch.setenv("BOTCANNON_KEY", Fernet.generate_key().decode())
    with pytest.raises(StoreError, match="secret x was saved with another key") as caught:
        Box(folder).open(token, "x")
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_secret_opens_only_where_it_was_locked_for(folder: Path):
    box = Box(folder)
    with pytest.raises(StoreError, match="another key"):
        box.open(box.lock(SECRET, "password"), "greeting")


def test_opening_never_makes_a_key(folder: Path, tmp_path: Path):
    token = Box(tmp_path / "elsewhere").lock(SECRET, "x")
    with pytest.raises(StoreError, match=r"no key to the secret x.*BOTCANNON_KEY"):
        Box(folder).open(token, "x")
    assert not folder.exists()


@pytest.mark.parametrize("key", ["short", "ä" * 44, "=" * 44])
def test_a_key_that_is_none_is_told(folder: Path, key: str, monkeypatch):
    monkeypatch.setenv("BOTCANNON_KEY", key)
    with pytest.raises(StoreError, match="is no key") as caught:
        Box(folder).lock(SECRET, "x")
    assert key not in str(caught.value)


def test_without_the_package_it_is_told_what_to_install(folder: Path, monkeypatch):
    monkeypatch.setitem(sys.modules, "cryptography.fernet", None)
    with pytest.raises(StoreError, match=r"botcannon\[secrets\]"):
        Box(folder).lock(SECRET, "x")


def test_a_folder_that_cannot_be_written_is_told(folder: Path):
    folder.write_text("a file is in the way")
    with pytest.raises(StoreError, match="cannot be read"):
        Box(folder).lock(SECRET, "x")
