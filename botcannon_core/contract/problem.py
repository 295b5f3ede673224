"""What is wrong with a value or with a declaration: every problem with its path, none with the value.

Values are never quoted, since any of them may be a secret. Not here: what makes a value wrong (kinds).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from botcannon_core.errors import CannonError

Step = str | int
"""A name or an index: one step of the way to a value."""


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: the way to it, and what it is."""

    steps: tuple[Step, ...]
    text: str

    @property
    def path(self) -> str:
        """The way as people write it: `order.items[0].name`; empty for the whole."""
        return path(self.steps)

    def __str__(self) -> str:
        return f"{self.path}: {self.text}" if self.steps else self.text


class ContractError(CannonError):
    """Values or a declaration that break the rules; `problems` names every reason."""

    exit_code = 2

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


@dataclass(frozen=True)
class Spot:
    """Where a value is looked at, and the list where its problems are put."""

    steps: tuple[Step, ...]
    problems: list[Problem]

    def below(self, step: Step) -> Spot:
        """The spot one step further; its problems go into the same list."""
        return Spot((*self.steps, step), self.problems)

    def aside(self) -> Spot:
        """The same spot with a list of its own: for trying what may not fit."""
        return Spot(self.steps, [])

    def refuse(self, text: str) -> None:
        """Put down that what is here is wrong; looking goes on."""
        self.problems.append(Problem(self.steps, text))


def path(steps: Sequence[Step]) -> str:
    """Steps as one text: names joined by dots, indexes in brackets."""
    joined = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
    return joined.removeprefix(".")
