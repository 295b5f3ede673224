"""A program with its steps, resolved and in the order in which they run: pure, frozen values.

What was declared becomes this once, when a compose file is read (plan); it travels to the workers as it
is. Not here: what happens when a program runs (running).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from botcannon_core.contract import Contract

Kind = Literal["run", "enter", "leave"]


@dataclass(frozen=True)
class Step:
    """One piece of code of a program, what must be done before it, and what undoes it.

    `key` is its own in the whole file: its name under `steps:`, or `PROGRAM.NAME` if it is written
    within a list. `place` is the way to where its class is named. `needs` and `undo` are keys of
    steps or names of programs. It may be run twice if it is `idempotent`; once a `pivot` is done
    there is no way back.
    """

    key: str
    name: str
    place: tuple[str | int, ...]
    file: str = ""
    entry: str = ""
    description: str = ""
    args: Contract = field(default_factory=lambda: Contract({}))
    needs: tuple[str, ...] = ()
    undo: tuple[str, ...] = ()
    idempotent: bool = False
    pivot: bool = False


@dataclass(frozen=True)
class Action:
    """One thing that a run does, in its place: `run` a step, `enter` or `leave` a program within.

    `key` is its own in the program: the step's (or program's) key, with `#2` at the second time. `of`
    is that key itself. `undo` are the keys of the steps that undo it, in order, all their needs
    included; the undo that a step's own class may have comes before them.
    """

    kind: Kind
    key: str
    of: str
    undo: tuple[str, ...] = ()


@dataclass(frozen=True)
class Program:
    """A chain of steps with a name, what goes in, what comes out.

    `steps` are its own, by key; `order` is all that a run does, needs and programs within spelt out.
    `lock` names the arg by whose value runs go one at a time.
    """

    name: str
    description: str = ""
    args: Contract = field(default_factory=lambda: Contract({}))
    outputs: Contract = field(default_factory=lambda: Contract({}))
    steps: tuple[str, ...] = ()
    lock: str | None = None
    order: tuple[Action, ...] = ()

    @property
    def fingerprint(self) -> str:
        """The same text for every plan in which a run that has begun can go on."""
        shape = [[one.kind, one.key, one.of, one.undo] for one in self.order]
        return hashlib.blake2b(json.dumps(shape).encode(), digest_size=8).hexdigest()


@dataclass(frozen=True)
class Plans:
    """Every program and step of a file, by name and by key; `services` says which programs each runs."""

    programs: Mapping[str, Program] = field(default_factory=dict)
    steps: Mapping[str, Step] = field(default_factory=dict)
    services: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def offered(self) -> dict[str, Program]:
        """The programs that may be asked for: those that services name."""
        names = [name for listed in self.services.values() for name in listed]
        return {name: self.programs[name] for name in names}

    def only(self, names: Iterable[str]) -> Plans:
        """These programs with all that they come to, and nothing else."""
        reached = self.reached(names)
        return Plans(
            {name: one for name, one in self.programs.items() if name in reached},
            {key: one for key, one in self.steps.items() if key in reached},
        )

    def reached(self, names: Iterable[str]) -> set[str]:
        """The names of programs and keys of steps that these come to, themselves included."""
        found: set[str] = set()
        waiting = list(names)
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                waiting += self.refers(name)
        return found

    def refers(self, name: str) -> tuple[str, ...]:
        """What a program or step names itself."""
        program, step = self.programs.get(name), self.steps.get(name)
        of_step = (*step.needs, *step.undo) if step else ()
        return (*(program.steps if program else ()), *of_step)
