"""The plan of a storm: which messages are poisonous, and who is struck when. The seed decides all of it.

*When* is counted in answers that have come home, not in seconds, so that a slow machine sees the same
storm. Not here: striking (storm) and judging (verdict).
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

TOXIC = 0.05  # of all messages
WORKERS_KILLED = 0.08  # strikes per message
OTHERS_KILLED = 0.02  # the same, shared by pools, forkers, seats, intakes and launchers
LONGEST_RUN_SECONDS = 0.03
POISONS = ("raise",) * 6 + ("exit",) * 5 + ("segfault",) * 5 + ("memory",) * 3 + ("for ever",)
# Where a worker runs many at once: what ends the worker would cost others their tries, as is promised.
POISONS_TOGETHER = ("raise",) * 6 + ("for ever",)
HOSTS = 2
LEASE_SECONDS = 2.0
TIMEOUT_SECONDS = 2.0
TRIES = 3
BACKLOG = 100
QUICK_BACKLOG = 2000  # so that workers are given many ahead


@dataclass(frozen=True, order=True)
class Strike:
    """What is done to whom once `at` answers have come home; `host` is its number."""

    at: int
    host: int
    what: str  # kill, stop, silence, cut, restart
    whom: str  # worker, seat, forker, pool, intake, launcher, host, store


# each once in 2000 messages: these take seconds
SLOW: Sequence[tuple[str, str]] = (
    ("stop", "pool"),
    ("stop", "worker"),
    ("restart", "store"),
    ("silence", "host"),
    ("stop", "intake"),
    ("kill", "store"),
    ("stop", "host"),
    ("stop", "launcher"),
)
CUTS_PER_MESSAGE = 0.01


@dataclass(frozen=True)
class Plan:
    """Everything the seed decides, for one storm over `count` messages."""

    seed: int
    count: int
    isolation: str = "message"
    quick: int = 1  # so many times shorter are runs, and as much rarer are poison and strikes
    concurrency: int = 1  # how many messages one worker runs at once

    @property
    def backlog(self) -> int:
        """How many messages may be unsettled."""
        return BACKLOG if self.quick == 1 else QUICK_BACKLOG

    def orders(self) -> list[dict[str, str]]:
        """The messages, in order, with what each does."""
        dice = random.Random(f"orders {self.seed}")
        poisons = POISONS if self.concurrency == 1 else POISONS_TOGETHER
        toxic = set(dice.sample(range(self.count), int(self.count * TOXIC / self.quick)))
        orders = []
        for number in range(self.count):
            one = {"number": str(number)}
            one["seconds"] = f"{dice.uniform(0, LONGEST_RUN_SECONDS / self.quick):.6f}"
            if number in toxic:
                one["poison"] = dice.choice(poisons)
            orders.append(one)
        return orders

    def strikes(self) -> list[Strike]:
        """The strikes, in order."""
        return sorted(self._strikes(random.Random(f"strikes {self.seed}")))

    def _strikes(self, dice: random.Random) -> Iterator[Strike]:
        count = self.count / self.quick
        kills = ["worker"] * int(count * WORKERS_KILLED)
        others = ("pool", "forker", "seat", "intake", "launcher")
        kills += [others[n % 5] for n in range(int(count * OTHERS_KILLED))]
        slow = (dice.sample(SLOW, len(SLOW)) * self.count)[: int(count * len(SLOW) / 2000)]
        cuts = [("cut", "store")] * int(count * CUTS_PER_MESSAGE)
        for what, whom in [*(("kill", whom) for whom in kills), *slow, *cuts]:
            yield Strike(dice.randrange(self.count * 95 // 100), dice.randrange(HOSTS), what, whom)
