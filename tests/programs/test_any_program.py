"""Any program, any step that fails, any death: what is left on the outside is all or nothing.

With steps and undos that may be run again it is exactly that. Without, there are two deviations, both
told as in doubt: what was killed may be undone without having been done, and an undo that was killed may
have run twice.
"""

import json
from collections import Counter
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from botcannon_core.programs.fault import PlanError
from botcannon_core.programs.means import Rule
from botcannon_core.programs.plan import resolve
from botcannon_core.programs.program import Plans
from tests.programs.world import Code, Ending, WithUndo, World, step

NAMES = "abcdef"
MOST_LENGTH = 30  # actions, so that an example stays small


@st.composite
def documents(draw: st.DrawFn, idempotent: bool) -> dict[str, Any]:
    """Programs `p`, and perhaps `q` within it, of steps that need each other and are all undone."""
    steps: dict[str, Any] = {}
    for at, name in enumerate(NAMES):
        needs = (
            draw(st.lists(st.sampled_from(NAMES[at + 1 :]), max_size=2)) if NAMES[at + 1 :] else []
        )
        undo = draw(st.sampled_from(["own", "listed", "both", "twice"]))
        listed = {
            "own": [],
            "listed": [f"un{name}"],
            "both": [f"un{name}"],
            "twice": [f"un{name}"] * 2,
        }
        steps[name] = step(needs=needs, undo=listed[undo], idempotent=idempotent)
        steps[name]["own"] = undo in ("own", "both")
        if listed[undo]:
            steps[f"un{name}"] = step(needs=draw(st.sampled_from([[], [], ["look"]])))
    steps["look"] = step(idempotent=True)
    listed_steps = st.lists(st.sampled_from(NAMES), min_size=1, max_size=4)
    programs = {"q": {"steps": draw(listed_steps)}, "p": {"steps": draw(listed_steps)}}
    if draw(st.booleans()):
        at = draw(st.integers(0, len(programs["p"]["steps"])))
        programs["p"]["steps"].insert(at, "q")
    return {"programs": programs, "steps": steps}


def planned(document: dict[str, Any]) -> Plans | None:
    """The plans, without the steps that no program comes to; None for one that is too long."""
    steps = {
        name: {key: one[key] for key in one if key != "own"}
        for name, one in document["steps"].items()
    }
    plans = _resolved({**document, "steps": steps})
    return plans if plans and len(plans.programs["p"].order) <= MOST_LENGTH else None


def _resolved(document: dict[str, Any]) -> Plans | None:
    while True:
        try:
            return resolve(document)
        except PlanError as error:
            idle = {str(fault.steps[1]) for fault in error.faults if "no program" in fault.text}
            if not idle or len(idle) < len(error.faults):
                raise
            document = {
                **document,
                "steps": {n: one for n, one in document["steps"].items() if n not in idle},
            }


class Programs(RuleBasedStateMachine):
    """One message, its program, and workers that die where they are told to."""

    idempotent = True

    @initialize(data=st.data())
    def begin(self, data: st.DataObject) -> None:
        self.document = data.draw(documents(self.idempotent))
        plans = planned(self.document)
        self.plans = plans if plans else resolve({"programs": {"p": {"steps": [step()]}}})
        self.world = World()
        self.ending: Ending | None = None
        order = [one.of for one in self.plans.programs["p"].order if one.kind == "run"]
        self.failing = data.draw(st.sampled_from([None, None, *order]))
        flaky = data.draw(st.sampled_from(["", *(name for name in self.plans.steps)]))
        self.fails_left = data.draw(st.integers(0, 4))
        for key in self.plans.steps:
            own = self.document["steps"].get(key, {}).get("own", False)
            made = WithUndo if own else Code
            self.world.code[key] = made(self.world, key, partial(self._fails, key, flaky))

    def _fails(self, key: str, flaky: str) -> bool:
        if key == self.failing:
            return True
        if key == flaky and key.startswith("un") and self.fails_left > 0:
            self.fails_left -= 1
            return True
        return False

    # a run is over when it was answered; one that is parked waits for somebody to try it by hand

    @property
    def is_over(self) -> bool:
        return self.ending is not None and not self.ending.parked

    @rule(points=st.integers(1, 60))
    def a_worker_goes_on_and_may_die(self, points: int) -> None:
        if not self.is_over:
            self.world.deaths = {self.world.points + points}
            self.ending = self._turn()

    @rule()
    def a_worker_goes_on(self) -> None:
        """Once the run is over, one that died before that was settled: the next answers the same."""
        before, acts = self.ending if self.is_over else None, list(self.world.acts)
        self.world.deaths = set()
        self.ending = self._turn()
        assert before is None or (self.ending, self.world.acts) == (before, acts)

    def _turn(self) -> Ending | None:
        self.world.turns = 0
        return self.world.turn(self.plans, "p", {}, Rule(tries=2))

    @invariant()
    def what_is_recorded_is_so(self) -> None:
        """Each success in the journal has its effect on the outside, and each has one record only."""
        if not hasattr(self, "world"):
            return
        recorded: Counter[str] = Counter()
        spots: Counter[str] = Counter()
        begun: dict[str, Any] = {}
        for record in map(json.loads, self.world.records):
            if record["what"] in ("run", "undo"):
                begun = record
            elif record["what"] == "done":
                spots[f"{begun['action']} {begun.get('part')}"] += 1
                recorded[name_of(begun)] += 1
        assert all(count == 1 for count in spots.values())
        acts = Counter(self.world.acts)
        assert all(acts[name] >= count for name, count in recorded.items())

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        self.world.deaths = set()
        for _ in range(200):
            if self.is_over:
                break
            self.ending = self._turn()
        assert self.is_over, "it never ends"
        self.check()

    def check(self) -> None:
        assert self.ending is not None
        order = [one for one in self.plans.programs["p"].order if one.kind == "run"]
        there = self._there()
        if self.ending.is_ok:
            assert there == {one.of for one in order} - {"look"}
        else:
            assert there == set()
        if self.failing in {one.of for one in order}:
            assert not self.ending.is_ok

    def _there(self) -> set[str]:
        """What a world has in which things are done and undone by name."""
        there: set[str] = set()
        for act in self.world.acts:
            if act.startswith("un"):
                there.discard(act.removeprefix("undo ").removeprefix("un"))
            elif act != "look":
                there.add(act)
        return there


class Careless(Programs):
    """The same with steps that must not be run twice, counted one by one."""

    idempotent = False

    def check(self) -> None:
        assert self.ending is not None
        acts = Counter(self.world.acts)
        doubts = Counter(self.world.doubts)
        order = [one for one in self.plans.programs["p"].order if one.kind == "run"]
        runs = Counter(one.of for one in order)
        assert all(acts[name] <= count for name, count in runs.items()), "a step ran twice"
        if self.ending.is_ok:
            assert all(acts[name] == count for name, count in runs.items())
            assert not any(name.startswith("un") for name in acts)
            return
        doubtful = set(self.ending.answer.get("in_doubt", ()))
        for name in runs:
            for undo, times in self._undos(name).items():
                balance = acts[undo] - acts[name] * times
                told = name in doubtful or doubts[undo]
                assert balance == 0 or (told and balance > 0), (name, undo, acts)

    def _undos(self, name: str) -> Counter[str]:
        listed = Counter(self.plans.steps[name].undo)
        own = {f"undo {name}": 1} if self.document["steps"].get(name, {}).get("own") else {}
        return Counter({**listed, **own})


def name_of(record: dict[str, Any]) -> str:
    """The effect of a piece of code."""
    return f"undo {record['step']}" if record.get("part") == 0 else str(record["step"])


FEW = settings(
    max_examples=300,
    stateful_step_count=8,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)

TestPrograms = Programs.TestCase
TestPrograms.settings = FEW
TestCareless = Careless.TestCase
TestCareless.settings = FEW


@pytest.mark.fuzz
@pytest.mark.timeout(900)
@pytest.mark.parametrize("machine", [Programs, Careless])
def test_many_more_programs(machine: type[Programs]) -> None:
    run_state_machine_as_test(machine, settings=settings(FEW, max_examples=3000))
