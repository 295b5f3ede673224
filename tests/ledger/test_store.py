"""Opening a store: which one it is, what it hands out, and what is told when it cannot be used."""

import os
import select
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from botcannon_core.compose.spec import StoreSpec
from botcannon_core.errors import StoreError
from botcannon_core.ledger.store import Store, check, open_store


def test_a_store_hands_out_a_decoding_client(store: Store):
    store.client().set("x", "ä")
    assert store.client().get("x") == "ä"
    assert store.client() is store.client()


def test_a_connection_is_new_each_time_and_gives_bytes(store: Store):
    first, second = store.connection("k"), store.connection("k")
    assert first is not second
    first.sendall(b"ECHO x\r\n")
    assert first.recv(100) == b"$1\r\nx\r\n"


def test_keys_are_in_the_stores_namespace(store: Store):
    assert store.keys("chat").data == "T|streams:{chat}:data"


def test_the_environment_wins_over_the_file(valkey: str, tmp_path: Path, monkeypatch):
    monkeypatch.setenv("BOTCANNON_STORE", valkey)
    assert open_store(StoreSpec(url="redis://elsewhere"), "T", tmp_path).address == valkey


def test_nothing_is_dialled_before_it_is_used(tmp_path: Path, valkey: str):
    open_store(StoreSpec(url="redis://no-such-host.invalid"), "T", tmp_path).close()


def test_a_store_may_be_closed_twice(store: Store):
    store.client().ping()
    store.close()
    store.close()


def test_a_forked_child_leaves_its_parents_connection_alone(store: Store):
    client = store.client()
    client.set("x", "parent")
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            store.after_fork()
            store.client().set("x", "child")
            store.close()
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(pid, 0)[1] == 0
    assert client.get("x") == "child"


def test_nobody_listening_is_told(valkey: str, tmp_path: Path):
    told_about(f"redis://127.0.0.1:{free_port()}", tmp_path, "refused", "is it running")


def test_a_missing_socket_is_told(valkey: str, tmp_path: Path):
    told_about(f"unix://{tmp_path}/none.sock", tmp_path, "none.sock", "is it running")


def test_a_wrong_password_is_told_without_showing_it(valkey: str, tmp_path: Path):
    url = valkey.replace("unix://", "unix://default:hush-hush@")
    store_at(valkey, tmp_path).client().config_set("requirepass", "other")
    try:
        told_about(url, tmp_path, "check the user and the password")
        told_about(valkey, tmp_path, "check the user and the password")
    finally:
        url = valkey.replace("unix://", "unix://default:other@")
        store_at(url, tmp_path).client().config_set("requirepass", "")


def test_a_server_that_is_no_redis_is_told(valkey: str, tmp_path: Path):
    with answering(b"HTTP/1.1 400 Bad Request\r\n\r\n") as port:
        told_about(f"redis://127.0.0.1:{port}", tmp_path, "not as a Redis or Valkey")


def test_a_server_that_hangs_up_is_told(valkey: str, tmp_path: Path):
    with answering(b"") as port:
        told_about(f"redis://127.0.0.1:{port}", tmp_path, "closed the connection")


def test_a_server_that_still_loads_is_told(valkey: str, tmp_path: Path):
    with answering(b"-LOADING Valkey is loading the dataset in memory\r\n" * 9) as port:
        told_about(f"redis://127.0.0.1:{port}", tmp_path, "still loading")


def test_failed_tls_is_told(valkey: str, tmp_path: Path):
    with answering(b"-ERR what\r\n") as port:
        told_about(f"rediss://127.0.0.1:{port}", tmp_path, "over TLS")


def test_a_store_that_keeps_everything_gives_no_warning(store: Store):
    assert check(store) == []


def test_a_store_that_evicts_is_warned_about(store: Store):
    store.client().config_set("maxmemory-policy", "allkeys-lru")
    try:
        assert "allkeys-lru" in check(store)[0]
    finally:
        store.client().config_set("maxmemory-policy", "noeviction")


@pytest.mark.parametrize(
    ("about", "too_old"),
    [
        ({"redis_version": "6.0.16"}, True),
        ({"redis_version": "6.2.0"}, False),
        ({"redis_version": "10.0.1"}, False),
        ({"redis_version": "7.2.4", "valkey_version": "7.1.0"}, True),
        ({"redis_version": "7.2.4", "valkey_version": "9.1.2"}, False),
        ({}, False),
    ],
)
def test_a_server_below_the_floor_is_refused(about: dict[str, str], too_old: bool):
    class Told:
        def ask(self, key: str, *commands: Sequence[str]) -> list[str]:
            assert commands == (("INFO",),)
            return ["# Server\r\n" + "".join(f"{n}:{told}\r\n" for n, told in about.items())]

    if too_old:
        with pytest.raises(StoreError, match="or newer"):
            check(Told())
    else:
        assert check(Told()) == []


def test_commands_are_asked_together_and_answered_in_their_order(store: Store):
    text = "ä" * 100_000  # comes in pieces
    said = store.ask("k", ("SET", "k", text), ("GET", "k"), ("STRLEN", "k"), ("GET", "none"))
    assert said == ["OK", text, 200_000, None]


def test_an_answer_that_is_an_error_is_told(store: Store):
    with pytest.raises(StoreError, match="refused: WRONGTYPE"):
        store.ask("k", ("SET", "k", "text"), ("HGETALL", "k"))


def test_a_single_server_is_reached_without_a_client_library(valkey: str, tmp_path: Path):
    code = """
import sys
from pathlib import Path
from botcannon_core.compose.spec import StoreSpec
from botcannon_core.ledger import conf
from botcannon_core.ledger.history import History
from botcannon_core.ledger.line import Line
from botcannon_core.ledger.memory import kept
from botcannon_core.ledger.store import check, open_store

store = open_store(StoreSpec(url=sys.argv[1]), "T", Path.cwd())
check(store)
conf.save(store, "key", {"n": 1})
assert conf.stored(store, ["key"]) == {"key": {"n": 1}}
kept(store, store.keys("work")).put("k", "v", 60)
assert Line(store, "k").ask("PING") == "PONG"
history = History(store.copier())
history.warm()
assert history.latest("work") is None
assert (history.last("work", 60), history.sample("work", 60), history.count("work")) == ([], [], 0)
sys.exit(" ".join({"redis", "asyncio", "ssl"} & set(sys.modules)) or 0)
"""
    with before(valkey) as port:
        for url in (valkey, f"redis://127.0.0.1:{port}/1"):
            words = [sys.executable, "-c", code, url]
            environment = {**os.environ, "PYTHONPATH": os.getcwd()}
            environment.pop("BOTCANNON_STORE", None)
            subprocess.run(words, cwd=tmp_path, env=environment, check=True, timeout=30)


def test_what_needs_a_client_library_may_have_it_imported_before_a_fork(tmp_path: Path):
    code = """
import sys
from pathlib import Path
from botcannon_core.compose.spec import StoreSpec
from botcannon_core.ledger.history import History
from botcannon_core.ledger.store import open_store

History(open_store(StoreSpec(url="rediss://no-such-host.invalid"), "T", Path.cwd()).copier()).warm()
sys.exit("redis" not in sys.modules)
"""
    environment = {**os.environ, "PYTHONPATH": os.getcwd()}
    environment.pop("BOTCANNON_STORE", None)
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, check=True)


def test_the_database_of_an_address_is_the_one_that_is_used(valkey: str, tmp_path: Path):
    with before(valkey) as port:
        store_at(f"redis://127.0.0.1:{port}/3", tmp_path).ask("x", ("SET", "x", "three"))
    assert store_at(f"{valkey}?db=3", tmp_path).ask("x", ("GET", "x")) == ["three"]
    assert store_at(valkey, tmp_path).ask("x", ("GET", "x")) == [None]


def store_at(url: str, project: Path) -> Store:
    return open_store(StoreSpec(url=url), "T", project)


def told_about(url: str, project: Path, *words: str) -> None:
    """Dialling this address fails, in these words and without its password."""
    with pytest.raises(StoreError) as caught:
        store_at(url, project).connection("k")
    for word in words:
        assert word in str(caught.value)
    assert "hush" not in str(caught.value)


@contextmanager
def answering(reply: bytes) -> Iterator[int]:
    """A server that says one thing to everyone and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            try:
                while True:
                    line, _ = server.accept()
                    with line:
                        line.recv(65536)
                        line.sendall(reply)
            except OSError:
                pass  # the test is over

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join(5)


@contextmanager
def before(valkey: str) -> Iterator[int]:
    """A TCP port behind which the server of a unix socket is."""
    path = valkey.removeprefix("unix://")
    with socket.create_server(("127.0.0.1", 0)) as server:

        def carry(line: socket.socket) -> None:
            with line, socket.socket(socket.AF_UNIX) as inner:
                inner.connect(path)
                other = {line: inner, inner: line}
                while True:
                    for ready in select.select([line, inner], [], [])[0]:
                        if not (data := ready.recv(65536)):
                            return
                        other[ready].sendall(data)

        def serve() -> None:
            try:
                while True:
                    line, _ = server.accept()
                    threading.Thread(target=carry, args=(line,), daemon=True).start()
            except OSError:
                pass  # the test is over

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port
