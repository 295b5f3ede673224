"""Returns: the taskbacks that come home to this intake, each until it was taken or put aside.

It reads the taskback stream through the service's group, passes silently over what belongs to somebody
else (a `send`, a `chat`) or needs no answer, and acknowledges what the collector has taken. What a
killed intake held comes again, marked `redelivered`. No more is read or taken over than can be delivered
soon: the rest is safe in the store.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from botcannon_core.cannon import life
from botcannon_core.cannon.chain import Ended
from botcannon_core.cannon.intake.notes import Notes
from botcannon_core.ledger import stream
from botcannon_core.ledger.keys import Keys
from botcannon_core.ledger.line import Line
from botcannon_core.ledger.refused import Refused
from botcannon_core.ledger.store import Store
from botcannon_core.ledger.stream import Entry, Reader
from botcannon_core.message import Message

AT_ONCE = 1000  # taskbacks asked for together: as many as a turn may put, or they would pile up
LOOK_SECONDS = 5.0
PREFIX = f"{stream.INTAKE}@"  # of the group of one of many intakes
OWN = "told:"  # of an answer that is no entry of a stream
VISITORS = ("send:", "chat:")  # those who read only their own answer, by themselves


@dataclass(frozen=True)
class Return:
    """A taskback or a note on its way to the collector, and its entry in the stream.

    `verb` is the method of the collector that takes it.
    """

    entry: str
    message: Message
    verb: Literal["taskback", "note"] = "taskback"


class Returns:
    """What comes home to one life of an intake.

    One collector a service: its lives share a group, and a new one takes over what earlier ones held.
    Many collectors: each life has a group of its own and reads every answer, but keeps only its own,
    and those of the dead (see lua/heir and lua/inherit).
    """

    def __init__(self, store: Store, keys: Keys, line: Line, me: str, collector: Any) -> None:
        self._keys = keys
        self._line = line
        self._me = me
        self._every_outcome = bool(getattr(collector, "every_outcome", False))
        self._is_one_of_many = bool(getattr(collector, "many", False))
        self._group = f"{PREFIX}{me}" if self._is_one_of_many else stream.INTAKE
        self._notes = Notes(collector)
        self._unacknowledged: set[str] = set()
        self._over: list[str] = []  # of those: taken, and not said yet
        self._look_at = 0.0
        start = "$" if self._is_one_of_many else "0"
        self.ended: Callable[[], None] = lambda: None  # called when one that we have put has ended
        self._told = 0  # answers that came from nowhere but here
        self.reader = Reader(store, keys.taskback, self._group, me, start)
        self.waiting: deque[Return] = deque()

    @property
    def has_room(self) -> bool:
        """True while more may be brought here; a portion that was asked for still comes."""
        return len(self.waiting) < AT_ONCE

    def ask(self) -> None:
        """Ask for more, unless a question is out or enough is at hand."""
        if not self.reader.is_asked and self.has_room:
            self.reader.ask(AT_ONCE)

    def hear(self) -> None:
        """Sort what has come: for the collector, or acknowledged at once."""
        was_draining = self.reader.is_draining
        for entry in self.reader.hear():
            self._sort(entry, was_draining)
        self.ask()

    def tell(self, message: Message) -> None:
        """Bring this answer to the collector, too; no stream has it, and nothing waits for its end."""
        self._told += 1
        entry = f"{OWN}{self._told}"
        self._unacknowledged.add(entry)
        self.waiting.append(Return(entry, message))

    def look(self) -> None:
        """Give out notes; every few seconds, take over what dead intakes of this service have left."""
        self.waiting += [Return("", note, "note") for note in self._notes.due()]
        now = time.monotonic()
        if now < self._look_at or not self.has_room:
            return
        self._look_at = now + LOOK_SECONDS
        if self._is_one_of_many:
            self._line.say("XINFO", "GROUPS", self._keys.taskback, then=self._inherit_from_groups)
        else:
            words = ("XINFO", "CONSUMERS", self._keys.taskback, stream.INTAKE)
            self._line.say(*words, then=self._inherit_from_consumers)

    def done(self, one: Return) -> None:
        """The collector has taken it."""
        if one.verb == "note":
            self._notes.delivered(one.message.id)
        else:
            self._acknowledge(one.entry)

    def say(self) -> None:
        """Acknowledge all that was taken since the last time, together; it is sent at the next flush."""
        if not self._over:
            return
        over, self._over = self._over, []

        def heard(_answer: Any) -> None:
            self._unacknowledged.difference_update(over)
            for entry in over:
                self.reader.over(entry)

        self._line.say("XACK", self._keys.taskback, self._group, *over, then=heard)

    def put_aside(self, one: Return, ended: Ended, host: str) -> None:
        """The collector could not take it: into `dead`, from where it can be delivered again."""
        if one.entry.startswith(OWN):  # of no message that anybody could find: the log has it
            self._acknowledge(one.entry)
            return
        told = {"_error": ended.error, "_error_id": ended.error_id, "_trace": ended.trace}
        # the error it brought, if it was of a parked message: for its next delivery (lua/retry)
        own = {f"_own{n}": one.message[n] for n in ("_error", "_error_id") if n in one.message}
        what = {"_what": "taskback", "_host": host, "_id": one.message.id}
        fields = {**one.message, **told, **own, **what}
        words = [word for pair in fields.items() for word in pair]
        self._line.say("XADD", self._keys.dead, "*", *words, "_time", f"{time.time():.3f}")
        self._acknowledge(one.entry)

    def are_home(self) -> bool:
        """True when nothing is on its way. Waits for the store."""
        if self.waiting or self._unacknowledged:
            return False
        return stream.is_settled(self._line, self._keys.taskback, self._group)

    def leave(self) -> None:
        """Give up the name under which we read. Waits for the store.

        Our last question may be answered at any moment until then: such an answer is left to the next
        intake, or to the others.
        """
        self.reader.line.close()
        if self._is_one_of_many:
            keys = (self._keys.taskback, self._keys.key("heirs"))
            self._line.ask_script("inherit", keys, PREFIX, self._me, "")
        else:
            args = (self._group, self._me, self._me, 1)
            self._line.ask_script("adopt", (self._keys.taskback,), *args)

    def _sort(self, entry: Entry, redelivered: bool) -> None:
        if entry.id in self._unacknowledged:
            return  # it came again after a cut, and is on its way already
        self._unacknowledged.add(entry.id)
        asked_by = entry.fields.get("_from", "")
        if asked_by == self._me and "_outcome" in entry.fields:
            self.ended()
        if "_note" in entry.fields:
            self._take_note(entry, asked_by, redelivered)
        elif asked_by.startswith(VISITORS) or not self._is_wanted(entry):
            self._acknowledge(entry.id)
        elif self._is_one_of_many and asked_by != self._me:
            self._keep_if_heir(entry, asked_by)
        else:
            self._keep(entry, redelivered or "_again" in entry.fields)

    def _take_note(self, entry: Entry, asked_by: str, redelivered: bool) -> None:
        """A note is shown by whom it is for, or by nobody: what is old is worth nothing."""
        self._acknowledge(entry.id)
        is_ours = asked_by == self._me or not self._is_one_of_many
        is_old = redelivered or "_again" in entry.fields
        if self._notes.are_wanted and is_ours and not is_old and not asked_by.startswith(VISITORS):
            self._notes.take(Message(entry.fields, entry.fields["_id"], self._keys.service))

    def _keep(self, entry: Entry, redelivered: bool) -> None:
        message = Message(
            entry.fields, entry.fields.get("_id", ""), self._keys.service, redelivered
        )
        self.waiting.append(Return(entry.id, message))

    def _keep_if_heir(self, entry: Entry, asked_by: str) -> None:
        def heard(answer: Any) -> None:
            self._keep(entry, redelivered=True) if answer == 1 else self._acknowledge(entry.id)

        keys = (self._keys.taskback, self._keys.key("heirs"))
        self._line.run("heir", keys, PREFIX, asked_by, entry.id, self._me, then=heard)

    def _is_wanted(self, entry: Entry) -> bool:
        """Those without results are for doors on which somebody waits."""
        is_noted = self._notes.over(entry.fields.get("_id", ""))
        is_trouble = entry.fields.get("_outcome") == "parked" or "_error" in entry.fields
        return self._every_outcome or is_noted or is_trouble or self._has_results(entry)

    def _has_results(self, entry: Entry) -> bool:
        return entry.fields.get("_outcome") == "done" and "_empty" not in entry.fields

    def _acknowledge(self, entry: str) -> None:
        if entry.startswith(OWN):
            self._unacknowledged.discard(entry)
            return
        self._over.append(entry)

    def _inherit_from_consumers(self, answer: Any) -> None:
        """Only one intake of a service reads at a time: whoever else held something is over."""
        for about in stream.described(answer):
            if about["name"] != self._me:
                args = (self._group, self._me, about["name"], AT_ONCE)
                self._line.run("adopt", (self._keys.taskback,), *args, then=self._adopted)
                if about["pending"]:
                    break  # the others are looked at when that has come

    def _adopted(self, answer: Any) -> None:
        if not answer or isinstance(answer, Refused):
            return
        for entry in stream.entries(answer):
            self._sort(entry, redelivered=True)
        self._look_at = 0.0  # there may be more

    def _inherit_from_groups(self, answer: Any) -> None:
        for about in stream.described(answer):
            owner = str(about["name"]).removeprefix(PREFIX)
            if about["name"] != owner and life.is_over_here(owner):
                keys = (self._keys.taskback, self._keys.key("heirs"))
                self._line.run("inherit", keys, PREFIX, owner, self._me)
