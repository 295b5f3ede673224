"""Notes, as a pool keeps them: of each message that runs the latest one, and none once it has ended.

Not here: what a note says and how often (progress, in the worker), and who shows it (intake).
"""

from __future__ import annotations

from typing import Any

from botcannon_core.cannon.job import Job
from botcannon_core.ledger import notes
from botcannon_core.ledger.keys import Keys
from botcannon_core.ledger.line import Line
from botcannon_core.message import one_line


class Notes:
    """Writes what workers say in between; `consumer` is the name under which their messages are held."""

    def __init__(self, line: Line, keys: Keys, consumer: str) -> None:
        self._line = line
        self._keys = keys
        self._consumer = consumer
        # by the message's entry: the note's own, or nothing while we wait to hear of it
        self._latest: dict[str, str] = {}

    def write(self, job: Job, text: Any) -> None:
        """Tell whoever asked for a message how far it is; whatever is no text is left out."""
        if not isinstance(text, str) or not (line := one_line(text)):
            return
        earlier = self._latest.get(job.entry, "")
        self._latest[job.entry] = ""

        def heard(note: str) -> None:
            before = self._latest.get(job.entry)
            if before is not None:
                self._latest[job.entry] = note
            for one in (before, note if before is None else ""):
                if one:  # another came meanwhile, or the message has ended
                    notes.forget(self._line, self._keys, one)

        fields = {**job.fields, "_id": job.id, "_from": job.asked_by, "_note": line}
        notes.write(self._line, self._keys, self._consumer, job.entry, earlier, fields, heard)

    def over(self, job: Job) -> None:
        """A run has ended: its note is worth nothing any more."""
        if self._latest and (note := self._latest.pop(job.entry, "")):
            notes.forget(self._line, self._keys, note)
