"""Watches the store while workers empty a queue: how many jobs are done, look after look.

The store is asked, never the workers: nothing is built into what is measured.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from benchmarks.figures import Sample

LOOK_SECONDS = 0.02
EVER_ADDED = """
local sum = 0
for _, key in ipairs(KEYS) do
    local about = redis.call('EXISTS', key) == 1 and redis.call('XINFO', 'STREAM', key) or {}
    for place = 1, #about, 2 do
        if about[place] == 'entries-added' then sum = sum + about[place + 1] end
    end
end
return sum
"""


class Broken(Exception):
    """A measurement did not come to its end: it took too long, or what is measured has died."""


def watch(
    done: Callable[[], int],
    until: float,
    patience: float,
    lives: Callable[[], bool] = lambda: True,
) -> list[Sample]:
    """Look until so many are done. Raises Broken after `patience` seconds, or when nothing lives."""
    began = time.monotonic()
    samples: list[Sample] = []
    while True:
        was_alive = lives()
        samples.append((time.monotonic(), done()))
        if samples[-1][1] >= until:
            return samples
        if not was_alive:
            raise Broken(f"{samples[-1][1]} of {until:g} done when it ended")
        if time.monotonic() - began > patience:
            raise Broken(f"{samples[-1][1]} of {until:g} done after {patience:g} s")
        time.sleep(LOOK_SECONDS)


def length(client: Any, command: str, *keys: str) -> int:
    """The sum of what a counting command (LLEN, HLEN, ZCARD, XLEN) says of each key."""
    return sum(int(client.execute_command(command, key)) for key in keys)


def unacknowledged(client: Any, stream: str, group: str) -> int:
    """What of a stream its consumer group has not read, or read and not acknowledged."""
    for about in client.xinfo_groups(stream):
        if about["name"] == group:
            return int(about["pending"]) + int(about["lag"] or 0)
    return int(client.xlen(stream))


def ever_added(client: Any, *streams: str) -> int:
    """How many entries were ever added to these streams, also those that were trimmed.

    One round trip, however many streams: a look must not weigh more where more is looked at.
    """
    return int(client.eval(EVER_ADDED, len(streams), *streams))
