"""What an intake holds during its life, whichever way its collector is driven.

The collector, the line to the store, the desk, the returns, and the three things it may be told: rest
(read no more), finish (deliver what there is and end), and that its collector will never have more.
Not here: who asks `read()` when; that is plain (for sync collectors) or awaited (for async ones).
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from typing import Any

from botcannon_core.cannon import chain, life, process
from botcannon_core.cannon.frames import Channel
from botcannon_core.cannon.intake.desk import Desk
from botcannon_core.cannon.intake.returns import Return, Returns
from botcannon_core.compose.spec import ServiceSpec
from botcannon_core.errors import StoreError
from botcannon_core.ledger import stream
from botcannon_core.ledger.line import Line
from botcannon_core.ledger.refused import Refused
from botcannon_core.ledger.store import Store

MEND_SECONDS = 0.2
TRIM_SECONDS = 1.0
COUNT_SECONDS = 0.5  # between two counts of what was turned away: in a flood there is no end of it
LOOK_SECONDS = 0.02  # between two looks at whether everything is settled, while draining, at first
LONGEST_LOOK_SECONDS = 0.1  # twice as long after each look: a look is asked of the store


class Intake:
    """One life of an intake; see the states in `is_over`."""

    def __init__(
        self, service: ServiceSpec, collector: Any, store: Store, control: Channel, drains: bool
    ) -> None:
        self.service = service
        self.collector = collector
        self.control = control
        self.signals = process.Signals(signal.SIGTERM)
        self._keys = store.keys(service.name)
        self.line = Line(store, self._keys.data)
        self.line.patience = stream.ANSWER_SECONDS
        me = life.own_life()
        if service.tasks:  # so that nothing is trimmed that a pool has not seen yet
            stream.make_group(self.line, self._keys.data, stream.POOL)
        self.desk = Desk(self.line, self._keys, me, service, collector)
        self.returns = Returns(store, self._keys, self.line, me, collector)
        self.returns.ended = self._one_has_ended
        self.forget_launcher: Callable[[], None] = lambda: None  # whoever waits on it stops waiting
        self.is_resting = False
        self.is_halted = False
        self.failure = ""
        self._is_finishing = False
        self._drains = drains and bool(service.tasks)
        self._mend_at: float | None = None
        self._trim_at = self._look_at = self._count_at = 0.0
        self._until_look = LOOK_SECONDS

    # --- being told --------------------------------------------------------------------------------

    def hear_launcher(self) -> None:
        """Take what the launcher says; its end means the same as being told to finish."""
        try:
            kinds = [kind for kind, _ in self.control.receive()]
        except EOFError:
            process.forget_broken_output()
            self.forget_launcher()
            kinds = ["finish"]
        for kind in kinds:
            self.is_resting = True  # both words there are begin with reading no more
            self._is_finishing = self._is_finishing or kind == "finish"

    def hear_signals(self) -> None:
        """SIGTERM: read no more, deliver what there is, and end."""
        if self.signals.taken():
            self.is_resting = self._is_finishing = True

    def halt(self) -> None:
        """The collector will never have more."""
        self.is_halted = self.is_resting = True
        self.control.tell("state", "draining")

    def crash(self, error: BaseException) -> None:
        """The collector raised: what it yielded is still stored, then the process ends."""
        ended = chain.failed(error, self.service.hidden)
        self.failure = f"{self.service.collector.entry}: {ended.error}"
        self.is_resting = True
        text = f"[{ended.error_id}] {ended.error}\n{ended.trace}"
        self.log("error", text.rstrip(), ended.error_id)

    # --- the end -----------------------------------------------------------------------------------

    def is_over(self) -> bool:
        """True when there is nothing left to do for this life.

        *reading* until it rests; then everything yielded is stored. A crash ends there. Otherwise
        *draining*: a halted one until all its messages are settled and home, a finishing one until
        what has come is delivered. A merely resting one waits to be told to finish.
        """
        if not self.is_resting or self._mend_at is not None:
            return False
        if self.failure:
            return self.desk.is_quiet
        if not self.desk.is_clear:
            return False
        if not (self._is_finishing or self.is_halted) or time.monotonic() < self._look_at:
            return False
        self._look_at = time.monotonic() + self._until_look
        self._until_look = min(LONGEST_LOOK_SECONDS, 2 * self._until_look)
        if self.is_halted and not self._is_finishing and not self._drains:
            return True
        if self.is_halted and not self._is_finishing and not self._is_worked_off():
            return False
        return self.returns.are_home()

    def _one_has_ended(self) -> None:
        self.desk.ended()
        if not self.desk.under_way:  # it was the last one of ours, so that a look is worth it now
            self._look_at, self._until_look = 0.0, LOOK_SECONDS

    def _is_worked_off(self) -> bool:
        return stream.is_settled(self.line, self._keys.data, stream.POOL)

    # --- taking back -------------------------------------------------------------------------------

    def taken(self, one: Return) -> None:
        """The collector took a taskback."""
        self.returns.done(one)

    def not_taken(self, one: Return, error: BaseException) -> None:
        """The collector's `taskback()` raised: logged and put aside; the collector lives.

        A note that could not be shown is only logged.
        """
        ended = chain.failed(error, self.service.hidden)
        text = f"[{ended.error_id}] {one.verb} of message {one.message.id}: {ended.error}"
        self.log("error", f"{text}\n{ended.trace}".rstrip(), ended.error_id)
        if one.verb == "note":
            self.returns.done(one)
        else:
            self.returns.put_aside(one, ended, life.host())

    # --- the store ---------------------------------------------------------------------------------

    def mend(self, watch: Callable[[], None]) -> bool:
        """Try to reach the store again if it is lost; `watch` is called when it is back."""
        if self._mend_at is None:
            return True
        if time.monotonic() < self._mend_at:
            return False
        try:
            self.returns.say()  # all that was acknowledged is, before we ask for what is not
            self.line.reopen()
            self.line.ask("PING", timeout=1.0)
            self.returns.reader.reopen()
        except StoreError:
            self.line.close()
            self._mend_at = time.monotonic() + MEND_SECONDS
            return False
        self._mend_at = None
        self.log("info", "connected to the store again")
        watch()
        return True

    def lost_store(self, cut: BaseException) -> None:
        """The connection broke: what was said is said again once it is mended."""
        if self._mend_at is None:
            self.log("warning", f"{cut}; connecting again")
            self._mend_at = time.monotonic()
        self.line.close()
        self.returns.reader.line.close()

    def tend(self, watch: Callable[[], None]) -> None:
        """Say all that a turn has to say to the store, if it is in reach; for `watch` see `mend`."""
        self.mend(watch)
        if self.line.is_open:
            self._tidy()
            self.returns.ask()
            self.line.flush()

    def _tidy(self) -> None:
        """Every few seconds, take over from the dead and forget what need not be kept."""
        self.line.check()
        self.returns.reader.line.check()
        self.returns.look()
        self.desk.put_again()
        self.desk.take_turns(at_once=self.is_resting)
        self.desk.say()
        self.returns.say()
        self._answer_turned_away()
        if self.desk.error is not None:
            error, self.desk.error = self.desk.error, None
            self.crash(error)
        now = time.monotonic()
        if self.desk.turned_away and now >= self._count_at:
            self._count_at = now + COUNT_SECONDS
            self._count_turned_away()
        if now >= self._trim_at:
            self._trim_at = now + TRIM_SECONDS
            keep, oldest = self.service.keep, time.time() - self.service.keep.age
            stream.trim(self.line, self._keys.taskback, keep.messages, oldest)
            if not self.service.tasks:
                stream.trim(self.line, self._keys.data, keep.messages, oldest)

    def _count_turned_away(self) -> None:
        """Add those that `admit` did not let in to the counts of the service."""
        counts = self._keys.key("counts")
        self.line.say("HINCRBY", counts, "turned_away", self.desk.turned_away)
        self.desk.turned_away = 0

    def _answer_turned_away(self) -> None:
        """Tell them why not, if `admit` said it; while too many are not told, nothing more is read."""
        while self.desk.refusals and self.returns.has_room:
            self.returns.tell(self.desk.refusals.popleft())

    def leave(self) -> None:
        """Give up the name under which we read, and the connections."""
        try:
            self._count_turned_away()
            if self.returns.are_home():
                self.returns.leave()
        except (StoreError, Refused):
            pass  # the next life finds our name, and what it holds
        self.returns.reader.line.close()
        self.line.close()

    def log(self, level: str, text: str, error_id: str = "") -> None:
        """Have the launcher write a line of the log."""
        body = {"part": "intake", "level": level, "text": text, "error_id": error_id}
        self.control.tell("log", body)
