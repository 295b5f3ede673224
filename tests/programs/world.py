"""A world in which programs run without processes: a journal in memory, effects, and deaths.

Every place where a worker may die is a *point*: before and after each word to the journal, before and
after each effect. A world dies at the points it is told to, and somebody else goes on. Not a fixture.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import redirect_stderr
from dataclasses import dataclass, field
from io import StringIO
from typing import Any

from botcannon_core import contract
from botcannon_core.message import Message
from botcannon_core.programs.calling import Called, call
from botcannon_core.programs.means import Means, Moment, Rule
from botcannon_core.programs.plan import resolve
from botcannon_core.programs.program import Plans
from botcannon_core.programs.running import HalfDone, Later, Run

MOST_TURNS = 200


class Killed(BaseException):
    """The worker dies right here."""


@dataclass
class Code:
    """What a step does: `acts` is its effect, once per call; it may fail first, or give something."""

    world: "World"
    name: str
    fails: Callable[[], bool] = lambda: False
    gives: Mapping[str, Any] = field(default_factory=dict)

    def task(self, message: Message, results: dict[str, Any]) -> Any:
        self.world.point()
        if self.fails():
            raise ValueError(f"{self.name} cannot")
        self.world.act(self.name, message)
        self.world.point()
        return dict(self.gives) or None


class WithUndo(Code):
    """A class of a step with an undo of its own."""

    def undo(self, message: Message, _results: dict[str, Any]) -> None:
        self.world.point()
        self.world.act(f"undo {self.name}", message)
        self.world.point()


@dataclass
class Ending:
    """How a run ended: its answer, or why it was put aside and what is left."""

    answer: dict[str, Any]
    parked: str = ""
    left: str = ""

    @property
    def is_ok(self) -> bool:
        return bool(self.answer["ok"])


class World:
    """The outside, with all effects in `acts`, and the journal of one message."""

    def __init__(self, deaths: Iterable[int] = ()) -> None:
        self.deaths = set(deaths)
        self.points = 0
        self.acts: list[str] = []
        self.doubts: list[str] = []
        self.keys: list[str] = []
        self.pauses: list[float] = []
        self.moments: list[Moment] = []
        self.records: list[str] = []
        self.turns = 0
        self.code: dict[str, Any] = {}
        self._clock = 1_700_000_000.0

    def point(self) -> None:
        """Somewhere to die."""
        self.points += 1
        if self.points in self.deaths:
            raise Killed

    def act(self, name: str, message: Message) -> None:
        self.acts.append(name)
        self.keys.append(message.key)
        if message.in_doubt:
            self.doubts.append(name)

    def does(self, *names: str, **more: Any) -> None:
        """These steps have a plain effect of their name."""
        for name in names:
            self.code[name] = Code(self, name, **more)

    # --- the journal

    def load(self) -> list[str]:
        self.point()
        return list(self.records)

    def write(self, *records: str) -> None:
        self.point()
        self.records += records
        self.point()

    # --- running

    def run(
        self,
        document: Mapping[str, Any],
        program: str = "p",
        args: Mapping[str, Any] | None = None,
        rule: Rule | None = None,
        metadata: str = "{}",
    ) -> Ending:
        """Run a program to its end, whoever dies meanwhile."""
        plans = resolve(document)
        while True:
            ending = self.turn(plans, program, args or {}, rule or Rule(), metadata)
            if ending is not None:
                return ending

    def turn(
        self,
        plans: Plans,
        program: str,
        args: Mapping[str, Any],
        rule: Rule,
        metadata: str = "{}",
    ) -> Ending | None:
        """What one worker comes to; None if it died or another one is to go on."""
        self.turns += 1
        assert self.turns < MOST_TURNS, "it never ends"
        message = Message({"program": program, "metadata": metadata}, "1700000000000-0", "shop")
        means = Means(self.code, self, rule, (), self.moments.append, self._call, self._now)
        try:
            answer = Run(plans, plans.programs[program], message, means).go(args)
        except Killed:
            return None
        except Later as later:
            self.pauses.append(later.delay)
            return None
        except HalfDone as parked:
            body = parked.results["body"]
            return Ending(contract.unpack(body), str(parked), parked.facts["left"])
        return Ending(contract.unpack(answer))

    def _now(self) -> float:
        return self._clock

    def _call(
        self,
        name: str,
        code: Callable[..., Any],
        message: Message,
        results: dict[str, Any],
        hidden: Collection[str],
    ) -> Called:
        killed: list[Killed] = []

        def guarded(*given: Any) -> Any:
            self._clock += 1
            try:
                return code(*given)
            except Killed as death:
                killed.append(death)
                raise

        with redirect_stderr(StringIO()):  # tracebacks, of which a test may cause thousands
            called = call(name, guarded, message, results, hidden)
        if killed:
            raise killed[0]
        return called


def step(**more: Any) -> dict[str, Any]:
    """A step as it is declared, but for its name."""
    return {"file": "f", "entry": "e", **more}


def every_point(run: Callable[["World"], Any]) -> Iterable[int]:
    """The number of each point at which the worker of such a run could die."""
    world = World()
    run(world)
    return range(1, world.points + 1)
