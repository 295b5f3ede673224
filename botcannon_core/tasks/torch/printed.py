"""What a command prints, on any descriptor and from any child, caught while it runs.

The thread that catches it also has the time to say that the command still runs. Not here: what is done
with what was caught (torch), and who hears that it runs (telling).
"""

from __future__ import annotations

import os
import select
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

_CHUNK = 65_536  # bytes: what a pipe holds on Linux
_PIPEFULS = 16  # a pipe may have been made larger: up to 1 MiB
LONG_SECONDS = 10.0  # after which a command counts as long, and is said to run
LONGER = 3  # times that until it is said again: somewhere each time is one more line in a room
_PRINTED = 1 << 20  # bytes kept of what a command prints; more is read and dropped


class Printed:
    """Catches what is written to descriptors 1 and 2, by this process and its children.

    A thread drains a pipe, so that a command may print for ever without filling memory. The end of
    the catching is a byte on a second pipe and not the end of the first, which a grandchild may hold
    open for long. `still` is told, from that thread, how many seconds a long command has run.
    """

    def __init__(
        self, limit: int = _PRINTED, still: Callable[[float], None] = lambda _seconds: None
    ) -> None:
        self._limit = limit
        self._still = still
        self._kept = bytearray()

    @property
    def text(self) -> str:
        """What was caught so far, as text; bytes that are none are replaced."""
        return self._kept.decode(errors="replace")

    @contextmanager
    def caught(self) -> Iterator[None]:
        """While this is open, nothing printed leaves the process."""
        reader, writer = os.pipe()
        asleep, wake = os.pipe()
        drain = threading.Thread(target=self._drain, args=(reader, asleep), daemon=True)
        drain.start()
        try:
            with _turned(writer):
                yield
        finally:
            os.write(wake, b".")
            drain.join()
            for descriptor in (reader, writer, asleep, wake):
                os.close(descriptor)

    def _drain(self, reader: int, asleep: int) -> None:
        os.set_blocking(reader, False)
        poll = select.poll()
        for descriptor in (reader, asleep):
            poll.register(descriptor, select.POLLIN)
        began, word_at = time.monotonic(), LONG_SECONDS
        while asleep not in dict(poll.poll(1000 * max(0.0, began + word_at - time.monotonic()))):
            self._take(reader)
            if time.monotonic() - began >= word_at:
                self._still(word_at)
                word_at *= LONGER
        # what is in the pipe now was printed by the command; a grandchild may go on for ever
        for _ in range(_PIPEFULS):
            if not self._take(reader):
                return

    def _take(self, reader: int) -> bool:
        """Keep a chunk if there is room; tell whether there was one."""
        try:
            chunk = os.read(reader, _CHUNK)
        except BlockingIOError:
            return False
        self._kept += chunk[: max(0, self._limit - len(self._kept))]
        return bool(chunk)


@contextmanager
def _turned(writer: int) -> Iterator[None]:
    """Descriptors 1 and 2, and Python's own streams, lead to `writer`."""
    streams = sys.stdout, sys.stderr
    for stream in streams:
        _flush(stream)
    saved = [(target, os.dup(target)) for target in (1, 2)]
    for target in (1, 2):
        os.dup2(writer, target)
    # fresh streams, line by line: what Python and its children print stays in order
    sys.stdout = open(1, "w", buffering=1, encoding="utf-8", errors="replace", closefd=False)  # noqa: SIM115 - lives as long as the block
    sys.stderr = open(2, "w", buffering=1, encoding="utf-8", errors="replace", closefd=False)  # noqa: SIM115 - as above
    try:
        yield
    finally:
        for stream in (sys.stdout, sys.stderr, *streams):
            _flush(stream)
        sys.stdout, sys.stderr = streams
        for target, descriptor in saved:
            os.dup2(descriptor, target)
            os.close(descriptor)


def _flush(stream: Any) -> None:
    with suppress(Exception):  # a stream that the command closed has nothing left to say
        stream.flush()
