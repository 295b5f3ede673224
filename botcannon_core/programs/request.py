"""A request: which program a message asks for, and with which args.

    program   the name; may be left out where there is only one
    body      the args in one JSON object, see contract.pack
    metadata  a JSON object for the steps to look at
    trace     if it is there, whatever it says: the answer has its trace also if all went well

A message without `body` brings its args as texts in fields of their names, so that a timer or a hand can
ask, too. Not here: what becomes of a request that is right (running).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botcannon_core import contract
from botcannon_core.contract import ContractError
from botcannon_core.errors import suggest
from botcannon_core.programs import envelope
from botcannon_core.programs.program import Plans, Program

BODY, PROGRAM, METADATA, TRACE = "body", "program", "metadata", "trace"


class Refused(Exception):
    """A request that no program is run for; `error` says why, see envelope."""

    def __init__(self, error: Mapping[str, Any], program: str = "") -> None:
        self.error = dict(error)
        self.program = program
        super().__init__(str(error["text"]))


def program_of(plans: Plans, fields: Mapping[str, str]) -> Program:
    """The program that is asked for, one of those that are offered. Raises Refused."""
    offered = list(plans.offered)
    name = fields.get(PROGRAM, offered[0] if len(offered) == 1 else "")
    if name in offered:
        return plans.programs[name]
    if not name:
        text = f"the request names no program; there are: {', '.join(offered)}"
    else:
        hint = suggest(name, offered) or f"; there are: {', '.join(offered)}"
        text = f"no program {name!r}{hint}"
    raise Refused(envelope.error("request", text), name)


def args_of(program: Program, fields: Mapping[str, str]) -> dict[str, Any]:
    """The args of a request, checked, with defaults. Raises Refused with all that is wrong."""
    try:
        if BODY in fields:
            return program.args.check(contract.unpack(fields[BODY]))
        texts = {name: fields[name] for name in program.args.fields if name in fields}
        return program.args.from_texts(texts)
    except ContractError as problems:
        error = envelope.error("args", envelope.told(problems), "", problems)
        raise Refused(error, program.name) from None
