"""Whom the bot is on which Matrix server: the address, and a password or a token, checked before use.

Pure words. Not here: what the server says to them.
"""

from __future__ import annotations

import getpass
import hashlib
import os
import platform
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Account:
    """An account on a homeserver: `user` with `password`, or an access `token`."""

    server: str
    user: str = ""
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)

    @property
    def to_check(self) -> str:
        """What a person has to look at when it is refused."""
        return "`user` and `password`" if self.password else "`token`"

    @property
    def device(self) -> str:
        """The name of our login there: the same in the bot's next life, and no other bot's."""
        mine = "\0".join([platform.node(), getpass.getuser(), os.getcwd(), self.user])
        return f"botcannon-{hashlib.sha256(mine.encode()).hexdigest()[:12]}"


def account(server: str, user: str, password: str, token: str) -> Account:
    """The account these mean; raises ValueError if they are no address or not one way to log in."""
    parts = urlsplit(server if isinstance(server, str) else "")
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
        raise ValueError("`server` of a Matrix bot is written like https://matrix.example.org")
    if bool(token) == bool(password) or (password and not user):
        raise ValueError("a Matrix bot has `user` and `password`, or a `token`")
    return Account(server.rstrip("/"), user, password, token)
