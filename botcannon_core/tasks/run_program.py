"""The one task of a service with `program` or `programs`: each message is a request to run one.

Its result is one field, `body`: the program's answer in one JSON document. Not here: anything about how
programs run (programs).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from botcannon_core.ledger.journal import Journal, Lost
from botcannon_core.message import Message
from botcannon_core.programs import envelope
from botcannon_core.programs.means import Means, Rule
from botcannon_core.programs.notes import Notes
from botcannon_core.programs.program import Plans
from botcannon_core.programs.request import BODY, Refused, args_of, program_of
from botcannon_core.programs.running import Run, changed
from botcannon_core.raised import Retry


class RunProgram:
    """Runs the program that a message asks for, one of those offered, or goes on with it.

    `parts` are the objects made of the steps, by key. What must not be given up is tried `tries` times,
    after pauses in seconds that double from `backoff` up to `backoff_max`.
    """

    def __init__(
        self,
        programs: Plans,
        parts: Mapping[str, Any],
        journal: Journal,
        hidden: Collection[str] = (),
        tries: int = Rule.tries,
        backoff: float = Rule.backoff,
        backoff_max: float = Rule.backoff_max,
    ) -> None:
        self._plans = programs
        self._means = Means(parts, journal, Rule(tries, backoff, backoff_max), hidden)

    def task(self, message: Message, _results: dict[str, Any]) -> dict[str, str]:
        """The answer of the program; raises Retry to go on later, and Park when it is half undone."""
        try:
            return {BODY: self._answer(message)}
        except Lost:
            raise Retry(0.1, "another worker has begun to run it; again") from None

    def _answer(self, message: Message) -> str:
        try:
            program = program_of(self._plans, message)
            args = args_of(program, message)
        except Refused as refused:
            # a request that was right when it began: what it did by then must not be forgotten
            begun = Notes(self._means.journal, self._means.now).load()
            if begun.plan:
                raise changed(refused.program, begun, message.metadata) from None
            return envelope.failed(refused.program, refused.error, message.metadata)
        return Run(self._plans, program, message, self._means).go(args)
