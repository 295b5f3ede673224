"""What the second command makes of what it saw."""

import xml.etree.ElementTree as ElementTree

import pytest

from benchmarks.profile import flame
from benchmarks.profile.processes import shared
from benchmarks.profile.stages import summed, with_store, written

DATA = "BENCH|streams:{bench}:data"
TASKBACK = "BENCH|streams:{bench}:taskback"
MONITORED = [
    '10.100000 [0 127.0.0.1:5] "EVALSHA" "ab" "1" "BENCH|streams:{bench}:data"',
    f'10.200000 [0 lua] "XADD" "{DATA}" "*" "n" "1"',
    f'10.700000 [0 lua] "xadd" "{TASKBACK}" "*" "n" "1"',
    f'20.000000 [0 lua] "XADD" "{DATA}" "*" "n" "2"',
]
SEEN = {
    "worker": "7",
    "moments": {
        "asked": 10.0,
        "fork": 1.0,
        "born": 1.5,
        "constructed": 1.75,
        "begun": 10.3,
        "ended": 10.4,
        "back": 11.0,
    },
}
STACKS = [
    'process 11:"python -m it up";process 12:"python -m it up";'
    'process 14:"python -c import sys; main() /a";main (a/cannon/forker.py:9) 3',
    'process 11:"python -m it up";process 12:"python -m it up";'
    "run (/x/y/cannon/pool.py:5);hear (/x/y/cannon/pool.py:7) 6",
    'process 11:"python -m it up";process 12:"python -m it up";run (/x/y/cannon/pool.py:5) 1',
    "not a line of samples",
]


def test_the_store_tells_when_it_wrote_to_a_stream() -> None:
    assert list(written(MONITORED, DATA)) == [10.2, 20.0]
    assert list(written(MONITORED, TASKBACK)) == [10.7]


def test_a_message_gets_the_moments_of_its_own_time() -> None:
    (found,) = with_store([SEEN], MONITORED)
    assert (found["moments"]["stored"], found["moments"]["settled"]) == (10.2, 10.7)


def test_stages_are_milliseconds_from_moment_to_moment() -> None:
    found = {one.name: one.median for one in summed(with_store([SEEN], MONITORED))}
    assert found == pytest.approx(
        {
            "store": 200,
            "hand over": 100,
            "run": 100,
            "settle": 300,
            "bring back": 300,
            "all of it": 1000,
            "fork": 500,
            "construct": 250,
        }
    )


def test_a_stage_that_was_not_seen_is_left_out() -> None:
    assert "store" not in {one.name for one in summed(with_store([SEEN], []))}


def test_a_share_is_what_was_used_between_two_looks() -> None:
    shares, rate = shared({"pool": 1.0}, {"pool": 1.5, "store": 0.1}, 1000, 2.0)
    found = [(one.role, one.per_message, one.cores) for one in shares]
    assert found == [("pool", pytest.approx(500), 0.25), ("store", pytest.approx(100), 0.05)]
    assert rate == 500


def test_stacks_become_a_tree_of_calls() -> None:
    root = flame.folded(STACKS, "worker")
    assert root.samples == 10
    assert sorted(root.calls) == ["forker", "pool"]
    run = root.calls["pool"].calls["run (cannon/pool.py:5)"]
    assert (run.samples, run.calls["hear (cannon/pool.py:7)"].samples) == (7, 6)


def test_the_busiest_is_who_runs_not_who_calls() -> None:
    assert flame.busiest(flame.folded(STACKS, "worker"), 2) == [
        ("hear (cannon/pool.py:7)", 0.6),
        ("main (cannon/forker.py:9)", 0.3),
    ]


def test_every_call_has_its_box_as_wide_as_its_share() -> None:
    drawn = ElementTree.fromstring(flame.drawn(flame.folded(STACKS, "worker"), "a title"))
    space = "{http://www.w3.org/2000/svg}"
    widths = {
        group.findtext(f"{space}title"): group.find(f"{space}rect")
        for group in drawn.iter(f"{space}g")
    }
    box = widths["hear (cannon/pool.py:7): 60.0%"]
    assert box is not None
    assert float(box.get("width", 0)) == pytest.approx(flame.WIDTH * 0.6)
