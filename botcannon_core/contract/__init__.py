"""The type language: what programs, steps and constructors take and give, checked all at once.

`fields` makes a contract of what was declared, `of` a type of an annotation; `pack` and `unpack` carry
typed values in one text; `plain` shows them to whoever speaks only JSON. Pure: nothing here reads or
writes anything. The grammar of types is in `grammar`.
"""

from botcannon_core.contract.body import pack, unpack
from botcannon_core.contract.classes import of
from botcannon_core.contract.declared import fields
from botcannon_core.contract.grammar import parse
from botcannon_core.contract.kind import Kind
from botcannon_core.contract.outside import plain
from botcannon_core.contract.problem import ContractError, Problem
from botcannon_core.contract.record import Contract, Field

__all__ = [
    "Contract",
    "ContractError",
    "Field",
    "Kind",
    "Problem",
    "fields",
    "of",
    "pack",
    "parse",
    "plain",
    "unpack",
]
