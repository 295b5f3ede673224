"""Running a program: its steps in order over one pool, and what completed undone if one fails.

Every decision is made from the state, and all that happens is noted, so whoever goes on after a crash
decides the same. Nothing runs before the note that it begins is safe. Not here: what the notes mean
(state), how a piece of code is run (doing), and whether a request is right (request).

What ends the turn of a worker: an answer, `Later` (another try goes on after a pause), `HalfDone`
(parked, with what is left), ledger's `Lost` (somebody else has the message), and a death at any point.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from botcannon_core.contract import Contract, ContractError
from botcannon_core.message import Message
from botcannon_core.programs import envelope
from botcannon_core.programs.calling import Called
from botcannon_core.programs.doing import Doer
from botcannon_core.programs.means import Means
from botcannon_core.programs.notes import Notes
from botcannon_core.programs.outline import Outline
from botcannon_core.programs.pool import Pool, packed
from botcannon_core.programs.program import Action, Plans, Program, Step
from botcannon_core.programs.request import TRACE
from botcannon_core.programs.state import RUN, State
from botcannon_core.raised import Park, Retry

MOST_DEATHS = 10  # of workers over one piece of code: it is what kills them


class Later(Retry):
    """The run goes on in another try, after a pause."""


class HalfDone(Park):
    """The run can neither be ended nor undone; a person has to look at what is left."""


class Run:
    """One turn at running a program for a message, perhaps not the first."""

    def __init__(self, plans: Plans, program: Program, message: Message, means: Means) -> None:
        self._program = program
        self._plans = plans
        self._message = message
        self._rule = means.rule
        self._outline = Outline(plans, program, means.code)
        self._notes = Notes(means.journal, means.now)
        self._state = self._notes.state
        self._pool = Pool({})
        self._doer = Doer(self._outline, message, means, self._notes, self._pool)

    def go(self, args: Mapping[str, Any]) -> str:
        """Run or undo whatever is left of it; the answer, see envelope. Raises Later, HalfDone, Lost."""
        self._resume(args)
        state = self._state
        while state.failure is None:
            if state.clearing is not None:
                self._clear(state.clearing)
            elif state.at < len(self._program.order):
                self._forward(state.at, self._program.order[state.at])
            elif (answer := self._outputs()) is not None:
                return answer
        for number in reversed(state.done):
            self._undo(number, number in state.doubtful)
        self._notes.flush()
        return self._answer(state.failure)

    def _resume(self, args: Mapping[str, Any]) -> None:
        state = self._notes.load()
        if not state.plan:
            self._notes.note("start", plan=self._program.fingerprint, set=packed(args))
        elif state.plan != self._program.fingerprint:
            raise changed(self._program.name, self._state, self._message.metadata)
        if state.begun is not None:
            self._notes.note("died")
        self._pool.packed = dict(state.pool)
        self._pool.restore()

    # --- forward ---------------------------------------------------------------------------------

    def _forward(self, number: int, action: Action) -> None:
        if action.kind == "run":
            self._step(number, self._plans.steps[action.of])
            return
        program = self._plans.programs[action.of]
        is_begin = action.kind == "enter"
        kind: envelope.ErrorKind = "args" if is_begin else "outputs"
        if self._fits(number, program.args if is_begin else program.outputs, program.name, kind):
            self._state.at = number + 1  # a check is no note: whoever goes on makes it again

    def _step(self, number: int, step: Step) -> None:
        spot = (number, RUN)
        in_doubt = self._state.doubt == spot
        if in_doubt and (not step.idempotent or self._state.deaths[spot] >= MOST_DEATHS):
            self._give_up(number, step)
        elif self._fits(number, step.args, step.name):
            self._after(number, step, self._doer.run(number, in_doubt))

    def _after(self, number: int, step: Step, called: Called) -> None:
        error = envelope.error("step", called.error, step.name)
        if called.how == "unusable":
            self._doer.ended("failed", error=error, undo=True)
        elif called.how == "again" or (called.how == "failed" and self._is_past_pivot):
            self._try_again(number, step, called)
        elif called.how == "failed":
            self._doer.ended("failed", error=error)
        else:
            self._doer.ended(called.how)

    def _fits(
        self, number: int, wanted: Contract, name: str, kind: envelope.ErrorKind = "args"
    ) -> bool:
        """Whether the pool has what is wanted; if so, it has it converted and with defaults."""
        try:
            self._pool.check(wanted)
        except ContractError as problems:
            text = f"{name}: {envelope.told(problems)}"
            self._refuse(number, envelope.error(kind, text, name, problems))
            return False
        return True

    def _outputs(self) -> str | None:
        try:
            result = self._pool.check(self._program.outputs)
        except ContractError as problems:
            text = f"the outputs: {envelope.told(problems)}"
            self._refuse(self._state.at, envelope.error("outputs", text, "", problems))
            return None
        self._notes.flush()
        trace = self._state.trace if TRACE in self._message else None
        return envelope.done(self._program.name, result, trace)

    def _refuse(self, number: int, error: Mapping[str, Any]) -> None:
        """A check failed: nothing has run, and trying it again would change nothing."""
        if self._is_past_pivot:
            raise self._stuck(str(error["text"]), self._outline.left_to_do(number), error)
        self._notes.note("refused", error=error)

    def _try_again(self, number: int, step: Step, called: Called) -> None:
        """A step that asked for it, or stands behind a pivot: only so often, then it has failed."""
        failures = self._state.errors[number, RUN] + 1
        error = envelope.error("step", called.error, step.name)
        if failures >= self._rule.tries and not self._is_past_pivot:
            self._doer.ended("failed", error=error)
            return
        self._doer.ended("again")
        if failures >= self._rule.tries:
            text = f"{step.name}: {called.error}"
            raise self._stuck(text, self._outline.left_to_do(number), error)
        self._later(called, failures, step.name)

    def _give_up(self, number: int, step: Step) -> None:
        """A worker was killed while it ran this step, which must not simply be run again."""
        deaths = self._state.deaths[number, RUN]
        text = f"its worker was killed{_times(deaths)} while it ran, and may have done its work"
        error = envelope.error("killed", text, step.name)
        if not self._is_past_pivot:
            self._notes.note("doubtful", action=number, error=error)
        elif deaths >= MOST_DEATHS:
            raise self._stuck(f"{step.name}: {text}", self._outline.left_to_do(number), error)
        else:
            self._notes.note("clear", action=number)

    @property
    def _is_past_pivot(self) -> bool:
        return self._outline.is_past_pivot(self._state)

    # --- back ------------------------------------------------------------------------------------

    def _clear(self, number: int) -> None:
        self._undo(number, is_in_doubt=True)
        self._notes.note("cleared")

    def _undo(self, number: int, is_in_doubt: bool) -> None:
        """Undo what a step did, as far as that is not done yet."""
        for part, step in self._outline.parts(number):
            if (number, part) not in self._state.undone:
                self._undo_part(number, part, step, is_in_doubt)

    def _undo_part(self, number: int, part: int, step: Step, is_in_doubt: bool) -> None:
        spot = (number, part)
        of = self._outline.step(number).name
        if self._state.deaths[spot] >= MOST_DEATHS:
            text = f"undoing {of} ({step.name}) has killed{_times(MOST_DEATHS)} its worker"
            raise self._stuck(text, self._outline.left_to_undo(self._state))
        in_doubt = is_in_doubt or self._state.doubt == spot
        called = self._doer.undo(number, part, step, in_doubt)
        if called.how in ("done", "skipped", "unusable"):
            self._doer.ended("skipped" if called.how == "skipped" else "done")
            return
        self._doer.ended("again")
        failures = self._state.errors[spot]
        text = f"undoing {of} ({step.name})"
        if failures >= self._rule.tries:
            left = self._outline.left_to_undo(self._state)
            raise self._stuck(f"{text}: {called.error}", left)
        self._later(called, failures, text)

    # --- how it ends -----------------------------------------------------------------------------

    def _later(self, called: Called, failures: int, what: str) -> None:
        self._notes.flush()
        pause = called.delay if called.how == "again" else self._rule.pause(failures)
        raise Later(pause, f"{self._program.name}: {what}: {called.error}; again")

    def _answer(self, error: Mapping[str, Any], left: list[str] | None = None) -> str:
        values = self._pool.values
        return envelope.failed(
            self._program.name,
            error,
            self._message.metadata,
            self._state.trace,
            outputs={name: values[name] for name in self._program.outputs.fields if name in values},
            in_doubt=self._outline.doubtful(self._state),
            left=left,
        )

    def _stuck(self, why: str, left: list[str], error: Mapping[str, Any] | None = None) -> HalfDone:
        """Put the run aside: nothing is forgotten, and a try by hand goes on where it stands."""
        self._notes.note("stuck")
        self._notes.flush()
        what = "half undone" if self._state.failure else "stuck behind its pivot"
        text = f"{self._program.name} is {what}: {why}; left: {', '.join(left) or 'nothing'}"
        return _half_done(text, left, self._answer(error or self._state.failure or {}, left))


def changed(name: str, state: State, metadata: Mapping[str, Any]) -> HalfDone:
    """How a run is put aside that has begun and whose program is another one by now, or none.

    What was done is known, and how to go on is not. All of it is told from the notes alone: the numbers
    of the actions mean something else by now.
    """
    runs = {line["step"]: line.get("how") for line in state.trace if line["kind"] == "run"}
    doubtful = [str(step) for step, how in runs.items() if how in (None, "killed")]
    ended = [line for line in state.trace if line.get("how") == "done"]
    done = [f"{one['step']} (undoing {one['of']})" if "of" in one else one["step"] for one in ended]
    left = [str(one["step"]) for one in ended if one["kind"] == "run"]
    text = (
        f"{name} was changed while it ran: retry this with the program as it was, or see to it by hand; "
        f"done so far: {', '.join(done) or 'nothing'}"
    ) + (f"; in doubt: {', '.join(doubtful)}" if doubtful else "")
    error = envelope.error("changed", text)
    answer = envelope.failed(name, error, metadata, state.trace, in_doubt=doubtful, left=left)
    return _half_done(text, left, answer)


def _half_done(text: str, left: list[str], answer: str) -> HalfDone:
    facts = {"left": json.dumps(left, ensure_ascii=False)}
    return HalfDone(text, results={"body": answer}, facts=facts)


def _times(count: int) -> str:
    return f" {count} times" if count > 1 else ""
