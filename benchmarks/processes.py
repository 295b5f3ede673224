"""Processes under measurement: started in a session of their own, weighed as a tree, ended for sure."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

END_SECONDS = 3.0
TICK = os.sysconf("SC_CLK_TCK")
MB = 1024**2


@contextmanager
def running(
    words: Sequence[str],
    folder: Path,
    extra: Mapping[str, str],
    printed: Path,
    stdin: int | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """A command in `folder`, with these variables added; what it prints goes to the file `printed`.

    With a terminal as `stdin`, it prints there. At the end it is asked to end, then it and all that
    came from it are killed.
    """
    with printed.open("ab") as output:
        process = subprocess.Popen(
            words,
            cwd=folder,
            env={**os.environ, **extra},
            stdin=subprocess.DEVNULL if stdin is None else stdin,
            stdout=output if stdin is None else stdin,
            stderr=output,
            start_new_session=True,
        )
    family: set[psutil.Process] = set()
    try:
        yield process
    finally:
        family.update(tree(process.pid))
        end(process, family)


def end(process: subprocess.Popen[bytes], family: set[psutil.Process]) -> None:
    """End a process and its family: asked first, then told."""
    if process.poll() is None:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(END_SECONDS)
    for one in family:
        with suppress(psutil.NoSuchProcess):
            one.kill()
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    deadline = time.monotonic() + END_SECONDS
    while any(map(lives, family)) and time.monotonic() < deadline:
        time.sleep(0.01)


def lives(process: psutil.Process) -> bool:
    """True while a process has not ended, whether or not its parent has heard of it."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def tree(pid: int) -> list[psutil.Process]:
    """A process and all its descendants that live now."""
    try:
        root = psutil.Process(pid)
        return [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def weight(pid: int) -> float:
    """The memory of a tree in MB (1024² bytes): what is shared counts once, divided by sharers (PSS)."""
    total = 0
    for one in tree(pid):
        with suppress(psutil.NoSuchProcess):
            total += one.memory_full_info().pss
    return total / MB


def cpu(pid: int) -> float:
    """CPU seconds of a tree so far, with those of children that have ended and been waited for."""
    return sum(cpu_of(one.pid) for one in tree(pid))


def cpu_of(pid: int) -> float:
    """CPU seconds of one process and of its ended children; 0.0 if it is gone."""
    try:
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(int(word) for word in words[11:15]) / TICK


def wait_while_busy(pid: int, quiet_seconds: float = 1.0, patience: float = 20.0) -> None:
    """Return when a tree has used next to no CPU for a while: it has come up."""
    deadline = time.monotonic() + patience
    before = cpu(pid)
    while time.monotonic() < deadline:
        time.sleep(quiet_seconds)
        now = cpu(pid)
        if now - before < 0.05 * quiet_seconds:
            return
        before = now
