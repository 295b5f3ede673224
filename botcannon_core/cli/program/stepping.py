"""A program run step by step in this process, with a pause before each: for whoever builds one.

Its journal lives in this process: if that is killed, nobody goes on and nothing is undone. Not here:
how a program is run (programs.running), and how it runs in its service (running).
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from botcannon_core.cli import building
from botcannon_core.cli.asking import ask_for_secret
from botcannon_core.cli.opening import Project
from botcannon_core.cli.shelling import built
from botcannon_core.compose import loading
from botcannon_core.contract import pack, plain
from botcannon_core.message import Message, redacted
from botcannon_core.programs.calling import Called, call
from botcannon_core.programs.means import Means, Moment
from botcannon_core.programs.program import Plans, Program
from botcannon_core.programs.running import Later, Run


class Notebook:
    """A journal that is gone with this process."""

    def __init__(self) -> None:
        self._records: list[str] = []

    def load(self) -> list[str]:
        """The records of the turns before."""
        return list(self._records)

    def write(self, *records: str) -> None:
        """Put these down."""
        self._records += records


class Stepper:
    """Shows each moment of a run, waits before code runs, and stops the run when asked to."""

    def __init__(self, hidden: frozenset[str], ask: Callable[[str], str]) -> None:
        self._hidden = hidden
        self._ask = ask
        self._kind = "run"
        self._is_stopped = False

    def seen(self, moment: Moment) -> None:
        """Show the pool before a step, and how it went after it."""
        of = f" (of {moment.of})" if moment.of not in ("", moment.step) else ""
        what = f"{'undo ' if moment.kind == 'undo' else ''}{moment.step}{of}"
        if moment.how:
            self._say(f"  {moment.how}{f': {moment.error}' if moment.error else ''}")
            return
        self._kind = moment.kind
        pool = json.dumps(plain(moment.pool), ensure_ascii=False)
        self._say(f"{what}\n  pool: {redacted(pool, self._hidden)}")
        self._pause()

    def call(
        self, name: str, code: Any, message: Message, results: dict[str, Any], hidden: Any
    ) -> Called:
        """Run the code, unless somebody has said that nothing more shall be done."""
        if self._is_stopped and self._kind == "run":
            return Called("failed", error="stopped by hand")
        return call(name, code, message, results, hidden)

    def _pause(self) -> None:
        if self._is_stopped:
            return
        says = "Enter undoes it" if self._kind == "undo" else "Enter runs it, q stops and undoes"
        try:
            word = self._ask(f"  {says}: ")
        except (EOFError, KeyboardInterrupt):
            word = "q"
        if word.strip().lower() in ("q", "quit"):
            self._is_stopped = True

    def _say(self, text: str) -> None:
        print(text, flush=True)


def stepped(project: Project, plans: Plans, program: Program, given: Mapping[str, Any]) -> str:
    """Run the program here, asking before each step; its answer, see programs.envelope.

    Raises HalfDone if it can neither be ended nor undone.
    """
    spec = building.resolved(project, ask_for_secret)
    handles = building.handles(project, spec) | {"shell": partial(built, project, spec)}
    parts = {
        key: loading.build(spec.parts[key], handles, Path.cwd())
        for key in plans.only([program.name]).steps
    }
    stepper = Stepper(spec.hidden, _asked)
    means = Means(parts, Notebook(), hidden=spec.hidden, seen=stepper.seen, call=stepper.call)
    message = Message({"program": program.name, "body": pack(given)}, "", project.name)
    while True:
        try:
            return Run(plans, program, message, means).go(given)
        except Later as later:
            print(f"  again in {later.delay:g} s: {later}", flush=True)
            time.sleep(later.delay)


def _asked(prompt: str) -> str:
    if sys.stdin.isatty():
        sys.stderr.write(prompt)
        sys.stderr.flush()
    line = sys.stdin.readline()
    if not line:
        raise EOFError
    return line
