"""The desk: where what a collector yields is checked and put into the data stream.

A message is *put* (said on the line, to a bot in turn: turns), then *stored* (its id was heard), then
the collector's `stored()` has run for it; only then may `read()` be asked again. One that was refused
because the backlog is full is put again, and those after it wait behind it. If we die right here, what
was not heard may or may not be in the stream: the outside was not told either, and will send it again.

What the collector's `admit` turns away is put nowhere; at most it is told why, as an answer that comes
from here and not from the stream.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable
from typing import Any

from botcannon_core.cannon.intake.turns import Turns, has_turn
from botcannon_core.compose.spec import ServiceSpec
from botcannon_core.errors import MessageError, StoreError
from botcannon_core.ledger.admission import Admitted, Gate, admit
from botcannon_core.ledger.keys import Keys
from botcannon_core.ledger.line import MOST_UNANSWERED, Line
from botcannon_core.message import Message, checked_batch, checked_fields

PROBE_SECONDS = 0.05  # between two looks at whether a full backlog has room


class Desk:
    """Stores messages in order, without waiting for each."""

    def __init__(
        self, line: Line, keys: Keys, life: str, service: ServiceSpec, collector: Any
    ) -> None:
        self._may_enter = getattr(collector, "admit", None)
        self._line = line
        self._keys = keys
        self._life = life
        self._gate = Gate.of(service)
        self._turns = Turns.of(service)
        self._entry = service.collector.entry
        self._source = f"{self._entry}.read"
        self._number = 0
        self._ended = 0
        self._put: list[dict[str, str]] = []  # with numbers up to `_number`, not said yet
        self._unheard = 0
        self._refused: dict[int, dict[str, str]] = {}  # by number, in order
        self._has_room = True  # as far as the last answer told
        self._probe_at = 0.0
        self.stored: deque[Message] = deque()  # heard, and the collector not told yet
        self.turned_away = 0  # messages that `admit` did not let in, not yet counted in the store
        self.refusals: deque[Message] = deque()  # the answers to those of them that get one
        self.error: Exception | None = None  # why the collector cannot go on

    def each(self, given: object) -> Iterable[object]:
        """What a `read()` returned, item by item. Raises MessageError."""
        return checked_batch(given, self._source)

    def put(self, item: object) -> None:
        """Have `item` stored: it is said with the next `say()`. Raises MessageError.

        What the collector's `admit` turns away is only counted, and answered if it gave a text.
        """
        fields = checked_fields(item, self._source)
        verdict = True if self._may_enter is None else self._may_enter(fields)
        if verdict is not True:
            self._turn_away(fields, verdict)
        elif self._turns is not None and has_turn(fields):
            # who wants theirs ended waits for nobody: it would have ended when the wish is heard
            wants = self._turns.hurry if self._gate.is_wish(fields) else self._turns.put
            wants(fields)
            self.take_turns()
        else:
            self._pass(fields)

    def take_turns(self, at_once: bool = False) -> None:
        """Let those pass whose turn it is; `at_once`: all."""
        while self._turns is not None and (at_once or not self._refused):
            fields = self._turns.next(at_once)
            if fields is None:
                return
            self._pass(fields)

    def ended(self) -> None:
        """One of ours has ended, however it did."""
        self._ended += 1
        if self._turns is not None:
            self._turns.ended()

    def say(self) -> None:
        """Say all that has passed, together; it is sent at the next flush."""
        if self._put:
            put, self._put = self._put, []
            self._say(self._number - len(put) + 1, put)

    def put_again(self) -> None:
        """Knock again for the first of those that were refused, when it is time."""
        if self._refused and not self._unheard and time.monotonic() >= self._probe_at:
            number = min(self._refused)
            self._say(number, [self._refused.pop(number)])

    @property
    def is_clear(self) -> bool:
        """True when everything put has been stored and told, or is about to be told why not."""
        return self.is_quiet and not (self._refused or self.stored or self.refusals)

    @property
    def under_way(self) -> int:
        """How many of ours have not ended, as far as we have heard: a hint, not a count to rely on."""
        return self._number - self._ended

    @property
    def has_news(self) -> bool:
        """True when there is something to send, or to tell."""
        return not self.is_clear

    @property
    def is_quiet(self) -> bool:
        """True when the store owes us no answer, and nothing waits to be said."""
        return not (self._unheard or self._put or (self._turns and self._turns.count))

    @property
    def is_full(self) -> bool:
        """True when nothing more should be put now."""
        is_crowded = self._turns is not None and self._turns.is_full
        on_their_way = max(len(self._put) + self._unheard, len(self.refusals))
        return is_crowded or bool(self._refused) or on_their_way >= MOST_UNANSWERED // 2

    def _turn_away(self, fields: dict[str, str], why: object) -> None:
        if why is not False and not isinstance(why, str):
            # not guessed at: a no for a yes shuts everybody out, a yes for a no lets them in
            raise MessageError(
                f"{self._entry}.admit returned {why!r:.40}, of type {type(why).__name__}: "
                "return True, False, or a text that says why not"
            )
        self.turned_away += 1
        if why:
            told = {**fields, "_outcome": "parked", "_error": why}
            self.refusals.append(Message(told, "", self._keys.service))

    def _pass(self, fields: dict[str, str]) -> None:
        self._number += 1
        self._put.append(fields)

    def _say(self, first: int, put: list[dict[str, str]]) -> None:
        self._unheard += len(put)

        def heard(admitted: list[Admitted]) -> None:
            self._unheard -= len(put)
            for number, (fields, one) in enumerate(zip(put, admitted, strict=True), first):
                self._take(number, fields, one)
            self._say_rest()

        asked = [{**fields, "_from": self._life} for fields in put]
        admit(self._line, self._keys, self._gate, self._life, first, asked, heard)

    def _take(self, number: int, fields: dict[str, str], admitted: Admitted) -> None:
        if admitted.status == "repeat":
            self.ended()  # nothing more comes of it
        if admitted.status in ("stored", "repeat"):
            self.stored.append(Message(fields, admitted.id, self._keys.service))
            self._has_room = True
        elif admitted.status == "refused":
            self.error = StoreError(f"a message could not be stored: {admitted.id}")
        elif admitted.status == "full" and self._gate.backlog.when_full == "fail":
            most = self._gate.backlog.max
            self.error = MessageError(f"the backlog is full: {most} messages are not settled")
        else:
            self._refused[number] = fields
            self._has_room = False
            self._probe_at = time.monotonic() + PROBE_SECONDS

    def _say_rest(self) -> None:
        """There is room again: those that waited behind the refused one may follow, in order."""
        if self._refused and self._has_room and not self._unheard:
            waiting, self._refused = sorted(self._refused.items()), {}
            self._say(waiting[0][0], [fields for _, fields in waiting])
