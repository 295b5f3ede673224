"""The desk: where what a collector yields is checked and put into the data stream.

A message is *put* (said on the line), then *stored* (its id was heard), then the collector's `stored()`
has run for it; only then may `read()` be asked again. If we die right here, what was not heard may or
may not be in the stream: the outside was not told either, and will send it again.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from botcannon_core.errors import StoreError
from botcannon_core.ledger import stream
from botcannon_core.ledger.keys import Keys
from botcannon_core.ledger.line import MOST_UNANSWERED, Line, Refused
from botcannon_core.message import Message, checked_fields


class Desk:
    """Stores messages in order, without waiting for each."""

    def __init__(self, line: Line, keys: Keys, life: str, source: str) -> None:
        self._line = line
        self._keys = keys
        self._life = life
        self._source = source
        self._number = 0
        self._unheard = 0
        self.stored: deque[Message] = deque()  # heard, and the collector not told yet

    def put(self, item: object) -> None:
        """Say that `item` be stored. Raises MessageError if it is no message."""
        fields = checked_fields(item, self._source)
        self._number += 1
        self._unheard += 1

        def heard(answer: Any) -> None:
            self._unheard -= 1
            if isinstance(answer, Refused):
                raise StoreError(f"a message could not be stored: {answer}")
            self.stored.append(Message(fields, answer, self._keys.service))

        asked = {**fields, "_from": self._life}
        stream.admit(self._line, self._keys, self._life, self._number, asked, heard)
        self._line.flush()

    @property
    def is_clear(self) -> bool:
        """True when everything put has been stored and told."""
        return not self._unheard and not self.stored

    @property
    def is_full(self) -> bool:
        """True when we should listen before more is said."""
        return self._unheard >= MOST_UNANSWERED // 2
