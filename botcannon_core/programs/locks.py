"""Locks: runs of programs whose `lock` has the same value go one at a time, in the order they came.

The value is looked at when a message is admitted and when a pool takes it, and makes its lane. Not here:
what a lane is (ledger.lanes).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from botcannon_core.programs.program import Plans
from botcannon_core.programs.request import Refused, args_of, program_of


@dataclass(frozen=True)
class Locks:
    """Says of a request what it has to wait for: nothing, if its program has no lock."""

    plans: Plans

    def __call__(self, fields: Mapping[str, str]) -> str | None:
        """`account=17`: the same in every program of the service that has a lock of this name."""
        try:
            program = program_of(self.plans, fields)
            if program.lock is None:
                return None
            args = args_of(program, fields)
        except Refused:
            return None
        return f"{program.lock}={args[program.lock]}" if program.lock in args else None
