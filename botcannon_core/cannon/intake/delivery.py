"""Deliveries: several answers on their way to an async collector at once, those of one place in order.

A service that takes one line a second in each of its rooms may hold up the answers to that room, and not
those to the others. What happened to an answer is not known here. Who owns one: `waiting` (not sorted),
then the lane of its place, then the task that brings it; if we die right here, the stream still has it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from botcannon_core.cannon.intake.returns import Return
from botcannon_core.ending import end
from botcannon_core.message import Message

AT_ONCE = 16
MOST_SORTED = 1_000  # answers that wait in lanes; more are left to the stream

Place = tuple[str, str, str]


class Deliveries:
    """Brings what is in `waiting`; `bring` is given one and raises nothing."""

    def __init__(self, waiting: deque[Return], bring: Callable[[Return], Awaitable[None]]) -> None:
        self._waiting = waiting
        self._bring = bring
        self._lanes: dict[Place, deque[Return]] = {}  # of each place with an answer; the first next
        self._ready: deque[Place] = deque()  # those that have no task and want one
        self._tasks: set[asyncio.Task[None]] = set()
        self._sorted = 0
        self._is_over = False

    def go_on(self) -> None:
        """Begin what can be begun now."""
        self._sort()
        while self._ready and not self._is_over and len(self._tasks) < AT_ONCE:
            self._tasks.add(asyncio.create_task(self._serve(self._ready.popleft())))

    async def stop(self) -> None:
        """Break off what is under way, and begin nothing more."""
        self._is_over = True
        await asyncio.gather(*map(end, self._tasks), return_exceptions=True)

    def _sort(self) -> None:
        while self._waiting and self._sorted < MOST_SORTED:
            one = self._waiting.popleft()
            place = place_of(one.message)
            if place not in self._lanes:
                self._lanes[place] = deque()
                self._ready.append(place)
            self._lanes[place].append(one)
            self._sorted += 1

    async def _serve(self, place: Place) -> None:
        """Bring what there is for one place, until another one wants the turn."""
        lane = self._lanes[place]
        try:
            while lane:
                self._sorted -= 1
                await self._bring(lane.popleft())
                self._sort()
                if self._ready:
                    break
        finally:
            self._tasks.discard(asyncio.current_task())
            if lane:
                self._ready.append(place)
            else:
                del self._lanes[place]
        self.go_on()


def place_of(message: Message) -> Place:
    """Where an answer goes: its room and thread, or to its user; all that do not say go to one place."""
    said = message.get
    room, user = said("room", ""), said("user", "")
    where = (user or room) if said("direct") else (room or user)
    return said("network", ""), where, said("thread", "")
