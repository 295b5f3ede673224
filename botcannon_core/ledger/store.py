"""The store: where the ledger lives, opened by address or embedded in the project folder.

A Store hands out clients, connections and key names for one namespace. Not here: what an address may
look like (`address`), how it is dialled (`direct`, `dial`), or the embedded server (`embedded`).
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from botcannon_core.compose.spec import StoreSpec
from botcannon_core.errors import StoreError
from botcannon_core.ledger import direct
from botcannon_core.ledger.address import Address, parsed
from botcannon_core.ledger.embedded import Begun, Held, begin, hold, release, revive
from botcannon_core.ledger.keys import Keys
from botcannon_core.ledger.server import answer, connected

if TYPE_CHECKING:
    from botcannon_core.ledger.dial import AnyClient, Dial

FLOORS = {"redis": (6, 2), "valkey": (7, 2)}


def open_store(spec: StoreSpec, namespace: str, project: Path) -> Store:
    """The store of a project: BOTCANNON_STORE, else `spec.url`, else embedded in `project`.

    An embedded one answers when this returns; another is dialled at first use. Raises StoreError.
    """
    return Opening(spec, namespace, project).store()


class Opening:
    """A project's store that is opened when it is first asked for, and can be started before."""

    def __init__(self, spec: StoreSpec, namespace: str, project: Path) -> None:
        self._url = os.environ.get("BOTCANNON_STORE") or spec.url
        self._fsync = spec.fsync
        self._namespace = namespace
        self._folder = project.resolve() / ".botcannon"
        self._begun: Begun | None = None
        self._store: Store | None = None

    def begin(self) -> None:
        """Start an embedded store without waiting for it: most of its start is the server's own."""
        if not self._url:
            self._begun = begin(self._folder, self._fsync)

    def store(self) -> Store:
        """The store, opened now unless it is already. Raises StoreError."""
        if self._store is None:
            self._store = self._opened()
        return self._store

    def drop(self) -> None:
        """Close what was opened or begun: it will not be used."""
        if self._store is not None:
            self._store.close()
        if self._begun is not None:
            self._begun.drop()

    def _opened(self) -> Store:
        if self._url:
            return Store(parsed(self._url), self._namespace, self._folder)
        begun, self._begun = self._begun, None
        held = hold(self._folder, self._fsync, begun)
        return Store(_socket(held.socket_path), self._namespace, self._folder, held)


class Store:
    """One store and one namespace in it; for one process, see `after_fork`.

    `folder` is the project's `.botcannon`, which need not exist.
    """

    def __init__(
        self, address: Address, namespace: str, folder: Path, held: Held | None = None
    ) -> None:
        self.namespace = namespace
        self.folder = folder
        self._address = address
        self._held = held
        self._dial: Dial | None = None
        self._client: AnyClient | None = None

    def __repr__(self) -> str:
        return f"Store({self.address!r}, {self.namespace!r})"

    @property
    def address(self) -> str:
        """Where it is, for people: without its password."""
        return str(self._address)

    @property
    def is_embedded(self) -> bool:
        """True if it is the project folder's own."""
        return self._held is not None

    @property
    def is_one(self) -> bool:
        """True if one server is in charge of all keys."""
        return self._address.kind != "cluster"

    @property
    def inherited(self) -> tuple[int, ...]:
        """The descriptors a forked child keeps, so that an embedded server outlives the parent."""
        return (self._held.fd,) if self._held is not None else ()

    def copier(self) -> Callable[[], Store]:
        """What makes another Store of the same address, in any process: it can be pickled.

        The copy does not hold an embedded server: whoever hands it out does.
        """
        return partial(Store, self._address, self.namespace, self.folder)

    def keys(self, service: str) -> Keys:
        """The keys of one of its services."""
        return Keys(self.namespace, service)

    def client(self) -> AnyClient:
        """The client for whoever can wait for each answer: shared, decoding, made at first use.

        Its commands raise redis-py's errors; see `asking` for people's words.
        """
        if self._client is None:
            with self._told():
                self._client = self._dialled().client()
        return self._client

    @contextmanager
    def asking(self) -> Iterator[AnyClient]:
        """The client, for commands whose errors become StoreErrors in people's words.

        An embedded server that is gone is started again first.
        """
        if self._held is not None and answer(self._address.path) == "none":
            self.revive()
        with self._told():
            yield self.client()

    def ask(self, key: str, *commands: direct.Command) -> list[Any]:
        """Say these to the server in charge of `key`, together, and wait for the answer to each.

        On a connection of their own, without a client: for what is asked once. Raises StoreError.
        """
        with self.connection(key) as line, direct.told(self.address):
            return direct.ask(line, commands)

    def connection(self, key: str) -> socket.socket:
        """A new socket on which the server in charge of `key` now speaks RESP 2 with us.

        An embedded server that is gone is started again first. Raises StoreError.
        """
        try:
            return self._connection(key)
        except StoreError:
            if self._held is None:
                raise
        self.revive()
        return self._connection(key)

    def warm(self) -> None:
        """Import what a connection will need, for children that are forked; opens nothing."""
        if self._held is None and not direct.fits(self._address):
            import botcannon_core.ledger.dial  # noqa: F401 - redis, only where it is needed

    def revive(self) -> None:
        """Start the embedded server again if it is gone; nothing for any other store."""
        if self._held is None:
            return
        path = revive(self._held)
        if path != self._address.path:
            self._forget()
            self._address = _socket(path)

    def after_fork(self) -> None:
        """Forget the parent's connections, in a forked child; the parent's stay as they are."""
        self._forget()

    def close(self) -> None:
        """Close the client and let go of an embedded server; safe to call twice."""
        if self._client is not None:
            self._client.close()
        self._forget()
        held, self._held = self._held, None
        if held is not None:
            release(held)

    def _forget(self) -> None:
        # redis-py closes its sockets when collected, but a forked child's copy without a word to the
        # server, so the parent's connection lives on
        self._client = self._dial = None

    def _connection(self, key: str) -> socket.socket:
        if self._held is not None:
            return connected(self._address.path)
        if direct.fits(self._address):
            return direct.connected(self._address)
        with self._told():
            return self._dialled().connection(key)

    def _dialled(self) -> Dial:
        from botcannon_core.ledger.dial import dial  # imports redis: 0.1 s only where it is needed

        if self._dial is None:
            self._dial = dial(self._address)
        return self._dial

    def _told(self) -> Any:
        from botcannon_core.ledger.dial import told  # imports redis: 0.1 s only where it is needed

        return told(self.address)


class Asked(Protocol):
    """As much of a store as a look at its server needs."""

    def ask(self, key: str, *commands: direct.Command) -> list[Any]:
        """The answer to each command."""
        ...


def check(store: Asked) -> list[str]:
    """Warnings about a store that may lose data; raises StoreError if it is too old to be used."""
    [text] = store.ask("", ("INFO",))
    about = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    _refuse_old(about)
    policy = about.get("maxmemory_policy", "noeviction")
    if policy == "noeviction":
        return []
    return [
        f"the store's maxmemory-policy is {policy}: when its memory is full it deletes messages; "
        "set it to noeviction"
    ]


def _refuse_old(about: dict[str, str]) -> None:
    name = "valkey" if "valkey_version" in about else "redis"
    version = str(about.get(f"{name}_version", ""))
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    if numbers and numbers < FLOORS[name]:
        need = ".".join(map(str, FLOORS[name]))
        raise StoreError(
            f"the store is {name} {version}, botcannon needs {need} or newer: update it"
        )


def _socket(path: str) -> Address:
    return Address(kind="unix", path=path, shown=f"unix://{path}")
