"""One piece of code of a run: noted that it begins, called, and what it changed in the pool kept.

Not here: which piece comes next, and what is done about how it ended (running).
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from botcannon_core.contract import ContractError
from botcannon_core.errors import MessageError
from botcannon_core.message import Message
from botcannon_core.programs.calling import Called
from botcannon_core.programs.means import Means, Moment
from botcannon_core.programs.notes import Notes
from botcannon_core.programs.outline import OWN, Outline
from botcannon_core.programs.pool import Pool
from botcannon_core.programs.program import Step


class Doer:
    """Runs and undoes the steps of one message over one pool."""

    def __init__(
        self, outline: Outline, message: Message, means: Means, notes: Notes, pool: Pool
    ) -> None:
        self._outline = outline
        self._message = message
        self._means = means
        self._notes = notes
        self._pool = pool
        self._changes: dict[str, Any] = {}

    def run(self, number: int, in_doubt: bool) -> Called:
        """Run the step of an action."""
        step = self._outline.step(number)
        more = {**_doubt(in_doubt), **self._checked()}
        self._notes.begin("run", action=number, step=step.name, **more)
        message = self._told(self._outline.program.order[number].key, in_doubt)
        return self._called(
            step, self._means.code[step.key].task, message, Moment("run", step.name, "", {})
        )

    def undo(self, number: int, part: int, step: Step, in_doubt: bool) -> Called:
        """Run one of the parts that undo an action."""
        of = self._outline.step(number).name
        self._notes.begin(
            "undo", action=number, part=part, step=step.name, of=of, **_doubt(in_doubt)
        )
        try:
            if part != OWN:
                self._pool.check(step.args)
        except ContractError as problems:
            self._changes = {}
            return Called("failed", error="; ".join(str(one) for one in problems.problems))
        code = self._means.code[step.key]
        key = f"{self._outline.program.order[number].key}/undo/{part}"
        function = code.undo if part == OWN else code.task
        return self._called(
            step, function, self._told(key, in_doubt), Moment("undo", step.name, of, {})
        )

    def ended(self, how: str, **more: Any) -> None:
        """Note how it ended, with what it changed in the pool."""
        self._notes.end(how, **more, **self._changes)

    def _checked(self) -> dict[str, Any]:
        """What checks have changed in the pool: if we die in the step, its undo must find it, too."""
        if self._pool.is_checked:
            with suppress(MessageError, ContractError):  # told when the step has ended
                return self._pool.changes()
        return {}

    def _called(self, step: Step, function: Any, message: Message, moment: Moment) -> Called:
        values, means = self._pool.values, self._means
        means.seen(Moment(moment.kind, moment.step, moment.of, values))
        called = means.call(step.name, function, message, values, means.hidden)
        called = self._kept(called)
        means.seen(Moment(moment.kind, moment.step, moment.of, values, called.how, called.error))
        return called

    def _kept(self, called: Called) -> Called:
        """The call, once the pool has what it gave; if that cannot be kept, it is of no use."""
        self._changes = {}
        try:
            self._pool.values.update(called.given)
            self._changes = self._pool.changes()
        except (MessageError, ContractError) as error:
            self._pool.restore()
            return Called("unusable", error=str(error)) if called.how == "done" else called
        return called

    def _told(self, key: str, in_doubt: bool) -> Message:
        message = self._message
        return Message(dict(message), message.id, message.service, key=key, in_doubt=in_doubt)


def _doubt(in_doubt: bool) -> dict[str, bool]:
    return {"in_doubt": True} if in_doubt else {}
