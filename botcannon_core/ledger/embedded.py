"""The embedded store: a Valkey server that every botcannon command in one project folder shares.

Here: holding the store open, starting it when nobody has. Not here: the server's program and what it
answers (server), its life afterwards (see `keeper`, which also draws the locks), nor any client of it.
"""

from __future__ import annotations

import fcntl
import os
import select
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from botcannon_core.digest import digest
from botcannon_core.errors import StoreError
from botcannon_core.ledger import keeper
from botcannon_core.ledger.server import SILENCE, WAY_OUT, answer, line, server_program

POLL = 0.002  # seconds between two looks at a server that starts
LOCK_WAIT = (
    45.0  # seconds for a keeper to stop its server (it insists after 30) or another to start
)
SOCKET_MAX = 107  # bytes of path that fit into a sockaddr_un on Linux, its final zero excluded


@dataclass(frozen=True)
class Held:
    """The right to use the embedded store: it stays up at least until `fd` is closed everywhere.

    A forked child holds it too (it inherits the lock); a program that is exec'ed does not.
    """

    folder: Path
    fsync: str
    fd: int
    socket_path: str


@dataclass(frozen=True)
class Coming:
    """A keeper that has been spawned: its first process, not yet collected, and where it reports."""

    pid: int
    report: int


@dataclass(frozen=True)
class Begun:
    """A store that is being started ahead of its use: `hold` it, or `drop` it."""

    fd: int
    keeper: Coming

    def drop(self) -> None:
        """Let go of what nobody will use; its keeper stops it."""
        os.close(self.fd)
        os.close(self.keeper.report)
        _collect(self.keeper)


def begin(folder: Path, fsync: str = "everysec") -> Begun | None:
    """Start the store in `folder` without waiting for anything; None if it is for `hold` to see to it.

    So it is if the server runs, if others are starting or stopping it, and if anything is wrong.
    """
    with suppress(StoreError), _told(folder):
        fd = _users_lock(folder)
        try:
            if _taken(fd, fcntl.LOCK_SH) and (keeper := _begun(folder, fsync)):
                return Begun(fd, keeper)
        except BaseException:
            os.close(fd)
            raise
        os.close(fd)
    return None


def hold(folder: Path, fsync: str = "everysec", begun: Begun | None = None) -> Held:
    """Use the store in `folder` (a project's `.botcannon`), starting it if need be.

    Returns when the server answers: about 50 ms for the first command, 1 ms for the next ones.
    Raises StoreError when the folder or the server's program cannot be used.
    """
    with _told(folder):
        fd = begun.fd if begun else _users_lock(folder)
        try:
            # from here on no keeper stops the server; one that is stopping it finishes first
            _locked(fd, fcntl.LOCK_SH, f"the keeper of the store in {folder} to stop")
            return Held(folder, fsync, fd, _running(folder, fsync, begun.keeper if begun else None))
        except BaseException:
            os.close(fd)
            raise


def revive(held: Held) -> str:
    """The path of a server's socket that answers now, after starting it again if it was gone."""
    with _told(held.folder):
        return _running(held.folder, held.fsync)


def release(held: Held) -> None:
    """Let go of the store; when everyone has, its keeper stops it about a second later."""
    os.close(held.fd)


def make_private(folder: Path) -> None:
    """Make a project's `.botcannon`, for this user alone, and keep it out of the project's history."""
    folder.mkdir(mode=0o700, exist_ok=True)
    _refuse_foreign(folder)
    folder.chmod(0o700)
    ignore = folder / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n")


def socket_in(folder: Path) -> str:
    """Where a new server shall listen: in `folder`, or in a private short one if that is too long."""
    if len(os.fsencode(folder / "store.sock")) <= SOCKET_MAX:
        return "../store.sock"  # as the keeper sees it, so that the project may be moved
    import tempfile  # 3 ms of every start, for few

    base = os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()
    name = digest(str(folder))[:16]
    private = Path(base) / f"botcannon-{os.geteuid()}-{name}"
    private.mkdir(mode=0o700, exist_ok=True)
    _refuse_foreign(private)
    private.chmod(0o700)
    return str(private / "store.sock")


def _users_lock(folder: Path) -> int:
    """The lock of those who use the store, not taken yet, in a folder that is laid out."""
    make_private(folder)
    (folder / "store").mkdir(mode=0o700, exist_ok=True)
    return _open_lock(folder / "store.lock")


def _begun(folder: Path, fsync: str) -> Coming | None:
    """A keeper on its way, if there was none and nobody is about to start one."""
    start = _open_lock(folder / "store" / "start.lock")
    try:
        if not _taken(start, fcntl.LOCK_EX) or _kept(folder / "store"):
            return None
        # whoever comes before it has its lock spawns another: the slower of the two ends by itself
        return _spawned(folder, fsync)
    finally:
        os.close(start)


def _running(folder: Path, fsync: str, begun: Coming | None = None) -> str:
    """The socket of a server that answers; starts a keeper if there is none."""
    home = folder / "store"
    start = _open_lock(home / "start.lock")
    try:
        _locked(start, fcntl.LOCK_EX, f"another command to start the store in {home}")
        if begun and (path := _come(home, begun)):
            return _as_promised(path, fsync)
        for _ in range(3):  # a keeper may be killed while we wait for its server
            path = _wait(home, None) if _kept(home) else _come(home, _spawned(folder, fsync))
            if path:
                break
        else:
            raise StoreError(f"the store's keeper does not stay alive; see {home / 'keeper.log'}")
    finally:
        os.close(start)
    return _as_promised(path, fsync)


def _as_promised(path: str, fsync: str) -> str:
    """The same socket, of a server that keeps what this project promises."""
    if fsync == "always":
        _promise_always(path)
    return path


def _spawned(folder: Path, fsync: str) -> Coming:
    """A new keeper; its server is on its way."""
    words = [server_program(), socket_in(folder), fsync]
    ear, mouth = os.pipe()
    try:
        return Coming(_spawn_keeper(folder / "store", mouth, words), ear)
    except BaseException:
        os.close(ear)
        raise
    finally:
        os.close(mouth)


def _come(home: Path, keeper: Coming) -> str | None:
    """The socket of a new keeper's server, once it answers; None if the keeper ended without a word."""
    # the keeper sees us leave: once its server has answered, a death of it is no failure to start
    try:
        return _wait(home, keeper.report)
    finally:
        os.close(keeper.report)
        _collect(keeper)


def _collect(keeper: Coming) -> None:
    """Bury the keeper's first process, which ends as soon as the keeper stands on its own."""
    with suppress(ChildProcessError):  # if this process collects all its children elsewhere
        os.waitpid(keeper.pid, 0)


def _spawn_keeper(home: Path, report: int, words: list[str]) -> int:
    """Run the keeper's script; returns at once, with the pid of its first process."""
    # a slim interpreter, since this is the first thing a person waits for: 10 ms
    return os.posix_spawn(
        sys.executable,
        [sys.executable, "-I", "-S", keeper.__file__, str(home), *words],
        {"PATH": os.defpath},
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDWR, 0),
            (os.POSIX_SPAWN_DUP2, report, keeper.REPORT),
            (os.POSIX_SPAWN_OPEN, 2, str(home / "keeper.log"), _NEW_FILE, 0o600),
        ],
    )


def _wait(home: Path, report: int | None) -> str | None:
    """The socket, once a server answers there; None if the keeper has gone."""
    deadline = time.monotonic() + SILENCE
    while True:
        path = _socket_kept(home)
        said = answer(path) if path else "none"
        if said == "ready":
            return path
        if said == "loading":
            deadline = time.monotonic() + SILENCE  # a long history takes its time
        if time.monotonic() > deadline:
            raise StoreError(
                f"the embedded store in {home} does not answer; its log is {home / 'server.log'}"
            )
        if _gone(home, report):
            return None


def _gone(home: Path, report: int | None) -> bool:
    """True if there is no keeper any more; takes one poll's time. Raises what the keeper reported."""
    if report is None:
        time.sleep(POLL)
        return not _kept(home)
    if not select.select([report], [], [], POLL)[0]:
        return False
    reason = os.read(report, 65536).decode(errors="replace")
    if reason:
        raise StoreError(f"the embedded store in {home} cannot start: {reason}")
    return True


def _kept(home: Path) -> bool:
    """True if a keeper lives; call it only while holding `start.lock`.

    If none does, forgets where the last one's server listened: it may answer there a moment longer.
    """
    fd = _open_lock(home / "keeper.lock")
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.truncate(fd, 0)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


def _socket_kept(home: Path) -> str | None:
    """Where the living keeper's server listens: its temporary folder may be another than ours."""
    said = (home / "keeper.lock").read_text()
    return os.path.normpath(home / said) if said else None


def _promise_always(path: str) -> None:
    """Let a server that an easier-going command started keep the stronger promise, too."""
    with line(path) as wire:
        wire.sendall(b"CONFIG SET appendfsync always\r\n")
        reply = wire.recv(256)
    if reply != b"+OK\r\n":
        raise StoreError(f"the embedded store refused `fsync: always`: {reply.decode().strip()}")


def _refuse_foreign(folder: Path) -> None:
    found = folder.stat(follow_symlinks=False)
    if not stat.S_ISDIR(found.st_mode):
        raise StoreError(f"{folder} is no folder: remove it, {WAY_OUT}")
    if found.st_uid != os.geteuid():
        raise StoreError(
            f"{folder} belongs to another user (id {found.st_uid}): work as that user, {WAY_OUT}"
        )


def _open_lock(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _locked(fd: int, kind: int, whom: str) -> None:
    """Take the lock, waiting for `whom` as long as is reasonable."""
    deadline = time.monotonic() + LOCK_WAIT
    while not _taken(fd, kind):
        if time.monotonic() > deadline:
            raise StoreError(f"waited {LOCK_WAIT:g} s for {whom}: try again, {WAY_OUT}")
        time.sleep(POLL)


def _taken(fd: int, kind: int) -> bool:
    """True if we have the lock now; False while others do."""
    try:
        fcntl.flock(fd, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def _told(folder: Path) -> Iterator[None]:
    """What the system refuses, told to a person."""
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"the embedded store in {folder} cannot be used: {error}; make the folder writable, "
            + WAY_OUT
        ) from error


_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
