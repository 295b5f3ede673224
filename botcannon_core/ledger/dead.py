"""What is done by hand to what lies in `dead`: another try, or the end. Not here: how it got there."""

from __future__ import annotations

from botcannon_core.ledger.keys import Keys
from botcannon_core.ledger.line import Line


def retry(line: Line, keys: Keys, entry: str) -> str | None:
    """Put an entry of `dead` back to work, in one step; its new entry, or None if it was gone.

    A message keeps its id. A taskback goes to the taskbacks again. Waits for the store.
    """
    names = (keys.data, keys.dead, keys.taskback, keys.key("counts"))
    answer = line.ask_script("retry", names, entry)
    return str(answer) if answer else None


def drop(line: Line, keys: Keys, entry: str) -> bool:
    """Delete an entry of `dead`; False if it was gone. Waits for the store."""
    return bool(line.ask("XDEL", keys.dead, entry))
