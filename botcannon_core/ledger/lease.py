"""The lease on being the one live collector of a service in a store.

Held by the launcher, which no `read()` can block, and renewed while the collector lives. Not here: the
leases on messages, which are the pending entries of the pool's group themselves.
"""

from __future__ import annotations

from collections.abc import Callable

from botcannon_core.ledger.keys import Keys
from botcannon_core.ledger.line import Line
from botcannon_core.ledger.refused import Refused

LEASE_SECONDS = 15.0


def take(line: Line, keys: Keys, me: str, then: Callable[[str], None], dead: str = "") -> None:
    """Take or renew the lease; `then` gets its holder, which may be somebody else.

    `dead` is a holder that is certainly over: it loses the lease at once.
    """

    def heard(answer: object) -> None:
        if not isinstance(answer, Refused):
            then(str(answer))

    args = (me, int(LEASE_SECONDS * 1000), dead)
    line.run("lease", (keys.key("lease"),), *args, then=heard)


def release(line: Line, keys: Keys, me: str) -> None:
    """Give the lease up, so that whoever stands by may take it at once."""
    line.run("release", (keys.key("lease"),), me)
