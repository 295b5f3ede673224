"""Orders: what a worker hears from its pool, and the rule by which it may be given messages ahead.

A worker that takes many messages (`isolation: worker`) is given some ahead, so that it never waits for
its pool; so is a seat, whose workers take one each. Only the first of them runs. Should it turn out to
be slow, those behind it must not wait: the pool takes them back and gives them to others. No word is
needed for that, as both follow one rule:

    A pool that has seen a message run for longer than SLOW_SECONDS, and finds no word of its end, may
    take back all that is behind it. (In a seat, SLOW_IN_SEAT_SECONDS.)
    A worker that has said the end of a message, and only then looks at the clock, forgets every order it
    has if that was longer, and says so.

Both count from the later of two moments: the order's stamp, which is when the pool gave it, and the end
of the message before, taken by the worker before it says so and by the pool when it hears it. So the
worker's count is never behind the pool's. And since it looks when its word is out, whatever held that up
(a long answer, a machine that is busy, a freeze), a word that the pool did not find in time was out too
late for the worker as well. What the pool takes back the worker is sure to forget.

Who forgets begins anew: orders bear the number of their *era*, which both count up at that word, and
those of an earlier era are void, wherever they are. (given has the pool's side of it.)

In a seat each worker reads its own order and no further, looks at the clock in the same way, and leaves
with FORGOT if it must: then the seat says the word, and begins the era. When the worker before it
ended it does not know, and counts from a moment before that (`Turn.before`), which is never too late. As
they say no more than how theirs ended, each says its number: one that left without a word is noticed
at the next one's.
"""

from __future__ import annotations

import time

TYPE_CHECKING = False  # typing's own would cost each worker (docs/design.md)
if TYPE_CHECKING:
    from typing import Any

    from botcannon_core.cannon.frames import Channel

# A message that takes longer is worth a look at who waits behind it. In a seat each waits for a fork and
# for a processor twice, and perhaps at the gate: with many busy services that alone takes longer than
# the first, and to take all back for that, again and again, would make the machine the busier.
SLOW_SECONDS = 0.02
SLOW_IN_SEAT_SECONDS = 0.5

Order = tuple[float, str, dict[str, str]]  # stamp, the message's id, its fields
OrderOfSeat = tuple[float, str, dict[str, str], bool]  # and whether it may wait at the gate


class Inbox:
    """What a worker hears from its pool, and what it answers."""

    __slots__ = ("_began", "_cancelled", "_orders", "_taken", "channel", "era")

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.era = 0
        self._orders: list[Order] = []  # the next one last
        self._cancelled: list[str] = []
        self._began = 0.0  # by the rule above, not by when the run began
        self._taken = 0.0  # when it began

    @property
    def is_empty(self) -> bool:
        """True when nothing is here; something may be on its way."""
        return not self._orders

    def next(self) -> Order:
        """Wait for the next order. Raises EOFError when the pool needs us no more."""
        while not self._orders:
            self.hear()
        order = self._orders.pop()
        if order[0] > self._began:
            self._began = order[0]
        self._taken = time.monotonic()
        return order

    def end(self, said: dict[str, Any]) -> None:
        """Say how the order that was taken last ended; if that was slow, forget what is behind it."""
        now = time.monotonic()
        said["took"] = self._took(now)
        if is_slow := now - self._began > SLOW_SECONDS:
            said["forgot"] = True  # one word instead of two
        self.channel.send("ended", said)
        if not is_slow and time.monotonic() - self._began > SLOW_SECONDS:
            is_slow = True
            self.channel.send("forgot")
        if is_slow:
            self.era, self._orders = self.era + 1, []
        self._began = now

    def leave(self, said: dict[str, Any]) -> None:
        """Say how the order that was taken last ended, and that we take no more."""
        said["took"], said["leaves"] = self._took(time.monotonic()), True
        self.channel.send("ended", said)

    def _took(self, now: float) -> int:
        """Microseconds, and whole ones: a fraction costs a young process three pages."""
        return int((now - self._taken) * 1_000_000)

    def ask(self, kind: str, body: Any) -> Any:
        """Ask the pool for something, and wait for its answer."""
        return self.asked([kind, body])

    def asked(self, said: Any) -> Any:
        """The same, as the pool is to hear it."""
        self.channel.send("ask", said)
        while not (answers := self.hear()):
            pass
        return answers[0]

    def cancelled(self) -> list[str]:
        """The ids of messages that are not wanted any more, as far as we have heard, each once."""
        cancelled, self._cancelled = self._cancelled, []
        return cancelled

    def hear(self) -> list[Any]:
        """Wait for frames; orders are kept, answers given back. Raises EOFError."""
        answers = []
        for kind, body in self.channel.receive():
            if kind == "answer":
                if body[0] == self.era:
                    answers.append(body[1])
            elif kind == "cancel":
                self._cancelled.append(body)
            elif body[0] == self.era:
                _, stamp, jobs = body
                if len(jobs) == 1:
                    self._orders.insert(0, (stamp, jobs[0][0], jobs[0][1]))
                else:
                    self._orders = [(stamp, *job) for job in reversed(jobs)] + self._orders
        return answers
