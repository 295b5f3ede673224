"""Secrets as they are kept in the store: encrypted, with a key that is never in the store.

The key is BOTCANNON_KEY or the file `secret.key` in the project's `.botcannon`. The lock is Fernet, of
the package `cryptography`. Not here: where a secret comes from, nor which kwargs are secrets (`conf`).
"""

from __future__ import annotations

import json
import os
from base64 import urlsafe_b64encode
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from botcannon_core.errors import StoreError
from botcannon_core.ledger.embedded import make_private

if TYPE_CHECKING:
    from cryptography.fernet import Fernet

KEY_FILE = "secret.key"


class Box:
    """Locks secrets away and opens them again, with the key of one project.

    A locked secret opens only at the place it was locked for, so that nobody who can write to the
    store moves it to where it would be shown.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._fernet: Fernet | None = None

    def lock(self, secret: str, place: str) -> str:
        """`secret` as it may be stored; makes the key file if there is no key yet."""
        if self._fernet is None:
            self._fernet = _fernet(_given_key() or _key_in(self._folder) or _new_key(self._folder))
        return self._fernet.encrypt(json.dumps([place, secret]).encode()).decode()

    def open(self, token: str, place: str) -> str:
        """The secret that was locked for `place`. Raises StoreError if the key is missing or another."""
        if self._fernet is None:
            key = _given_key() or _key_in(self._folder)
            if key is None:
                raise StoreError(
                    f"there is no key to the secret {place}: it was saved elsewhere; give the key "
                    f"of that host ({KEY_FILE} in its .botcannon) as BOTCANNON_KEY"
                )
            self._fernet = _fernet(key)
        found = _opened(self._fernet, token)
        if found is None or found[0] != place:
            # from nothing: no error of the parts may carry a part of the secret
            raise StoreError(
                f"the secret {place} was saved with another key: give that one as BOTCANNON_KEY, "
                "or set the secret anew in its BOTCANNON_SECRET_... variable"
            )
        return found[1]


def _opened(fernet: Fernet, token: str) -> tuple[str, str] | None:
    from cryptography.fernet import InvalidToken  # an optional extra

    try:
        place, secret = json.loads(fernet.decrypt(token.encode()))
    except (InvalidToken, ValueError):
        return None
    return place, secret


def _fernet(key: str) -> Fernet:
    try:
        from cryptography.fernet import Fernet  # an optional extra
    except ImportError:
        raise StoreError(
            "secrets in the store need the package cryptography: pip install 'botcannon[secrets]'"
        ) from None
    try:
        return Fernet(key)
    except ValueError:
        raise StoreError(
            f"the key to the secrets is no key: BOTCANNON_KEY, or .botcannon/{KEY_FILE}, holds the "
            "44 characters that botcannon wrote into that file on the host that saved them"
        ) from None


def _given_key() -> str | None:
    return os.environ.get("BOTCANNON_KEY", "").strip() or None


def _key_in(folder: Path) -> str | None:
    path = folder / KEY_FILE
    try:
        path.chmod(0o600)
        return path.read_text().strip()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise StoreError(f"the key to the secrets, {path}, cannot be read: {error}") from None


def _new_key(folder: Path) -> str:
    """A new key in the folder, or the one that another command made at the same moment."""
    key = urlsafe_b64encode(os.urandom(32)).decode()
    draft = folder / f"{KEY_FILE}.{os.urandom(4).hex()}"
    try:
        make_private(folder)
        _write(draft, key)
        with suppress(FileExistsError):
            os.link(draft, folder / KEY_FILE)  # all or nothing, and never over another's
        draft.unlink()
    except OSError as error:
        raise StoreError(f"no key for secrets can be made in {folder}: {error}") from None
    made = _key_in(folder)
    assert made is not None
    return made


def _write(path: Path, text: str) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(fd, "w") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(fd)  # a key that is lost takes the secrets with it
