"""The keeper: the small process that is the embedded server's parent, and stops it when nobody is left.

Run as a script by `embedded` (`python -I -S keeper.py HOME SERVER SOCKET FSYNC`), so it imports the
standard library only and nothing of botcannon. Not here: how a command finds or starts it.

Who holds which lock in `.botcannon/`; the kernel releases each when its holder dies:

    store.lock         every command that uses the store, shared; the keeper, alone, while it stops
    store/start.lock   the one command that starts a keeper (see embedded)
    store/keeper.lock  the keeper, all its life; the file says where the socket is
    store/server.lock  the keeper *and* the server it started: never two servers on one folder

If the keeper is killed, the kernel tells the server to end in order (Linux), or the next keeper does.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import select
import signal
import sys
import time

TICK = 0.5  # seconds between two looks at who uses the store
IDLE = 1.0  # seconds nobody may have used it before it is stopped
PATIENCE = 30.0  # seconds an old server has to end before this is an error
BACKOFF, BACKOFF_MAX, HEALTHY = 0.1, 5.0, 10.0  # seconds: restarts of a server that dies
KEPT_LOG = 1_000_000  # bytes of the server's log that survive a start
PR_SET_PDEATHSIG = 1  # linux/prctl.h

# one of its own: a strange locale keeps Valkey from starting, and our secrets are none of its business
SERVER_ENVIRONMENT = {"LC_ALL": "C", "PATH": os.defpath}

REPORT = 1  # the starter reads our stdout: any text is the reason why there is no server


class Failure(Exception):
    """There will be no server; the text is for the person who wanted one."""


def main(home: str, server: str, path: str, fsync: str) -> None:
    """Keep the server of the store in `home` alive until nobody has used it for a second."""
    if os.fork():
        os._exit(0)  # the starter waits for this one, so that the keeper is nobody's zombie
    os.setsid()
    os.chdir(home)  # and every path is relative: the project's folder may be moved while it is used
    try:
        keep(Bell(), server, path, fsync)
    except Failure as failure:
        os.write(REPORT, str(failure).encode())


def keep(bell: Bell, server: str, path: str, fsync: str) -> None:
    """Start the server, start it again when it dies, stop it when it is no longer wanted."""
    me = lock("keeper.lock")
    if me is None:
        return  # another keeper was faster
    os.truncate(me, 0)
    guard = sole_server(path)
    os.write(me, path.encode())  # only now: a server that answers there is ours
    users = open_lock("../store.lock")
    idle_since = None
    child = Child(server, path, fsync, guard)
    while not bell.asked_to_stop:
        bell.wait(TICK)
        child.care()
        idle_since = look(users, idle_since)
        if idle_since and time.monotonic() - idle_since >= IDLE and take(users):
            break  # and keep the lock: who comes now waits until we are gone, then starts afresh
    child.stop()
    clear(path)


def look(users: int, idle_since: float | None) -> float | None:
    """Since when, on the monotonic clock, nobody has used the store; None if somebody does."""
    if not take(users):
        return None
    fcntl.flock(users, fcntl.LOCK_UN)
    return idle_since or time.monotonic()


class Child:
    """The server's process: born with the keeper, born again when it dies, stopped in order."""

    def __init__(self, server: str, path: str, fsync: str, guard: int) -> None:
        self._words = words(server, path, fsync)
        self._guard = guard
        self._pause = BACKOFF
        self._start()

    def care(self) -> None:
        """Start the server again if it has died, unless it never came up for the one who wanted it."""
        status = reaped(self._pid)
        if status is None:
            return
        if starter_waits():
            raise Failure(f"the server ended while it started ({status}).\n{last_log_lines()}")
        healthy = time.monotonic() - self._born > HEALTHY
        self._pause = BACKOFF if healthy else min(2 * self._pause, BACKOFF_MAX)
        time.sleep(self._pause)
        self._start()

    def stop(self) -> None:
        """Let the server write everything down and end; insist only if it hangs."""
        deadline = time.monotonic() + PATIENCE
        os.kill(self._pid, signal.SIGTERM)  # not yet reaped, so the id is still its own
        while reaped(self._pid) is None:
            if time.monotonic() > deadline:
                os.kill(self._pid, signal.SIGKILL)
            time.sleep(0.005)

    def _start(self) -> None:
        shorten_log()
        self._born = time.monotonic()
        self._pid = spawn(self._words, self._guard)


def words(server: str, path: str, fsync: str) -> list[str]:
    """The command that runs the server in this folder: one socket, no port, everything written down."""
    return [
        *(server, "--port", "0", "--unixsocket", path, "--unixsocketperm", "600"),
        *("--dir", ".", "--logfile", "server.log", "--daemonize", "no", "--save", ""),
        *("--appendonly", "yes", "--appendfsync", fsync, "--aof-load-truncated", "yes"),
        *("--maxmemory-policy", "noeviction"),
    ]


def spawn(command: list[str], guard: int) -> int:
    """Run the server; it inherits the guard lock and ends, in order, when this process dies."""
    parent = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    try:
        os.set_inheritable(guard, True)
        nothing = os.open(os.devnull, os.O_RDWR)
        for fd in (0, 1, 2):
            os.dup2(nothing, fd)
        end_with(parent)
        os.execve(command[0], command, SERVER_ENVIRONMENT)  # noqa: S606 - no shell is the point
    finally:
        os._exit(127)


def end_with(parent: int) -> None:
    """Ask the kernel to end this process when its parent dies; only Linux can."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            os._exit(0)  # it died before we asked


def reaped(pid: int) -> str | None:
    """How the child ended; None while it lives."""
    found, status = os.waitpid(pid, os.WNOHANG)
    if not found:
        return None
    code = os.waitstatus_to_exitcode(status)
    return f"signal {-code}" if code < 0 else f"exit code {code}"


def sole_server(path: str) -> int:
    """The lock that says a server runs here, once any server of an earlier keeper has ended."""
    guard = lock("server.lock")
    if guard is None:
        ask_to_end(path)
        guard = lock("server.lock", wait=PATIENCE)
    if guard is None:
        raise Failure("an earlier server still runs here and does not end")
    remove(path)
    return guard


def lock(name: str, wait: float = 0.0) -> int | None:
    """An open file that this process alone has locked; None if it is still taken after `wait`."""
    fd = open_lock(name)
    deadline = time.monotonic() + wait
    while not take(fd):
        if time.monotonic() >= deadline:
            os.close(fd)
            return None
        time.sleep(0.01)
    return fd


def open_lock(name: str) -> int:
    """An open file to lock, made if there is none."""
    return os.open(name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def take(fd: int) -> bool:
    """True if nobody else holds this lock, and from now on we do."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def ask_to_end(path: str) -> None:
    """Tell a server whose keeper is gone to write everything down and end."""
    import socket  # only for this: it would cost every server's start 2 ms

    try:
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(1.0)
            line.connect(path)
            line.sendall(b"SHUTDOWN\r\n")
            line.recv(64)
    except OSError:
        pass  # it is ending already: that is why it does not listen


def starter_waits() -> bool:
    """True while the command that started us still waits for the first answer."""
    poll = select.poll()
    poll.register(REPORT, 0)
    return not poll.poll(0)


def shorten_log() -> None:
    """Start a new log when the old one is large."""
    try:
        if os.stat("server.log").st_size > KEPT_LOG:
            os.replace("server.log", "server.log.1")
    except FileNotFoundError:
        pass


def last_log_lines() -> str:
    """The end of what the server said, for the person who must find out."""
    try:
        with open("server.log", errors="replace") as log:
            return "".join(log.readlines()[-5:]).strip()
    except OSError:
        return "It left no log."


def clear(path: str) -> None:
    """Leave no socket behind, nor the private folder it was given when the project's path is long."""
    remove(path)
    if os.path.isabs(path):
        try:
            os.rmdir(os.path.dirname(path))
        except OSError:
            pass  # somebody put something there: it is not ours to remove


def remove(path: str) -> None:
    """Remove a file that may not be there."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass


class Bell:
    """Wakes the keeper the moment a child dies or somebody wants it to stop."""

    def __init__(self) -> None:
        self.asked_to_stop = False
        self._ear, mouth = os.pipe()
        os.set_blocking(self._ear, False)
        os.set_blocking(mouth, False)
        signal.set_wakeup_fd(mouth, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, self._stop)
        for ignored in (signal.SIGINT, signal.SIGHUP):
            signal.signal(ignored, signal.SIG_IGN)

    def wait(self, seconds: float) -> None:
        """Return after `seconds`, or at the next signal."""
        if select.select([self._ear], [], [], seconds)[0]:
            os.read(self._ear, 4096)

    def _stop(self, *_: object) -> None:
        self.asked_to_stop = True


if __name__ == "__main__":
    main(*sys.argv[1:])
