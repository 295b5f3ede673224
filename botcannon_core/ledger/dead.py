"""What is done by hand to what lies in `dead`: another try, or the end. Not here: how it got there."""

from __future__ import annotations

from botcannon_core.ledger.journal import key_of
from botcannon_core.ledger.keys import Keys
from botcannon_core.ledger.line import Line
from botcannon_core.ledger.stream import entries


def retry(line: Line, keys: Keys, entry: str) -> str | None:
    """Put an entry of `dead` back to work, in one step; its new entry, or None if it was gone.

    A message keeps its id. A taskback goes to the taskbacks again. Waits for the store.
    """
    names = (keys.data, keys.dead, keys.taskback, keys.key("counts"))
    answer = line.ask_script("retry", names, entry)
    return str(answer) if answer else None


def drop(line: Line, keys: Keys, entry: str) -> bool:
    """Delete an entry of `dead`, with its journal; False if it was gone. Waits for the store."""
    found = entries(line.ask("XRANGE", keys.dead, entry, entry))
    is_gone = not line.ask("XDEL", keys.dead, entry)
    if is_gone or not found:
        return False
    fields = found[0].fields
    if fields.get("_what") != "taskback" and "_id" in fields:
        line.ask("DEL", key_of(keys, fields["_id"]))
    return True
