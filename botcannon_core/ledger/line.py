"""A line: one connection on which commands are said at once and their answers heard in order.

It never waits for an answer before it says the next thing, so a whole turn of a loop costs one write,
and a process that is killed right after has still said what it had to say. The store opens the
socket (see dial); hiredis packs and parses. It is no general client: whoever may wait for each answer
uses the store's client instead.
"""

from __future__ import annotations

import select
import socket
import struct
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeGuard

import hiredis

from botcannon_core.digest import sha1_of
from botcannon_core.errors import StoreError
from botcannon_core.ledger.refused import Refused

if TYPE_CHECKING:
    from ssl import SSLSocket

Answer = Any
Then = Callable[[Answer], None]

RECEIVE_BYTES = 1 << 16
# Above this many unanswered commands the line listens before it says more, so that neither side
# buffers without bound. It is also how far back an intake's numbers are remembered (admit.lua).
MOST_UNANSWERED = 1000
SEND_SECONDS = 30.0  # a send that takes longer means that the server is gone
# The server is there but cannot serve this command now: reconnecting, perhaps elsewhere, is the cure.
ELSEWHERE = (
    "LOADING",
    "READONLY",
    "MASTERDOWN",
    "CLUSTERDOWN",
    "MOVED",
    "ASK",
    "TRYAGAIN",
    "UNBLOCKED",
)


class Cut(StoreError):
    """The connection broke, or its server may not serve us now; `reopen()` heals it."""


class Store(Protocol):
    """What a line needs of a store: a new connection to the server in charge of a key."""

    def connection(self, key: str) -> socket.socket:
        """A new, connected socket; raises StoreError."""
        ...


class Line:
    """One pipelined connection to the server in charge of `key`.

    States: open (a socket) and cut (none). Commands said while cut wait. What was said and not
    answered when the line is cut is said again by `reopen()`: every command of ours either changes
    nothing the second time (fences, numbers) or asks for nothing that is lost.
    """

    def __init__(self, store: Store, key: str) -> None:
        self._store = store
        self._key = key
        self._socket: socket.socket | None = None
        self._reader = hiredis.Reader()
        self._unanswered: deque[tuple[tuple[Any, ...], Then | None]] = deque()
        self._unsent: list[bytes] = []
        self._heard_at = time.monotonic()  # or when it became our turn to hear something
        self.patience = 0.0  # seconds without a word after which the line counts as cut; 0: any
        self.reopen()

    def fileno(self) -> int:
        """The socket to wait on; -1 while cut."""
        return -1 if self._socket is None else self._socket.fileno()

    @property
    def is_open(self) -> bool:
        """True while there is a connection."""
        return self._socket is not None

    @property
    def unanswered(self) -> int:
        """How many commands have been said and not been answered."""
        return len(self._unanswered)

    def say(self, *words: Any, then: Then | None = None) -> None:
        """Put a command on the line; `then` gets its answer, or a Refused, when it is heard."""
        if not self._unanswered:
            self._heard_at = time.monotonic()
        self._unanswered.append((words, then))
        if self._socket is not None:
            self._unsent.append(_packed(*words))

    def run(self, script: str, keys: tuple[str, ...], *args: Any, then: Then | None = None) -> None:
        """Say one of the scripts in ledger/lua/, by its name."""
        self.say("EVALSHA", _loaded(script).sha, len(keys), *keys, *args, then=then)

    def flush(self) -> None:
        """Send everything said so far. Raises Cut."""
        if not self._unsent or self._socket is None:
            return
        data, self._unsent = b"".join(self._unsent), []
        try:
            self._socket.sendall(data)
        except OSError as error:
            self._fail(error)

    def check(self) -> None:
        """Raise Cut if an answer is overdue: the other end is gone without a word, or we were frozen.

        What comes later than that may not be true any more: whoever reopens the line asks anew.
        """
        silent = time.monotonic() - self._heard_at
        if (
            self.patience
            and self._unanswered
            and self._socket is not None
            and silent > self.patience
        ):
            self._fail(TimeoutError(f"no answer for {silent:.0f} s"))

    def hear(self, timeout: float = 0.0) -> int:
        """Hand out the answers that are there, waiting up to `timeout` seconds for the first.

        Returns how many there were. Raises Cut when the connection broke, after handing out what
        had still arrived.
        """
        self.flush()
        if self._socket is None:
            raise Cut("the store's connection is closed")
        self.check()
        self._wait(timeout)
        self._receive(self._socket)
        return self._hand_out()

    def ask(self, *words: Any, timeout: float = 10.0) -> Answer:
        """Say a command and wait for its answer: for starts and ends, never in a hot loop."""
        answers: list[Answer] = []
        self.say(*words, then=answers.append)
        deadline = time.monotonic() + timeout
        while not answers:  # others' answers come first, and a long one comes in pieces
            self.hear(max(0.0, deadline - time.monotonic()))
            if not answers and time.monotonic() >= deadline:
                self._fail(TimeoutError(f"no answer for {timeout:g} s"))
        if isinstance(answers[0], Refused):
            raise answers[0]
        return answers[0]

    def ask_script(self, script: str, keys: tuple[str, ...], *args: Any) -> Answer:
        """Run a script and wait for its answer."""
        return self.ask("EVALSHA", _loaded(script).sha, len(keys), *keys, *args)

    def reopen(self, again: bool = True) -> None:
        """Connect anew and say what was not answered again, or forget it. Raises StoreError."""
        self.close()
        self._socket = self._store.connection(self._key)
        _send_within(self._socket, SEND_SECONDS)
        self._reader = hiredis.Reader(encoding="utf-8", errors="replace", replyError=Refused)
        self._unsent = [_packed("SCRIPT", "LOAD", script.text) for script in _all_scripts()]
        self._heard_at = time.monotonic()
        earlier = list(self._unanswered) if again else []
        self._unanswered = deque(((), None) for _ in self._unsent)
        for words, then in earlier:
            if words:
                self.say(*words, then=then)

    def close(self) -> None:
        """Drop the connection; what is unanswered stays for `reopen()`."""
        if self._socket is not None:
            self._socket.close()
        self._socket = None
        self._unsent = []

    def _wait(self, timeout: float) -> None:
        """Wait up to `timeout` seconds for anything to be heard."""
        sock = self._socket
        if timeout <= 0 or (sock is not None and _is_tls(sock) and sock.pending()):
            return
        poll = select.poll()
        poll.register(self.fileno(), select.POLLIN)
        poll.poll(timeout * 1000)

    def _receive(self, sock: socket.socket) -> None:
        """Take in what is there, without waiting."""
        try:
            while (data := _available(sock)) is not None:
                if not data:
                    raise ConnectionResetError("the server closed the connection")
                self._reader.feed(data)
                self._heard_at = time.monotonic()
                if len(data) < RECEIVE_BYTES and not _is_tls(sock):
                    return
        except OSError as error:
            self._fail(error)

    def _hand_out(self) -> int:
        count = 0
        while (answer := self._reader.gets()) is not False:
            words, then = self._unanswered.popleft()
            if isinstance(answer, Refused) and words:
                text = str(answer)
                if text.startswith(ELSEWHERE):
                    self._unanswered.appendleft((words, then))
                    self._fail(OSError(text))
                if text.startswith("NOSCRIPT"):  # a restarted or flushed server: tell it again
                    self._teach()
                    self.say(*words, then=then)
                    continue
            count += 1
            if then is not None:
                then(answer)
        return count

    def _teach(self) -> None:
        for script in _all_scripts():
            self.say("SCRIPT", "LOAD", script.text)

    def _fail(self, error: OSError) -> None:
        self.close()
        raise Cut(f"the store's connection broke: {error}") from error


def _packed(*words: Any) -> bytes:
    try:
        return bytes(hiredis.pack_command(words))
    except UnicodeEncodeError:  # half a pair, as in a file name that is no UTF-8: shown as `?`
        whole: Any = (w.encode(errors="replace") if isinstance(w, str) else w for w in words)
        return bytes(hiredis.pack_command(tuple(whole)))


def _is_tls(sock: socket.socket) -> TypeGuard[SSLSocket]:
    return hasattr(sock, "pending")  # so that only whoever dialled over TLS has imported it


def _send_within(sock: socket.socket, seconds: float) -> None:
    """Let sends wait so long and reads not at all; a socket of TLS can only do both alike."""
    if _is_tls(sock):
        sock.settimeout(seconds)
        return
    sock.settimeout(None)  # else Python waits with an extra call to the kernel before each of ours
    kernel = struct.pack("@ll", int(seconds), 0)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, kernel)


def _available(sock: socket.socket) -> bytes | None:
    """What is there to be read, nothing (b"") at the end of the line, None if nothing is there."""
    if _is_tls(sock):
        if not sock.pending() and not select.select([sock], [], [], 0)[0]:
            return None
        return sock.recv(RECEIVE_BYTES)
    try:
        return sock.recv(RECEIVE_BYTES, socket.MSG_DONTWAIT)
    except BlockingIOError:
        return None


class Script:
    """A Lua script with the name the server knows it by."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.sha = sha1_of(text)


_scripts: dict[str, Script] = {}


def _loaded(name: str) -> Script:
    _all_scripts()
    return _scripts[name]


def _all_scripts() -> list[Script]:
    if not _scripts:
        for file in (Path(__file__).parent / "lua").glob("*.lua"):
            _scripts[file.stem] = Script(file.read_text())
    return list(_scripts.values())
