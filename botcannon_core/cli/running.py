"""The verbs that start and end processes: up, down, start, stop and restart.

They only prepare, tell and show: what runs is the launcher's business.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Literal, TextIO

from botcannon_core.cannon import control, locks, prepare
from botcannon_core.cannon.prepare import OWN_FOLDER, Ready
from botcannon_core.cannon.service import Part
from botcannon_core.cli.asking import ask_for_secret
from botcannon_core.errors import ServiceError, UsageError, suggest

RUN_FOLDER = Path(OWN_FOLDER, "run")
LOG_FOLDER = Path(OWN_FOLDER, "log")
_SETTLED = ("ready", "standby", "backoff", "exited", "failed")  # for whoever waits for a start
ONLY: dict[str, frozenset[Part]] = {
    "collector": frozenset({"intake"}),
    "workers": frozenset({"pool"}),
    "": frozenset({"intake", "pool"}),
}


def up(
    *services: str,
    lazy: bool = False,
    only: Literal["collector", "workers", ""] = "",
    detach: bool = False,
    file: str | None = None,
) -> int:
    """Start SERVICES, or all, and keep them running until they end or Ctrl-C.

    --lazy forks the next worker only when the last one has ended. --only runs one part of the services
    here and leaves the other to another `up`. --detach goes on in the background once all is up.
    """
    ready = prepare.prepare(file, services, ask_for_secret, ONLY[only], _meet_the_launcher)
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


def _meet_the_launcher() -> None:
    """Import what will run: 40 ms that `up` has while others work, and other verbs need not spend."""
    import botcannon_core.cannon.launcher
    import botcannon_core.cannon.log  # noqa: F401 - both are found in a moment


def _run(
    ready: Ready,
    screen: TextIO | None,
    on_up: Callable[[bool], None] | None = None,
) -> int:
    from botcannon_core.cannon.launcher import Launcher  # see _meet_the_launcher
    from botcannon_core.cannon.log import Log

    log = Log(ready.project / LOG_FOLDER, screen)
    launcher = Launcher(ready, log, on_up)
    try:
        return launcher.run()
    finally:
        log.close()
        if screen is None:  # the log was shown to nobody
            _tell_failures(launcher.failures)


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

    def on_up(fine: bool) -> None:
        os.write(tells, b"1" if fine else b"0")
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


def down() -> None:
    """End every `up` of this folder, in order: collectors, workers, taskbacks, connections."""
    running = control.launchers(RUN_FOLDER)
    if not running:
        print("nothing is up in this folder")
    for pid, path in running.items():
        told = control.tell(path, {"verb": "down"})
        _wait_for(path, lambda _: False)
        print(f"ended: {', '.join(told['services'])} (process {pid})")


def stop(*services: str) -> None:
    """End SERVICES, or all, under the running `up`, which stays so that they can be started again."""
    _order("stop", services, lambda state: state in ("exited", "failed"))


def start(*services: str) -> int:
    """Start SERVICES, or all that ended, under the running `up`."""
    return _order("start", services, _SETTLED.__contains__)


def restart(*services: str) -> int:
    """Stop SERVICES, or all, and start them again; their code is read anew, the compose file is not."""
    return _order("restart", services, _SETTLED.__contains__)


def _order(verb: str, services: tuple[str, ...], is_done: Callable[[str], bool]) -> int:
    """Tell every launcher of the folder, wait until it is so, and say it; 1 if one does not run."""
    running = control.launchers(RUN_FOLDER)
    known = {
        name: path
        for path in running.values()
        for name in control.tell(path, {"verb": "pid"})["services"]
    }
    if not running:
        raise UsageError(f"{verb}: nothing is up in this folder; `botcannon up` starts it")
    for name in services:
        if name not in known:
            hint = suggest(name, list(known)) or f"; there run: {', '.join(sorted(known))}"
            raise UsageError(f"{verb}: no running service {name!r}{hint}")
    found: dict[str, str] = {}
    for path in dict.fromkeys(known[name] for name in services or known):
        ours = [name for name in services or known if known[name] == path]
        control.tell(path, {"verb": verb, "services": ours})
        states = _wait_for(path, partial(_all_are, ours, is_done))
        found |= {name: states.get(name, "ended") for name in ours}
    for name, state in found.items():
        print(f"{name}: {state}")
    return int(verb != "stop" and not {"failed", "ended"}.isdisjoint(found.values()))


def _all_are(ours: list[str], is_done: Callable[[str], bool], states: dict[str, str]) -> bool:
    return all(is_done(states[name]) for name in ours)


def _wait_for(path: Path, is_done: Callable[[dict[str, str]], bool]) -> dict[str, str]:
    """Ask a launcher until it is so; returns the states it told, or nothing if it is gone."""
    while path.exists():
        try:
            states: dict[str, str] = control.tell(path, {"verb": "pid"})["services"]
        except UsageError:
            break
        if is_done(states):
            return states
        time.sleep(0.02)
    return {}
