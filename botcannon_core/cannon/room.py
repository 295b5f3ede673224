"""Room: which workers may be given how many jobs now.

Whoever worked last comes first: its memory is still in the processor's caches. Where jobs are so short
that they can only compute, no more workers are set to them than there are processors, however many
there may be: the others would take turns with them, and nothing would be done sooner. A job that turns
out to take longer does not count, so it holds up nobody for more than a moment. Not here: how many
workers there are (crew), which jobs they get (pool).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

from botcannon_core.cannon.given import Depth
from botcannon_core.cannon.member import Worker

Workers = dict[int, Worker]


@dataclass(frozen=True)
class Room:
    """By what room is measured; `at_once` is how many jobs one worker runs at the same time."""

    depth: Depth
    at_once: int
    processors: int

    def among(self, ready: Workers, busy: Workers, free: int) -> list[tuple[Worker, int]]:
        """Each worker that has room, and for how many; no more than `free` of the ready ones."""
        depth = self.depth.jobs
        warm = islice(reversed(ready.values()), self.useful(busy, free))
        # one that died since we looked would cost its job a try
        room = [(one, depth) for one in warm if not one.channel.is_closed()]
        if self.at_once > 1:
            going = [one for one in busy.values() if not one.is_closing and one.term_at is None]
            both = (*(one for one, _ in room), *going)
            return [(one, self.at_once - len(one.given)) for one in both]
        if depth > 1:
            few = [one for one in busy.values() if len(one.given) <= depth // 2]
            room += [(one, depth - len(one.given)) for one in few if one.is_quick()]
        return room

    def ahead(self, busy: Workers, free: int) -> int:
        """How many jobs should be at hand: as many as could begin, or twice what may be given ahead."""
        if (depth := self.depth.jobs) > 1:
            return 2 * depth * (free + len(busy))
        if self.at_once == 1:
            return free
        return free * self.at_once + sum(self.at_once - len(one.given) for one in busy.values())

    def supply(self, busy: Workers, free: int) -> int:
        """How many jobs they all have, if nobody has room now or soon; else 0.

        Nobody has while each is left with more than half of what it may have.
        """
        least = self.depth.jobs // 2
        given = [len(one.given) for one in busy.values()]
        has_room = least == 0 or self.useful(busy, free) or any(some <= least for some in given)
        return 0 if has_room else sum(given)

    def useful(self, busy: Workers, free: int) -> int:
        """How many of `free` workers more would get something done sooner."""
        if not self.depth.is_short:
            return free
        young = sum(one.has_just_begun() for one in busy.values())
        return max(0, min(free, self.processors - young))
