"""The outline of a run: what its actions are called, what undoes them, and what is left in some state.

Pure questions about a plan, the code that was found for it, and a state. Not here: doing any of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botcannon_core.programs.program import Plans, Program, Step
from botcannon_core.programs.state import State

OWN = 0  # the number of the undo that a step's own class has


@dataclass(frozen=True)
class Outline:
    """A program among the plans, with the code of each step by key."""

    plans: Plans
    program: Program
    code: Mapping[str, Any]

    def step(self, number: int) -> Step:
        """The step that an action runs."""
        return self.plans.steps[self.program.order[number].of]

    def parts(self, number: int) -> list[tuple[int, Step]]:
        """What undoes an action, in order and numbered: the undo of its own class first, if any."""
        step = self.step(number)
        has_own = callable(getattr(self.code[step.key], "undo", None))
        listed = enumerate(self.program.order[number].undo, OWN + 1)
        return [(OWN, step)] * has_own + [(part, self.plans.steps[key]) for part, key in listed]

    def is_past_pivot(self, state: State) -> bool:
        """Whether there is no way back any more."""
        return any(self.step(number).pivot for number in state.done)

    def doubtful(self, state: State) -> list[str]:
        """The steps of which nobody knows whether they did their work."""
        return [self.step(number).name for number in state.doubtful]

    def left_to_undo(self, state: State) -> list[str]:
        """What has not been undone, in the order in which it would be."""
        return [
            f"{step.name} (of {self.step(number).name})" if part else f"{step.name}'s own undo"
            for number in reversed(state.done)
            for part, step in self.parts(number)
            if (number, part) not in state.undone
        ]

    def left_to_do(self, number: int) -> list[str]:
        """The steps from an action on."""
        order = self.program.order[number:]
        return [self.plans.steps[one.of].name for one in order if one.kind == "run"]
