"""Reaching a store that is more than one server, or one behind TLS: real sentinels, a real cluster."""

import datetime
import ipaddress
import select
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import hiredis
import pytest
import redis
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from botcannon_core.compose.spec import StoreSpec
from botcannon_core.errors import StoreError
from botcannon_core.ledger.server import server_program
from botcannon_core.ledger.store import Store, check, open_store

Start = Callable[..., int]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts servers on ports of their own; `start(*words)` gives the port."""
    running: list[subprocess.Popen[bytes]] = []

    def started(*words: str) -> int:
        port = free_port()
        folder = tmp_path / str(port)
        folder.mkdir()
        (folder / "conf").touch()
        command = [server_program(), "conf", "--port", str(port), "--save", "", *words]
        running.append(subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL))
        wait_for(lambda: is_up(port))
        return port

    yield started
    for server in running:
        server.kill()
        server.wait(10)


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Store]]:
    monkeypatch.delenv("BOTCANNON_STORE", raising=False)
    stores: list[Store] = []

    def open_it(url: str) -> Store:
        stores.append(open_store(StoreSpec(url=url), "T", tmp_path))
        return stores[-1]

    yield open_it
    for store in stores:
        with suppress(redis.RedisError):
            store.close()


def test_a_connection_goes_to_the_master_that_the_sentinels_name_now(start: Start, opened):
    first, second, sentinel = start(), start(), start("--sentinel")
    watch(sentinel, first)
    store = opened(f"redis+sentinel://127.0.0.1:{free_port()},127.0.0.1:{sentinel}/m/2")
    assert port_behind(store) == first
    store.client().set("x", "1")
    assert redis.Redis(port=first, db=2).get("x") == b"1"
    redis.Redis(port=sentinel).execute_command("SENTINEL", "REMOVE", "m")
    watch(sentinel, second)
    assert port_behind(store) == second
    assert check(store) == []


def test_a_master_that_no_sentinel_knows_is_told(start: Start, opened):
    sentinel = start("--sentinel")
    store = opened(f"redis+sentinel://:hush-hush@127.0.0.1:{sentinel}/none")
    with pytest.raises(StoreError, match="no such master") as caught:
        store.connection("k")
    assert "hush" not in str(caught.value)
    with pytest.raises(StoreError, match="no such master"), store.asking() as client:
        client.ping()


def test_a_connection_goes_to_the_node_that_has_the_keys_slot_now(start: Start, opened):
    first, second = cluster(start)
    store = opened(f"redis+cluster://127.0.0.1:{free_port()},127.0.0.1:{first}")
    low, high = key_with_slot(store, range(8192)), key_with_slot(store, range(8192, 16384))
    assert (port_behind(store, low), port_behind(store, high)) == (first, second)
    move(low, first, second)
    assert port_behind(store, low) == second
    with store.asking() as client:
        client.xadd(low, {"n": "1"})
        client.xadd(high, {"n": "1"})
    assert check(store) == []


def test_a_single_server_is_no_cluster(start: Start, opened):
    store = opened(f"redis+cluster://127.0.0.1:{start()}")
    with pytest.raises(StoreError, match="cannot be used as a cluster"):
        store.connection("k")


def test_the_history_of_a_cluster_is_found_on_all_its_nodes(start: Start, opened):
    from botcannon_core.ledger.history import History  # beside its only use

    store = opened(f"redis+cluster://127.0.0.1:{cluster(start)[0]}")
    names = [f"s{i}" for i in range(8)]
    with store.asking() as client:
        for name in names:
            client.xadd(store.keys(name).data, {"n": name})
    history = History(lambda: store)
    assert history.services() == names
    assert [[m["n"] for m in history.last(name, 60)] for name in names] == [[n] for n in names]
    assert len(history.sample("s1", 60)) == 1


def test_tls_is_spoken_and_the_certificate_checked(start: Start, opened, tmp_path: Path):
    authority = tmp_path / "ca.pem"
    with tls_before(start(), authority) as port:
        store = opened(f"rediss://localhost:{port}?ssl_ca_certs={authority}")
        assert port_behind(store)
        assert store.client().ping()
        with pytest.raises(StoreError, match=r"over TLS.*ssl_ca_certs"):
            opened(f"rediss://localhost:{port}").connection("k")
        trusting = opened(f"rediss://localhost:{port}?ssl_cert_reqs=none")
        assert port_behind(trusting)


def port_behind(store: Store, key: str = "k") -> int:
    """The port that the server behind a new connection for this key says is its own."""
    with store.connection(key) as line:
        line.sendall(b"CONFIG GET port\r\n")
        answer = hiredis.Reader()
        answer.feed(line.recv(4096))
        return int(answer.gets()[1])


def watch(sentinel: int, master: int) -> None:
    told = redis.Redis(port=sentinel)
    told.execute_command("SENTINEL", "MONITOR", "m", "127.0.0.1", str(master), "1")


def cluster(start: Start) -> tuple[int, int]:
    """Two nodes that share the slots half and half."""
    words = ("--cluster-enabled", "yes", "--cluster-port", "0")
    first, second = start(*words), start(*words)
    redis.Redis(port=first).execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 8191)
    redis.Redis(port=second).execute_command("CLUSTER", "ADDSLOTSRANGE", 8192, 16383)
    redis.Redis(port=second).execute_command("CLUSTER", "SET-CONFIG-EPOCH", 2)
    redis.Redis(port=first).execute_command("CLUSTER", "MEET", "127.0.0.1", second)
    wait_for(lambda: all(cluster_is_ok(port) for port in (first, second)))
    return first, second


def cluster_is_ok(port: int) -> bool:
    about = redis.Redis(port=port).execute_command("CLUSTER", "INFO")
    return b"cluster_state:ok" in about and b"cluster_known_nodes:2" in about


def key_with_slot(store: Store, slots: range) -> str:
    client = store.client()
    assert isinstance(client, redis.RedisCluster)
    return next(
        k for k in (store.keys(f"s{i}").data for i in range(99)) if client.keyslot(k) in slots
    )


def move(key: str, source: int, target: int) -> None:
    """Give the (empty) slot of a key to another node."""
    nodes = redis.Redis(port=source), redis.Redis(port=target)
    slot = nodes[0].execute_command("CLUSTER", "KEYSLOT", key)
    new = nodes[1].execute_command("CLUSTER", "MYID")
    for node in reversed(nodes):
        node.execute_command("CLUSTER", "SETSLOT", slot, "NODE", new)


class tls_before:  # noqa: N801 - used as a function
    """A door that speaks TLS before a plain server; its certificate is its own authority."""

    def __init__(self, port: int, authority: Path) -> None:
        self._port = port
        self._door = socket.create_server(("127.0.0.1", 0))
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        key, certificate = self_signed()
        authority.write_bytes(certificate)
        both = authority.with_name("both.pem")
        both.write_bytes(key + certificate)
        self._context.load_cert_chain(both)

    def __enter__(self) -> int:
        threading.Thread(target=self._serve, daemon=True).start()
        port: int = self._door.getsockname()[1]
        return port

    def __exit__(self, *_: object) -> None:
        self._door.shutdown(socket.SHUT_RDWR)
        self._door.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                plain, _ = self._door.accept()
                threading.Thread(target=self._carry, args=(plain,), daemon=True).start()

    def _carry(self, plain: socket.socket) -> None:
        with suppress(OSError):
            outer = self._context.wrap_socket(plain, server_side=True)
            inner = socket.create_connection(("127.0.0.1", self._port))
            while True:
                ready = [outer] if outer.pending() else select.select([outer, inner], [], [])[0]
                for one in ready:
                    data = one.recv(65536)
                    (inner if one is outer else outer).sendall(data)
                    if not data:
                        return


def self_signed() -> tuple[bytes, bytes]:
    """A private key and its certificate for localhost, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    pem = serialization.Encoding.PEM
    return key.private_bytes(pem, *form), certificate.public_bytes(pem)


def is_up(port: int) -> bool:
    with suppress(redis.RedisError):
        return bool(redis.Redis(port=port).ping())
    return False


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def wait_for(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.01)
