"""A job: one message in the hands of a pool, and how its ending is written down.

Pure: it turns an ending into the fields of a taskback and of an entry in `dead`. Not here: when a job
is tried again, and who stores what.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass

from botcannon_core.cannon.chain import Ended
from botcannon_core.ledger.stream import Entry
from botcannon_core.message import one_line

LONGEST_TRACE = 20_000  # characters of a traceback kept with a parked message


@dataclass(slots=True, eq=False)
class Job:
    """A message to be run: its entry in `data`, its own id, its fields, and the tries so far.

    `is_lone`: it shares its worker with no other that runs at the same time.
    """

    entry: str
    id: str
    fields: dict[str, str]
    asked_by: str
    tries: int = 0
    is_lone: bool = False

    @staticmethod
    def of(entry: Entry, tries: int = 0) -> Job:
        """The job in an entry; botcannon's own fields are taken out of the message."""
        fields = {name: text for name, text in entry.fields.items() if name[:1] != "_"}
        given = entry.fields.get
        return Job(entry.id, given("_id", entry.id), fields, given("_from", ""), tries)

    @property
    def size(self) -> int:
        """How many characters its fields have."""
        return sum(map(len, self.fields.values()))

    def begun(self) -> Job:
        """The same job with one more try."""
        return Job(self.entry, self.id, self.fields, self.asked_by, self.tries + 1, self.is_lone)

    def not_begun(self) -> Job:
        """The same job, with a try that did not take place after all."""
        return Job(self.entry, self.id, self.fields, self.asked_by, self.tries - 1, self.is_lone)

    def on_its_own(self) -> Job:
        """The same job, which shares its worker with none while it runs."""
        return Job(self.entry, self.id, self.fields, self.asked_by, self.tries, is_lone=True)


def taskback(job: Job, ended: Ended) -> dict[str, str]:
    """The answer to whoever asked: message and results merged flat, results winning."""
    parked = ended.how not in ("done", "skipped")
    fields = {**job.fields, **ended.results, "_id": job.id, "_from": job.asked_by}
    fields["_outcome"] = "parked" if parked else ended.how
    if parked or ended.error:  # one that was cancelled is not parked, and yet was not done
        fields["_error"] = ended.error
        if ended.error_id:
            fields["_error_id"] = ended.error_id
    if not parked and not ended.results:
        fields["_empty"] = "1"
    # merged, a result that says what was said is not seen to be one: its name tells it
    same = [name for name, text in ended.results.items() if job.fields.get(name) == text]
    if same:
        fields["_same"] = json.dumps(same)
    return fields


def dead(job: Job, ended: Ended, host: str) -> dict[str, str]:
    """The message whole, with everything known about why it could not be done."""
    return {
        **job.fields,
        "_id": job.id,
        "_from": job.asked_by,
        "_error": ended.error,
        "_error_id": ended.error_id,
        "_trace": ended.trace[-LONGEST_TRACE:],
        "_tries": str(job.tries),
        "_host": host,
        "_time": f"{time.time():.3f}",
        **{f"_{name}": text for name, text in ended.cause.items()},
    }


def log_line(job: Job, ended: Ended) -> str:
    """One entry for the log: the cause in one line, then the traceback."""
    asked = one_line(" ".join(f"{name}={text}" for name, text in job.fields.items()), 120)
    head = f"[{ended.error_id}] message {job.id} ({asked}): {ended.error}"
    return f"{head}\n{ended.trace.rstrip()}" if ended.trace else head
