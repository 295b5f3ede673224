"""The pool of a run: one dict that every step sees and may change, and what has changed since last time.

Values are kept packed, so that a step finds the same whether or not there was a crash before it. Not
here: when that is looked at (running).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botcannon_core import contract
from botcannon_core.contract import Contract
from botcannon_core.message import checked_results


class Pool:
    """`values` by name, and `packed` as they were when last looked at."""

    def __init__(self, packed: Mapping[str, str]) -> None:
        self.packed = dict(packed)
        self.values: dict[str, Any] = {}
        # since the changes were taken, so that values may have been converted or filled in
        self.is_checked = False
        self.restore()

    def restore(self) -> None:
        """Make the values again what they were when last looked at."""
        self.values.clear()
        self.values.update((name, unpacked(name, text)) for name, text in self.packed.items())

    def changes(self) -> dict[str, Any]:
        """What is new since last time, as parts of a record; from now on that is the last time.

        Raises MessageError or ContractError if a value cannot be kept; then nothing is.
        """
        checked_results(self.values, "the pool")
        now = packed(self.values)
        new = {name: text for name, text in now.items() if self.packed.get(name) != text}
        gone = [name for name in self.packed if name not in now]
        self.packed = now
        self.is_checked = False
        self.values.update((name, unpacked(name, text)) for name, text in new.items())
        return {**({"set": new} if new else {}), **({"drop": gone} if gone else {})}

    def check(self, wanted: Contract) -> dict[str, Any]:
        """What is wanted of the values, which are converted and have their defaults from now on.

        Raises ContractError; then nothing is changed.
        """
        names = wanted.fields
        found = wanted.check({name: self.values[name] for name in names if name in self.values})
        self.values.update(found)
        self.is_checked = self.is_checked or bool(found)
        return found


def packed(values: Mapping[str, Any]) -> dict[str, str]:
    """Each value as a text of its own."""
    return {name: contract.pack({name: value}) for name, value in values.items()}


def unpacked(name: str, text: str) -> Any:
    """The value in such a text."""
    return contract.unpack(text)[name]
