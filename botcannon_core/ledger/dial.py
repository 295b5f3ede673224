"""Dialling a store: clients and connections of redis-py for an address, and its errors in plain words.

Not here: which address it is (see `store`), and the way to a single server without TLS, which needs no
redis-py (see `direct`). Importing this module imports redis, which costs 0.1 s and 16 MB, so it is left
to whoever needs it.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import redis
from redis import cluster, connection, exceptions, sentinel
from redis.backoff import NoBackoff
from redis.retry import Retry

from botcannon_core.errors import StoreError
from botcannon_core.ledger import trouble
from botcannon_core.ledger.address import Address
from botcannon_core.ledger.trouble import CONNECT_TIMEOUT, SOCKET_TIMEOUT

AnyClient = redis.Redis | redis.RedisCluster

# redis-py leaves these without types
_PLAIN: Any = connection.Connection
_TLS: Any = connection.SSLConnection
_UNIX: Any = connection.UnixDomainSocketConnection
_SENTINEL: Any = sentinel.Sentinel
_NODE: Any = cluster.ClusterNode


class Dial(Protocol):
    """One way to reach a store."""

    def client(self) -> AnyClient:
        """A client that gives text, connecting when it is first used."""
        ...

    def connection(self, key: str) -> socket.socket:
        """A new socket to the server in charge of `key` now, which has let us in."""
        ...


def dial(address: Address) -> Dial:
    """The way to reach this address; nothing is connected yet."""
    if address.kind == "cluster":
        return _Cluster(address)
    return _Sentinels(address) if address.kind == "sentinel" else _One(address)


@contextmanager
def told(address: object) -> Iterator[None]:
    """What redis-py raises becomes a StoreError that tells a person what is wrong, and where."""
    try:
        yield
    # redis-py counts the cluster's own error as none of its family
    except (exceptions.RedisError, exceptions.RedisClusterException, OSError) as error:
        raise StoreError(f"the store at {address} {explained(error)}") from error


def explained(error: Exception) -> str:
    """What is wrong with a store, as the end of a sentence that begins with its address."""
    text = " ".join(str(error).split())
    match error:
        case exceptions.AuthenticationError() | exceptions.NoPermissionError():
            return trouble.not_let_in(text)
        case exceptions.BusyLoadingError():
            return trouble.LOADING
        case sentinel.MasterNotFoundError():
            return "has no such master, or none of its sentinels answers"
        case exceptions.RedisClusterException():
            return f"cannot be used as a cluster: {text}"
        case exceptions.InvalidResponse():
            return trouble.NO_SUCH_SERVER
        case exceptions.TimeoutError():
            return trouble.SILENT
        case exceptions.ConnectionError() | OSError():
            return trouble.unreachable(text)
    return trouble.refused(text)


class _One:
    """A single server, over TCP, TLS or a unix socket."""

    def __init__(self, address: Address) -> None:
        self._address = address

    def client(self) -> AnyClient:
        if self._address.kind == "unix":
            place: dict[str, Any] = {"unix_socket_path": self._address.path}
        else:
            host, port = self._address.hosts[0]
            place = {"host": host, "port": port, **_client_tls(self._address)}
        return redis.Redis(decode_responses=True, **place, **_common(self._address))

    def connection(self, key: str) -> socket.socket:
        del key  # one server is in charge of all
        if self._address.kind == "unix":
            return _connected(_UNIX(path=self._address.path, **_common(self._address)))
        return _to(self._address, *self._address.hosts[0])


class _Sentinels:
    """A master that sentinels watch over: each new connection asks them who it is now."""

    def __init__(self, address: Address) -> None:
        self._address = address
        options = address.options
        doors = {
            "username": options.get("sentinel_username"),
            "password": options.get("sentinel_password"),
            "socket_timeout": CONNECT_TIMEOUT,
            "socket_connect_timeout": CONNECT_TIMEOUT,
            "retry": _no_retry(),
            **_client_tls(address),
        }
        self._sentinel = _SENTINEL(
            list(address.hosts), sentinel_kwargs=doors, **_common(address), **_client_tls(address)
        )

    def client(self) -> AnyClient:
        client: redis.Redis = self._sentinel.master_for(self._address.master, decode_responses=True)
        return client

    def connection(self, key: str) -> socket.socket:
        del key  # the master is in charge of all
        host, port = self._sentinel.discover_master(self._address.master)
        return _to(self._address, host, port)


class _Cluster:
    """A cluster: each new connection goes to the node that has the key's slot now."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._map: Any = None

    def client(self) -> AnyClient:
        return redis.RedisCluster(
            startup_nodes=[_NODE(host, port) for host, port in self._address.hosts],
            decode_responses=True,
            **_common(self._address, with_db=False),
            **_client_tls(self._address),
        )

    def connection(self, key: str) -> socket.socket:
        if self._map is None:
            self._map = self.client()
        else:
            self._map.nodes_manager.initialize()  # a new line often means that the old node is gone
        node = self._map.get_node_from_key(key)
        return _to(self._address, node.host, node.port)


def _to(address: Address, host: str, port: int) -> socket.socket:
    kind = _TLS if address.tls else _PLAIN
    tls = _tls(address) if address.tls else {}
    common = _common(address, with_db=address.kind != "cluster")
    return _connected(kind(host=host, port=port, socket_keepalive=True, **tls, **common))


def _connected(line: Any) -> socket.socket:
    """Connect, make sure that a server answers that lets us in, and take the socket over."""
    try:
        line.connect()
        line.send_command("PING")
        line.read_response()
    except BaseException:
        line.disconnect()
        raise
    ready: socket.socket = line._sock  # redis-py has no public name for it
    line._sock = None
    return ready


def _common(address: Address, with_db: bool = True) -> dict[str, Any]:
    found: dict[str, Any] = {
        "username": address.username,
        "password": address.password,
        "socket_timeout": SOCKET_TIMEOUT,
        "socket_connect_timeout": CONNECT_TIMEOUT,
        "protocol": 2,
        # a command that timed out may have been done: whoever sent it knows whether to repeat it
        "retry": _no_retry(),
    }
    return {**found, "db": address.db} if with_db else found


def _no_retry() -> Retry:
    return Retry(NoBackoff(), 0)


def _client_tls(address: Address) -> dict[str, Any]:
    return {"ssl": True, **_tls(address)} if address.tls else {}


def _tls(address: Address) -> dict[str, Any]:
    found: dict[str, Any] = {n: v for n, v in address.options.items() if n.startswith("ssl_")}
    wanted = found.pop("ssl_check_hostname", "true") == "true"
    verifies = found.get("ssl_cert_reqs") != "none"  # ssl refuses the one without the other
    return {**found, "ssl_check_hostname": wanted and verifies}
