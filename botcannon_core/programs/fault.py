"""What is wrong with declared programs: each fault with the way to it, and all of them at once.

Not here: what makes a declaration wrong (declared, plan), and the lines of a file (compose).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from botcannon_core.contract.problem import ContractError, Step, path
from botcannon_core.errors import CannonError


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong: the way to it (`("steps", "charge", "needs", 0)`), and what it is."""

    steps: tuple[Step, ...]
    text: str

    def __str__(self) -> str:
        return f"{path(self.steps)}: {self.text}"


class PlanError(CannonError):
    """What was declared makes no programs; `faults` names every reason, not only the first."""

    exit_code = 2

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))


@dataclass(frozen=True)
class Spot:
    """A plain value, the way to it, and the list where its faults are put."""

    value: object
    steps: tuple[Step, ...] = ()
    faults: list[Fault] = field(default_factory=list)

    def below(self, step: Step, value: object) -> Spot:
        """The spot of a part; its faults go into the same list."""
        return Spot(value, (*self.steps, step), self.faults)

    def refuse(self, text: str, *below: Step) -> None:
        """Put down that this, or what lies `below` it, is wrong; reading goes on."""
        self.faults.append(Fault((*self.steps, *below), text))

    def take_over(self, error: ContractError) -> None:
        """Put down every problem of a contract where it stands."""
        for problem in error.problems:
            self.refuse(problem.text, *problem.steps)
