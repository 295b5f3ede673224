"""The flood guard as a door has it: who says too much is turned away, told once, and written down.

In a door's constructor `self.admit = self._guard = Guard(flood, has_shell)`, where `flood` is a kwarg of
the door and `has_shell` the handle; in its `taskback`, `self._guard.answer(message)` for the text. Pure
but for the audit line, which goes to stderr and so to the log. Not here: how lines are counted (flood).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import TypedDict

from botcannon_core.chat import audit
from botcannon_core.chat.acl import Asker
from botcannon_core.chat.answer import INVALID, answer
from botcannon_core.chat.flood import Flood, Limits, Verdict
from botcannon_core.message import Message

EACH_AUDITED = 10  # lines of one silence; after them only when their number has doubled


class FloodLimits(TypedDict, total=False):
    """`Limits` as a compose file has them, so that a slip is told before anything starts."""

    commands: int
    silence: float
    invalid: int
    invalid_silence: float


FloodKwarg = bool | FloodLimits | None
"""What a door takes as `flood`: false is off, true is on, numbers are other limits (`Limits`); without
it, a door guards a bot, that is a service with a shell, and nothing else."""

OPEN = Verdict(True)


def _written(line: str) -> None:
    sys.stderr.write(line)
    sys.stderr.flush()


class Guard:
    """Whether what somebody said may be stored, by how much they said; call it as a door's `admit`."""

    def __init__(
        self,
        flood: FloodKwarg = None,
        has_shell: bool = False,
        write: Callable[[str], None] = _written,
    ) -> None:
        is_on = has_shell if flood is None else flood is not False
        limits = Limits.of(flood) if isinstance(flood, Mapping) else Limits()
        self._flood = Flood(limits=limits) if is_on else None
        self._write = write

    def __call__(self, fields: Mapping[str, str]) -> bool | str:
        """True, or False, or what to tell the asker, which is said once."""
        verdict = self.verdict(fields)
        return verdict.told if verdict.is_news else verdict.admitted

    def verdict(self, fields: Mapping[str, str]) -> Verdict:
        """The same with all that is known, for a door that has to answer each time."""
        if self._flood is None:
            return OPEN
        asker = Asker.of(fields)
        verdict = self._flood.admit(asker)
        if verdict.why is not None and _is_audited(verdict.lines):
            text = fields.get("text", "")
            self._write(audit.turned_away(asker, text, verdict.why, verdict.lines))
        return verdict

    def answer(self, message: Message) -> str | None:
        """The text of a taskback; under the bad line that was one too many stands what comes of it."""
        text = answer(message)
        if self._flood is None or INVALID not in message or message.redelivered:
            return text
        told = self._flood.invalid(Asker.of(message))
        return "\n".join(filter(None, (text, told))) or None


def _is_audited(lines: int) -> bool:
    # so that a flood does not push everything else out of the log
    return lines <= EACH_AUDITED or lines & (lines - 1) == 0
