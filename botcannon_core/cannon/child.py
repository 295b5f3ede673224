"""A child of the launcher: a forked process with a channel to it and a pipe for what it prints.

It shares the launcher's memory until it writes to it, and none of its descriptors. Not here: when a
child is started or ended (service), and what it does (intake, pool).
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import NoReturn

from botcannon_core.cannon import frames, process
from botcannon_core.cannon.environment import drop_secrets
from botcannon_core.cannon.frames import Channel
from botcannon_core.cannon.lines import Lines
from botcannon_core.errors import CannonError

Run = Callable[[Channel], str]


@dataclass(eq=False)
class Child:
    """A running child, as the launcher sees it."""

    part: str
    pid: int
    channel: Channel
    output: Lines
    state: str = "starting"
    failure: str = ""
    since: float = field(default_factory=time.time)

    def tell(self, kind: str) -> None:
        """Send it a word; a child that is gone hears nothing."""
        try:
            self.channel.send(kind)
        except OSError:
            pass  # its end will be noticed

    def signal(self, number: int) -> None:
        """Send a signal to it and its group."""
        for send, target in ((os.killpg, self.pid), (os.kill, self.pid)):
            try:
                send(target, number)
                return
            except (ProcessLookupError, PermissionError):
                pass  # the terminal's owner leads no group of its own

    def close(self) -> None:
        """Close our ends."""
        self.channel.close()
        self.output.close()


def start(part: str, run: Run, keep: Collection[int] = (), owns_terminal: bool = False) -> Child:
    """Fork a child that calls `run` and exits; `keep` are descriptors that it shares with us."""
    ours, theirs = frames.pair()
    read_end, write_end = os.pipe()
    parent = os.getpid()
    sys.stdout.flush()
    sys.stderr.flush()
    gc.freeze()  # so that a child's collections do not copy the pages that it shares with us
    pid = os.fork()
    if pid == 0:
        _settle_in(parent, write_end, owns_terminal, {theirs, *keep})
        _live(run, Channel(theirs))
    os.close(theirs)
    os.close(write_end)
    if not owns_terminal:
        _lead_own_group(pid)
    return Child(part, pid, Channel(ours), Lines(read_end))


def _settle_in(parent: int, output: int, owns_terminal: bool, keep: set[int]) -> None:
    process.forget_signals()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the launcher tells us
    process.die_with_parent(parent, signal.SIGTERM)
    if owns_terminal:
        os.dup2(output, 2)
    else:
        _lead_own_group(0)
        process.read_nothing()
        os.dup2(output, 1)
        os.dup2(output, 2)
    process.print_at_once()
    process.close_all_but({0, 1, 2, *keep})
    drop_secrets()


def _live(run: Run, channel: Channel) -> NoReturn:
    failure, code = "", 1
    try:
        failure = run(channel)
        code = 1 if failure else 0
    except CannonError as error:
        failure, code = str(error), error.exit_code
    except BaseException as error:  # noqa: BLE001 - a mistake of ours: told, then the end
        failure = f"unexpected {type(error).__name__}: {error}"
        body = {"part": "launcher", "level": "error", "text": traceback.format_exc()}
        _try_to_send(channel, "log", body)
    finally:
        if failure:
            _try_to_send(channel, "failed", failure)
        process.flush_output()
        os._exit(code)  # nothing of the launcher's may run in its child


def _try_to_send(channel: Channel, kind: str, body: object) -> None:
    try:
        channel.send(kind, body)
    except OSError:
        pass  # the launcher is gone


def _lead_own_group(pid: int) -> None:
    """Said by parent and child, so that it holds for both from the fork on."""
    try:
        os.setpgid(pid, pid)
    except OSError:
        pass  # it has exited already
