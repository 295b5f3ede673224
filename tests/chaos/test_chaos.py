"""Nothing is lost, whatever dies: a real service on two hosts, under a storm of kills, stops and cuts.

`CHAOS_SEED=N` plays a storm again; every storm prints its seed.
"""

import os
import random
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.plan import Plan
from tests.chaos.storm import Storm
from tests.chaos.verdict import Verdict

SHORT, LONG = 1000, 10_000  # messages in each kind of storm
KINDS: dict[str, dict[str, Any]] = {
    "message": {"isolation": "message"},
    "worker": {"isolation": "worker"},
    "together": {"isolation": "worker", "concurrency": 8},
    "ahead": {"isolation": "message", "quick": 10},  # so short that seats are given some ahead
}
QUICK = 50  # times shorter than the usual runs: then many are given to a worker at once


def weathered(plan: Plan, folder: Path) -> None:
    """Run a storm and say what it did; fails with all that is wrong."""
    print(f"a storm with CHAOS_SEED={plan.seed}", file=sys.stderr, flush=True)
    verdict = Verdict(Storm(plan, folder).run())
    print(verdict.told(), file=sys.stderr, flush=True)
    assert not verdict.wrongs, "\n".join([verdict.told(), *verdict.wrongs[:50]])


def plan(kind: str, count: int, seed: int) -> Plan:
    """A storm of this kind; over more messages where they are quick, as strikes are rarer then."""
    return Plan(seed, count * 5 if "quick" in KINDS[kind] else count, **KINDS[kind])


@pytest.fixture
def seed() -> int:
    return int(os.environ.get("CHAOS_SEED") or random.SystemRandom().randrange(1_000_000))


@pytest.mark.story
@pytest.mark.timeout(180)
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_lost_in_a_short_storm(kind: str, seed: int, tmp_path: Path) -> None:
    weathered(plan(kind, SHORT, seed), tmp_path)


@pytest.mark.chaos
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_lost_in_a_long_storm(kind: str, seed: int, tmp_path: Path) -> None:
    weathered(plan(kind, LONG, seed), tmp_path)


@pytest.mark.chaos
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("isolation", ["worker", "message"])
def test_nothing_is_lost_in_a_storm_over_many_quick_messages(
    isolation: str, seed: int, tmp_path: Path
) -> None:
    weathered(Plan(seed, 5 * LONG, isolation, QUICK), tmp_path)
