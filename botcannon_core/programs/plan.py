"""The plan of a compose file: its programs and steps, every name resolved, every program in its order.

All that is wrong is told at once: unknown names, cycles, steps that no program comes to. Not here: the
shapes (declared), what a program is (program), and what happens when one runs (running).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from botcannon_core.errors import suggest
from botcannon_core.programs.declared import Drafts, drafts
from botcannon_core.programs.fault import PlanError, Spot
from botcannon_core.programs.program import Action, Kind, Plans, Program

MOST_ACTIONS = 1000  # of one run: programs within programs multiply


def resolve(document: Mapping[str, Any]) -> Plans:
    """The plans in a compose file's plain values: its keys `programs`, `steps` and `services`.

    Raises PlanError with everything that is wrong.
    """
    top = Spot(document)
    found = drafts(top)
    plans = Plans(found.programs, found.steps, found.services)
    _unknown(found)
    _clashes(top, plans)
    try:
        for cycle in _cycles(plans):
            _place(top, plans, cycle[0]).refuse(f"dependency cycle {' -> '.join(cycle)}")
    except RecursionError:
        top.refuse("steps need each other deeper than can be followed", "steps")
    _unreachable(top, plans)
    if not top.faults:  # else the order might have no end
        plans = replace(plans, programs=_ordered(top, plans))
    if top.faults:
        raise PlanError(dict.fromkeys(top.faults))
    return plans


def _unknown(found: Drafts) -> None:
    known = [*found.programs, *(key for key in found.steps if "." not in key)]
    for spot, name in found.named:
        of_service = spot.steps[0] == "services" or spot.steps[-1] == "program"
        among = list(found.programs) if of_service else known
        if name not in among:
            what = "program" if of_service else "step or program"
            hint = suggest(name, among) or f"; there are: {', '.join(among) or 'none'}"
            spot.refuse(f"no {what} {name!r}{hint}")
        elif spot.steps[-1] == "step" and name not in found.steps:
            spot.refuse(f"{name!r} is a program, not a step")


def _clashes(top: Spot, plans: Plans) -> None:
    """A step written within a list has a name of its own, so that a trace can be read."""
    for step in plans.steps.values():
        if step.key != step.name and (step.name in plans.steps or step.name in plans.programs):
            what = "step" if step.name in plans.steps else "program"
            text = f"there is a {what} {step.name!r}, too; give this one a `name` of its own"
            Spot(None, step.place, top.faults).refuse(text)


def _place(top: Spot, plans: Plans, name: str) -> Spot:
    if name in plans.programs:
        return Spot(None, ("programs", name, "steps"), top.faults)
    return Spot(None, plans.steps[name].place, top.faults)


# --- cycles and what nobody comes to ---------------------------------------------------------------


def _cycles(plans: Plans) -> Iterator[list[str]]:
    """Each way from a name back to itself through needs and programs, told once.

    What undoes a step is never undone itself, so two steps may undo each other; none undoes itself.
    """
    done: set[str] = set()
    for name in (*plans.programs, *plans.steps):
        yield from _ways_back(plans, name, [], done)
    for key, step in plans.steps.items():
        if key in step.undo:
            yield [key, key]


def _ways_back(plans: Plans, name: str, way: list[str], done: set[str]) -> Iterator[list[str]]:
    if name in way:
        yield [*way[way.index(name) :], name]
    elif name not in done:
        way.append(name)
        for one in _before(plans, name):
            yield from _ways_back(plans, one, way, done)
        way.pop()
        done.add(name)


def _before(plans: Plans, name: str) -> tuple[str, ...]:
    step = plans.steps.get(name)
    return step.needs if step else plans.refers(name)


def _unreachable(top: Spot, plans: Plans) -> None:
    reached = plans.reached(plans.programs)
    for key, step in plans.steps.items():
        if key not in reached:
            text = "no program comes to this step; name it in one, or take it out"
            Spot(None, step.place, top.faults).refuse(text)


# --- the order -------------------------------------------------------------------------------------


class _TooLong(Exception):
    """A run would do more than anybody can mean."""


def _ordered(top: Spot, plans: Plans) -> dict[str, Program]:
    found: dict[str, Program] = {}
    for name, program in plans.programs.items():
        found[name] = program
        try:
            found[name] = replace(program, order=_Order(plans).of(program))
        except _TooLong:
            text = f"a run would have more than {MOST_ACTIONS:,} steps, counting those within"
            Spot(None, ("programs", name, "steps"), top.faults).refuse(text)
    return found


class _Order:
    """Spells out all that a run of a program does; there must be no cycle."""

    def __init__(self, plans: Plans) -> None:
        self._plans = plans
        self._actions: list[Action] = []
        self._done: set[str] = set()  # what has run by then

    def of(self, program: Program) -> tuple[Action, ...]:
        """The actions of the program itself: its args and outputs are checked by whoever runs it."""
        for ref in program.steps:
            self._add(ref)
        return tuple(self._actions)

    def _add(self, ref: str) -> None:
        if ref in self._plans.programs:
            self._put("enter", ref)
            for inner in self._plans.programs[ref].steps:
                self._add(inner)
            self._put("leave", ref)
            self._done.add(ref)
        elif ref in self._plans.steps:
            for need in self._plans.steps[ref].needs:
                if need not in self._done:
                    self._add(need)
            self._put("run", ref)
            self._done.add(ref)

    def _put(self, kind: Kind, ref: str) -> None:
        if len(self._actions) >= MOST_ACTIONS:
            raise _TooLong
        times = sum(1 for one in self._actions if (one.kind, one.of) == (kind, ref)) + 1
        key = ref if times == 1 else f"{ref}#{times}"
        undo = tuple(self._undo(ref)) if kind == "run" else ()
        self._actions.append(Action(kind, key, ref, undo))

    def _undo(self, ref: str) -> Iterator[str]:
        """The steps that undo one, with what they need and nothing has done yet."""
        done = {*self._done, ref}
        count = 0
        for one in self._plans.steps[ref].undo:
            for key in self._spelt(one, done, is_need=False):
                if (count := count + 1) > MOST_ACTIONS:
                    raise _TooLong
                yield key

    def _spelt(self, ref: str, done: set[str], is_need: bool) -> Iterator[str]:
        if is_need and ref in done:
            return
        if ref in self._plans.programs:
            for inner in self._plans.programs[ref].steps:
                yield from self._spelt(inner, done, is_need=False)
        elif ref in self._plans.steps:
            for need in self._plans.steps[ref].needs:
                yield from self._spelt(need, done, is_need=True)
            yield ref
        done.add(ref)
