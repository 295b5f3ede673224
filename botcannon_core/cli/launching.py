"""From what is declared to a launcher that runs, here or in the background. See starting for the verb.

It only prepares and shows: what runs is the launcher's business.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from botcannon_core.cannon import locks, prepare
from botcannon_core.cannon.declared import OWN_FOLDER, Declared
from botcannon_core.cannon.prepare import Ready
from botcannon_core.cannon.service import Part
from botcannon_core.cli.asking import ask_for_secret
from botcannon_core.cli.importing import hurry
from botcannon_core.compose import loading
from botcannon_core.errors import ComposeError, ServiceError, UsageError

if TYPE_CHECKING:
    from botcannon_core.cannon.log import Log

LOG_FOLDER = Path(OWN_FOLDER, "log")
ONLY: dict[str, frozenset[Part]] = {
    "collector": frozenset({"intake"}),
    "workers": frozenset({"pool"}),
    "": frozenset({"intake", "pool"}),
}


def launch(declared: Declared, *, lazy: bool, only: str, detach: bool) -> int:
    """Run what is declared until it ends, or with `detach` until all is up; returns the exit code."""
    parts = ONLY[only]
    ready = prepare.prepare(declared, ask_for_secret, parts, partial(_import, declared, parts))
    for caution in ready.cautions:
        print(f"botcannon: caution: {caution}", file=sys.stderr)
    if lazy:
        ready = ready.lazily()
    held = locks.lock(ready.run_folder, ready.store.namespace, ready.services, ready.parts)
    try:
        if detach:
            return _detached(ready, held)
        return _run(ready, None if ready.terminal_owner else sys.stdout)
    finally:
        ready.store.close()
        for descriptor in held:
            os.close(descriptor)


def _import(declared: Declared, parts: frozenset[Part]) -> None:
    """Import what will run: 40 ms in which another process looks at the classes.

    The collectors of the house, too: an intake that inherits one writes to fewer pages of what it shares
    with us, and is back sooner after a crash.
    """
    with hurry():
        import botcannon_core.cannon.launcher
        import botcannon_core.cannon.log  # noqa: F401 - both are found in a moment

        for name in sorted(declared.wanted) if "intake" in parts else ():
            with suppress(KeyError, ComposeError, ImportError):  # those are told elsewhere
                collector = declared.reading.spec.services[name].collector
                module = loading.module_name(collector, declared.project)
                if module.startswith(loading.ROOMS["collector"]):
                    importlib.import_module(module)


def _run(
    ready: Ready,
    screen: TextIO | None,
    on_up: Callable[[dict[str, str]], None] | None = None,
) -> int:
    from botcannon_core.cannon.launcher import Launcher  # see _import
    from botcannon_core.cannon.log import Log

    log = Log(ready.project / LOG_FOLDER, screen)
    launcher = Launcher(ready, log, on_up or (partial(_say_up, log) if screen else None))
    try:
        return launcher.run()
    finally:
        log.close()
        if screen is None:  # the log was shown to nobody
            _tell_failures(launcher.failures)


def _say_up(log: Log, states: Mapping[str, str]) -> None:
    """Say what runs, and how to go on: services that print nothing look like ones that hang."""
    notes = {"ready": "", "standby": " (standby)"}
    up = [name + notes[state] for name, state in states.items() if state in notes]
    if up:
        log.say(
            f"up: {', '.join(up)} (process {os.getpid()}); Ctrl-C or `botcannon down` ends it, "
            f"`botcannon status` and `botcannon ps` tell more"
        )


def _tell_failures(failures: Mapping[str, str]) -> None:
    for name, why in failures.items():
        print(f"botcannon: {name} failed: {why} (see {LOG_FOLDER / 'up.log'})", file=sys.stderr)


def _detached(ready: Ready, held: list[int]) -> int:
    """Go on in a process of its own; this one tells how the start went, and ends."""
    if ready.terminal_owner:
        raise UsageError(
            f"up --detach: {ready.terminal_owner} wants the terminal; name the other services, "
            f"and use `botcannon chat` for a terminal on a running one"
        )
    told, tells = os.pipe()
    pid = os.fork()
    if pid:
        os.close(tells)
        return _told(told, pid, ready)
    os.close(told)
    locks.sign(held)
    _leave_the_terminal()

    def on_up(states: dict[str, str]) -> None:
        os.write(tells, b"0" if "failed" in states.values() else b"1")
        os.close(tells)

    return _run(ready, None, on_up)


def _told(told: int, pid: int, ready: Ready) -> int:
    with os.fdopen(told, "rb") as pipe:
        fine = pipe.read(1) == b"1"
    if not fine:
        raise ServiceError(f"a service failed; see {LOG_FOLDER / 'up.log'}")
    print(f"up in the background: {', '.join(ready.services)} (process {pid})")
    return 0


def _leave_the_terminal() -> None:
    os.setsid()
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
