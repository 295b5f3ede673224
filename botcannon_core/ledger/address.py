"""The address of a store: what a person writes in `store:` or BOTCANNON_STORE, taken apart and checked.

Pure text: nothing here connects. An address holds a password, so it is shown masked only, in errors too.

    redis://[user:password@]host[:port][/db]        rediss:// the same over TLS
    unix://[user:password@]/path/to.sock[?db=0]
    redis+sentinel://[user:password@]host[:port],host[:port]/mastername[/db]
    redis+cluster://[user:password@]host[:port],host[:port]

Options follow a `?`: `username`, `password`, `db`; over TLS (rediss, also rediss+sentinel and
rediss+cluster) `ssl_ca_certs`, `ssl_certfile`, `ssl_keyfile`, `ssl_cert_reqs` (required, optional,
none), `ssl_check_hostname` (true, false); for Sentinel's own doors `sentinel_username` and
`sentinel_password`.
"""

from __future__ import annotations

import re
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
CHOICES = {
    "ssl_cert_reqs": ("required", "optional", "none"),
    "ssl_check_hostname": ("true", "false"),
}
SENTINEL = ("sentinel_username", "sentinel_password")
PORTS: dict[Kind, int] = {"one": 6379, "cluster": 6379, "sentinel": 26379}

HOST = r"(?:\[[0-9a-fA-F:.]+\]|[\w.-]*)(?::\d*)?"
SHOWABLE = re.compile(
    r"(?:(?P<scheme>[\w+.-]*://)|(?!.*://))"
    r"(?:(?P<user>[^:@?&#/]*)(?P<colon>:)?[^@?&#]*(?P<at>@))?"
    rf"(?P<where>{HOST}(?:,{HOST})*(?:/[^?&#@]*)?)"
    r"(?:[?&#][^@]*)?"
)

EXAMPLE = "write one like redis://host:6379/0"


@dataclass(frozen=True, repr=False)
class Address:
    """A checked address; its text, as everything that is shown of it, has no password."""

    kind: Kind
    tls: bool = False
    hosts: tuple[tuple[str, int], ...] = ()
    path: str = ""
    master: str = ""
    db: int = 0
    username: str | None = None
    password: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    shown: str = ""

    def __str__(self) -> str:
        return self.shown

    def __repr__(self) -> str:
        return f"Address({self.shown!r})"


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
    except _Mistake as mistake:
        text = str(mistake)
    except ValueError:  # Python's own, which may quote what is not to be shown
        text = "it cannot be taken apart"
    raise StoreError(f"the store's address {masked(url)!r}: {text}; {EXAMPLE}")


def masked(url: str) -> str:
    """An address as it may be shown: no password, no options; just its scheme when in doubt."""
    found = SHOWABLE.fullmatch(url)
    if found is None:
        scheme, sep, _ = url.partition("://")
        return f"{scheme}://***" if sep and scheme in KINDS else "***"
    scheme, user, colon, at, where = found.group("scheme", "user", "colon", "at", "where")
    # without a colon the word before the @ may be a password as well
    hidden = (user or "") + ":***" if colon else "***" if at else ""
    return f"{scheme or ''}{hidden}{at or ''}{where}"


class _Mistake(ValueError):
    """What is wrong with an address, in words that may be shown."""


def _parsed(url: str, kind: Kind, tls: bool) -> Address:
    parts = urlsplit(url)
    options = _options(parts, kind, tls)
    _check(options)
    credentials, _, hosts = parts.netloc.rpartition("@")
    user, _, password = (unquote(part) for part in credentials.partition(":"))
    master, db = _master_and_db(parts, kind)
    return Address(
        kind=kind,
        tls=tls,
        hosts=() if kind == "unix" else _hosts(hosts, kind),
        path=_socket_path(parts) if kind == "unix" else "",
        master=master,
        db=_number(options.pop("db", db), "the database"),
        username=options.pop("username", user) or None,
        password=options.pop("password", password) or None,
        options=options,
        shown=masked(url),
    )


def _options(parts: SplitResult, kind: Kind, tls: bool) -> dict[str, str]:
    plain = PLAIN[:2] if kind == "cluster" else PLAIN  # a cluster has one database only
    known = [*plain, *(TLS if tls else ()), *(SENTINEL if kind == "sentinel" else ())]
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    for name in options:
        if name not in known:
            hint = " (it needs a rediss address)" if name in TLS else suggest(name, known)
            # what is no word may be the rest of a password with a `?` in it
            shown = (
                f" {name!r}{hint}" if name.isidentifier() else "; write a ? in a password as %3F"
            )
            raise _Mistake(f"unknown option{shown}")
    return options


def _check(options: Mapping[str, str]) -> None:
    for name, allowed in CHOICES.items():
        if options.get(name, allowed[0]) not in allowed:
            raise _Mistake(f"{name} is one of {', '.join(allowed)}")


def _hosts(text: str, kind: Kind) -> tuple[tuple[str, int], ...]:
    found = tuple(_host(part, PORTS[kind]) for part in text.split(","))
    if kind == "one" and len(found) > 1:
        raise _Mistake("it is one host; for several write redis+sentinel:// or redis+cluster://")
    return found


def _host(text: str, port: int) -> tuple[str, int]:
    part = urlsplit(f"//{text}")
    if not part.hostname or not re.fullmatch(HOST, text):
        raise _Mistake("it names no host, or a port that is no number")
    return part.hostname, part.port or port


def _socket_path(parts: SplitResult) -> str:
    path = unquote(parts.path)
    if not path.startswith("/") or "/" in parts.netloc or parts.netloc.rpartition("@")[2]:
        raise _Mistake("a socket's path is absolute: unix:///path/to.sock")
    return path


def _master_and_db(parts: SplitResult, kind: Kind) -> tuple[str, str]:
    if kind == "unix":
        return "", "0"
    words = [unquote(word) for word in parts.path.split("/") if word]
    if kind == "sentinel":
        if not words:
            raise _Mistake("Sentinel needs the name of a master: redis+sentinel://host/mastername")
        master, *words = words
    else:
        master = ""
    if len(words) > 1 or (words and kind == "cluster"):
        raise _Mistake("there is more after the host than is understood")
    return master, words[0] if words else "0"


def _number(text: str, what: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise _Mistake(f"{what} is a number")
    return int(text)
