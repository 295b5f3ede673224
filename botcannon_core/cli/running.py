"""The verbs that steer what runs: down, start, stop and restart.

They only tell and show: what runs is the launcher's business. What starts it is elsewhere (starting).
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

from botcannon_core.cannon import control, locks
from botcannon_core.cannon.declared import OWN_FOLDER
from botcannon_core.errors import UsageError, suggest

RUN_FOLDER = Path(OWN_FOLDER, "run")
GRACE_SECONDS = 10.0  # for a collector whose launcher was killed: the default of `stop_grace`
_SETTLED = ("ready", "standby", "backoff", "exited", "failed")  # for whoever waits for a start


def down() -> None:
    """End every `up` of this folder, in order: collectors, workers, taskbacks, connections.

    Where an `up` was killed, wait for those of its processes that finish what they have begun.
    """
    running, left = control.launchers(RUN_FOLDER), locks.left_behind(RUN_FOLDER)
    if not running and not left:
        print("nothing is up in this folder")
    for pid, path in running.items():
        told = control.tell(path, {"verb": "down"})
        _wait_for(path, lambda _: False)
        print(f"ended: {', '.join(told['services'])} (process {pid})")
    for pid, part in left.items():
        print(
            f"{part} (process {pid}), whose `up` was killed, finishes what it has begun", flush=True
        )
    _outlast(left)


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


def _outlast(left: dict[int, str]) -> None:
    """Wait for processes without a launcher. The kernel has told them; a collector may not listen."""
    deadline = time.monotonic() + GRACE_SECONDS
    while left:
        still = locks.left_behind(RUN_FOLDER)
        for pid in left.keys() - still.keys():
            print(f"ended: {left.pop(pid)} (process {pid})", flush=True)
        if time.monotonic() > deadline:
            for pid in [pid for pid, part in left.items() if part.endswith(".intake")]:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)


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
