"""What a type of the language is: it reads a value, and says which problems it has.

`read` never raises: it puts problems down at the spot; what it returns counts only if there are none.
Not here: the types there are (scalars, nested, record), and how people write them (grammar, declared).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Set
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from botcannon_core.contract.problem import ContractError, Spot


class Kind(ABC):
    """A type of the language. `str(kind)` is how it is written; two that are written alike are equal."""

    may_be_none = False

    @abstractmethod
    def read(self, value: Any, spot: Spot) -> Any:
        """`value` as this type has it; what is wrong is put down at the spot."""

    @abstractmethod
    def typed(self, text: str, spot: Spot) -> Any:
        """The value that was typed as `text`, read as well; what is wrong is put down at the spot."""

    @abstractmethod
    def json_schema(self) -> dict[str, Any]:
        """The type in the words of JSON Schema, as somebody outside has to send it."""

    @abstractmethod
    def is_exactly(self, value: Any) -> bool:
        """Whether `value` is of this type as it stands, on the outside at least."""

    def check(self, value: Any) -> Any:
        """`value` as this type has it; raises ContractError with every problem."""
        spot = Spot((), [])
        found = self.read(value, spot)
        if spot.problems:
            raise ContractError(spot.problems)
        return found

    def from_text(self, text: str) -> Any:
        """The value that was typed as `text`; raises ContractError with every problem."""
        spot = Spot((), [])
        found = self.typed(text, spot)
        if spot.problems:
            raise ContractError(spot.problems)
        return found


def named(value: Any) -> str:
    """What a value is, in a word for people."""
    if value is None:
        return "nothing"
    for types, name in _NAMES:
        if isinstance(value, types):
            return name
    return f"a value of type {type(value).__name__}"


_NAMES: tuple[tuple[Any, str], ...] = (
    (str, "text"),
    (bool, "true or false"),  # before int, of which it is a kind in Python
    (int, "a whole number"),
    (float, "a fraction"),
    (Mapping, "a mapping"),
    ((list, tuple), "a list"),
    (Set, "a set"),
    (date, "a date"),
    (Decimal, "a decimal"),
    (UUID, "a UUID"),
    ((bytes, bytearray), "bytes"),
)
