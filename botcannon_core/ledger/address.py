"""The address of a store: what a person writes in `store:` or BOTCANNON_STORE, taken apart and checked.

Pure text: nothing here connects. An address holds a password, so it is shown masked only, in errors too.

    redis://[user:password@]host[:port][/db]        rediss:// the same over TLS
    unix://[user:password@]/path/to.sock[?db=0]
    redis+sentinel://[user:password@]host[:port],host[:port]/mastername[/db]
    redis+cluster://[user:password@]host[:port],host[:port]

Options follow a `?`: `username`, `password`, `db`; over TLS (rediss, also rediss+sentinel and
rediss+cluster) `ssl_ca_certs`, `ssl_certfile`, `ssl_keyfile`, `ssl_cert_reqs` (required, optional,
none), `ssl_check_hostname`; for Sentinel's own doors `sentinel_username`, `sentinel_password`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from botcannon_core.errors import StoreError, suggest

Kind = Literal["one", "unix", "sentinel", "cluster"]

KINDS: dict[str, tuple[Kind, bool]] = {  # scheme -> what it is, and whether it speaks TLS
    "redis": ("one", False),
    "rediss": ("one", True),
    "unix": ("unix", False),
    "redis+sentinel": ("sentinel", False),
    "rediss+sentinel": ("sentinel", True),
    "redis+cluster": ("cluster", False),
    "rediss+cluster": ("cluster", True),
}
PLAIN = ("username", "password", "db")
TLS = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile", "ssl_cert_reqs", "ssl_check_hostname")
SENTINEL = ("sentinel_username", "sentinel_password")
PORTS: dict[Kind, int] = {"one": 6379, "cluster": 6379, "sentinel": 26379}

EXAMPLE = "write one like redis://host:6379/0"


@dataclass(frozen=True)
class Address:
    """A checked address; its text, as everything that is shown of it, has no password."""

    kind: Kind
    tls: bool = False
    hosts: tuple[tuple[str, int], ...] = ()
    path: str = ""
    master: str = ""
    db: int = 0
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    options: Mapping[str, str] = field(default_factory=dict, repr=False)
    shown: str = ""

    def __str__(self) -> str:
        return self.shown


def parsed(url: str) -> Address:
    """The address taken apart; raises StoreError, saying what to write instead."""
    scheme, sep, _ = url.partition("://")
    if not sep or scheme not in KINDS:
        known = ", ".join(f"{name}://" for name in KINDS)
        raise StoreError(
            f"the store's address {masked(url)!r} begins with none of {known}; {EXAMPLE}"
            + (suggest(scheme, list(KINDS)) if sep else "")
        )
    try:
        return _parsed(url, *KINDS[scheme])
    except ValueError as error:
        # from None: the original error may quote what is not to be shown
        raise StoreError(f"the store's address {masked(url)!r}: {error}; {EXAMPLE}") from None


def masked(url: str) -> str:
    """An address as it may be shown: without its password and without its options."""
    rest, _, _ = url.partition("?")
    scheme, sep, rest = rest.rpartition("://") if "://" in rest else ("", "", rest)
    credentials, at, where = rest.rpartition("@")
    user, colon, _ = credentials.partition(":")
    # without a colon the word before the @ may be a password as well
    return (
        f"{scheme}{sep}{user if colon else ''}{':***' if colon else '***' if at else ''}{at}{where}"
    )


def _parsed(url: str, kind: Kind, tls: bool) -> Address:
    parts = urlsplit(url)
    options = _options(parts, kind, tls)
    credentials, _, hosts = parts.netloc.rpartition("@")
    user, _, password = (unquote(part) for part in credentials.partition(":"))
    master, db = _master_and_db(parts, kind)
    return Address(
        kind=kind,
        tls=tls,
        hosts=() if kind == "unix" else _hosts(hosts, PORTS[kind]),
        path=_socket_path(parts) if kind == "unix" else "",
        master=master,
        db=_number(options.pop("db", db), "the database"),
        username=options.pop("username", user) or None,
        password=options.pop("password", password) or None,
        options=options,
        shown=masked(url),
    )


def _options(parts: SplitResult, kind: Kind, tls: bool) -> dict[str, str]:
    known = [*PLAIN, *(TLS if tls else ()), *(SENTINEL if kind == "sentinel" else ())]
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    for name in options:
        if name not in known:
            hint = " (it needs a rediss address)" if name in TLS else suggest(name, known)
            raise ValueError(f"unknown option {name!r}{hint}")
    return options


def _hosts(text: str, port: int) -> tuple[tuple[str, int], ...]:
    return tuple(_host(part, port) for part in text.split(","))


def _host(text: str, port: int) -> tuple[str, int]:
    part = urlsplit(f"//{text}")
    if not part.hostname:
        raise ValueError("it names no host")
    return part.hostname, part.port or port


def _socket_path(parts: SplitResult) -> str:
    path = unquote(parts.path)
    if not path.startswith("/") or "/" in parts.netloc or parts.netloc.rpartition("@")[2]:
        raise ValueError("a socket's path is absolute: unix:///path/to.sock")
    return path


def _master_and_db(parts: SplitResult, kind: Kind) -> tuple[str, str]:
    if kind == "unix":
        return "", "0"
    words = [unquote(word) for word in parts.path.split("/") if word]
    if kind == "sentinel":
        if not words:
            raise ValueError(
                "Sentinel needs the name of a master: redis+sentinel://host/mastername"
            )
        master, *words = words
    else:
        master = ""
    if len(words) > 1 or (words and kind == "cluster"):
        raise ValueError("there is more after the host than is understood")
    return master, words[0] if words else "0"


def _number(text: str, what: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"{what} is a number")
    return int(text)
