"""Whom the bot is on which server: the address, and a password or a token, checked before they are used.

Pure words. Not here: what the server says to them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Account:
    """An account on a server: `user` with `password`, or `user_id` with a personal access `token`."""

    url: str
    user: str = ""
    password: str = field(default="", repr=False)
    user_id: str = ""
    token: str = field(default="", repr=False)

    @property
    def to_check(self) -> str:
        """What a person has to look at when it is refused."""
        return "`user` and `password`" if self.user else "`user_id` and `token`"

    @property
    def socket_url(self) -> str:
        """Where the server's websocket is."""
        return f"ws{self.url.removeprefix('http')}/websocket"


def account(url: str, user: str, password: str, user_id: str, token: str) -> Account:
    """The account these mean; raises ValueError if they are no address or not one way to log in."""
    parts = urlsplit(url if isinstance(url, str) else "")
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
        raise ValueError("`url` of a Rocket.Chat is written like https://chat.example.org")
    by_password, by_token = bool(user and password), bool(user_id and token)
    if by_password == by_token or bool(user or password) == bool(user_id or token):
        raise ValueError("a Rocket.Chat bot has `user` and `password`, or `user_id` and `token`")
    return Account(url.rstrip("/"), user, password, user_id, token)
