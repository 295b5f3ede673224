"""One command run by Torch as a worker would: in a process of its own, with a deadline, and observed."""

import json
import os
import resource
import select
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from botcannon_core.message import Message, one_line
from botcannon_core.tasks.torch import Torch
from tests.chat.victims import SECRETS, shell

MEMORY = 1 << 30  # bytes of address space beyond what is there: asking for more raises MemoryError


@dataclass(frozen=True)
class Seen:
    """What a command came to: a reply, an exception in one line, or the end of its process."""

    reply: str | None = None
    error: str | None = None
    overran: bool = False
    died: bool = False
    touched: str = ""  # what the shell's methods wrote to their log


def attack(name: str, text: str, log: Path, deadline: float = 20.0) -> Seen:
    """What becomes of `text` said to the shell of this name."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        _live(writer, log, lambda: _answer(name, text))
    os.close(writer)
    told, overran = _heard(reader, deadline)
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    os.close(reader)
    told = told or {"died": not overran}
    return Seen(**told, overran=overran, touched=log.read_text())


def _answer(name: str, text: str) -> dict[str, object]:
    torch = Torch(shell(name), hidden=SECRETS if name == "Traps" else ())
    Path(os.environ["VICTIM_LOG"]).write_text("")  # what building a shell does is its author's
    try:
        return {"reply": torch.task(Message({"text": text}), {})["text"]}
    except BaseException as error:  # noqa: BLE001 - SystemExit and KeyboardInterrupt too
        return {"error": one_line(f"{type(error).__name__}: {error}")}


def _live(writer: int, log: Path, act: Callable[[], dict[str, object]]) -> None:
    """The worker's side: its own group, no input, little memory; never returns."""
    try:
        os.setsid()
        os.environ["VICTIM_LOG"] = str(log)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        most = _address_space() + MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        os.write(writer, json.dumps(act()).encode() + b"\n")
    finally:
        os._exit(0)


def _address_space() -> int:
    """Bytes that this process has mapped: a test process that has had many threads has much."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def _heard(reader: int, deadline: float) -> tuple[dict[str, object], bool]:
    """The line that the worker wrote (nothing if it died), and whether it overran its time."""
    heard, end = b"", time.monotonic() + deadline
    while not heard.endswith(b"\n"):
        left = end - time.monotonic()
        if left <= 0 or not select.select([reader], [], [], left)[0]:
            return {}, True
        chunk = os.read(reader, 1 << 20)
        if not chunk:
            return {}, False
        heard += chunk
    return json.loads(heard), False
