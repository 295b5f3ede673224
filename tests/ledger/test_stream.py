"""The streams on a real server: reading through cuts, fences against other owners, and trimming."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from botcannon_core.ledger import dead, stream
from botcannon_core.ledger.keys import Keys
from botcannon_core.ledger.line import Cut, Line
from botcannon_core.ledger.refused import Refused
from botcannon_core.ledger.store import Store
from botcannon_core.ledger.stream import POOL, Ending, Entry, Reader
from tests.ledger.server_here import Server, wait_until


@pytest.fixture
def keys(store: Store) -> Keys:
    return store.keys("s")


@pytest.fixture
def line(store: Store, keys: Keys) -> Iterator[Line]:
    opened = Line(store, keys.data)
    stream.make_group(opened, keys.data, POOL)
    opened.ask("PING")
    yield opened
    opened.close()


def add(line: Line, keys: Keys, *names: str) -> list[str]:
    return [line.ask("XADD", keys.data, "*", "n", name) for name in names]


def read(reader: Reader, count: int = 100, block: float = 0.0) -> list[Entry]:
    """What a question brings; it must be answered."""
    reader.ask(count, block)
    found: list[Entry] = []

    def is_answered() -> bool:
        found.extend(reader.hear(0.05))
        return not reader.is_asked

    wait_until(is_answered, "the reader is answered")
    return found


def drained(reader: Reader) -> list[Entry]:
    """Everything that was this consumer's before."""
    found: list[Entry] = []
    while reader.is_draining:
        found += read(reader)
    return found


def numbers(entries: list[Entry]) -> list[str]:
    return [entry.fields["n"] for entry in entries]


def pending(line: Line, keys: Keys) -> dict[str, str]:
    """Who holds what."""
    found = line.ask("XPENDING", keys.data, POOL, "-", "+", 1000)
    return {entry: owner for entry, owner, *_ in found}


# --- reading


def test_what_was_queued_before_the_first_reader_is_read(
    line: Line, store: Store, keys: Keys
) -> None:
    line.ask("DEL", keys.data)
    add(line, keys, "1", "2")
    reader = Reader(store, keys.data, POOL, "me")
    assert drained(reader) == []
    assert numbers(read(reader)) == ["1", "2"]


def test_no_more_is_read_than_was_asked_for(line: Line, store: Store, keys: Keys) -> None:
    add(line, keys, "1", "2", "3")
    reader = Reader(store, keys.data, POOL, "me")
    drained(reader)
    assert numbers(read(reader, 2)) == ["1", "2"]
    assert numbers(read(reader, 2)) == ["3"]
    assert read(reader, 2) == []


def test_a_question_waits_for_news(line: Line, store: Store, keys: Keys) -> None:
    reader = Reader(store, keys.data, POOL, "me")
    drained(reader)
    reader.ask(10)
    assert reader.hear(0.01) == []
    assert reader.is_asked
    add(line, keys, "1")
    assert numbers(reader.hear(5)) == ["1"]
    assert not reader.is_asked


def test_what_was_read_and_not_acknowledged_comes_first_in_the_next_life(
    line: Line, store: Store, keys: Keys
) -> None:
    ids = add(line, keys, *map(str, range(10)))
    first = Reader(store, keys.data, POOL, "me")
    drained(first)
    read(first, 6)
    stream.acknowledge(line, keys.data, POOL, ids[2])
    line.ask("PING")
    second = Reader(store, keys.data, POOL, "me")
    again: list[Entry] = []
    while second.is_draining:
        again += read(second, 2)
    assert numbers(again) == ["0", "1", "3", "4", "5"]
    assert numbers(read(second)) == ["6", "7", "8", "9"]


def test_an_entry_that_was_deleted_while_it_was_pending_is_counted_as_lost(
    line: Line, store: Store, keys: Keys
) -> None:
    ids = add(line, keys, "1", "2")
    reader = Reader(store, keys.data, POOL, "me")
    drained(reader)
    read(reader)
    line.ask("XDEL", keys.data, ids[0])
    reader.reopen()
    assert numbers(drained(reader)) == ["2"]
    assert reader.lost == 1
    reader.line.ask("PING")
    assert list(pending(line, keys)) == [ids[1]]


def test_a_store_that_was_emptied_gets_its_group_again(
    line: Line, store: Store, keys: Keys
) -> None:
    reader = Reader(store, keys.data, POOL, "me")
    drained(reader)
    line.ask("FLUSHALL")
    add(line, keys, "1")
    assert read(reader) == []  # it was told that there is no group
    assert numbers(read(reader)) == ["1"]


def test_a_store_that_is_emptied_while_a_question_waits_is_no_end(
    line: Line, store: Store, keys: Keys
) -> None:
    reader = Reader(store, keys.data, POOL, "me")
    drained(reader)
    reader.ask(10)
    reader.hear(0.01)
    line.ask("FLUSHALL")
    try:
        wait_until(lambda: reader.hear(0.05) == [] and not reader.is_asked, "it is answered")
    except Cut:
        reader.reopen()
        drained(reader)
    add(line, keys, "1")
    found = read(reader) or read(reader)
    assert numbers(found) == ["1"]


def test_fields_that_are_no_text_are_read(line: Line, store: Store, keys: Keys) -> None:
    line.ask("XADD", keys.data, "*", b"n", b"\xff\xfe", b"\xff", b"1")
    reader = Reader(store, keys.data, POOL, "me")
    drained(reader)
    [entry] = read(reader)
    assert entry.fields["n"] == "��"


def test_what_is_no_stream_is_told(line: Line, store: Store, keys: Keys) -> None:
    reader = Reader(store, keys.data, POOL, "me")
    line.ask("DEL", keys.data)
    line.ask("SET", keys.data, "text")
    with pytest.raises(Refused, match="WRONGTYPE"):
        drained(reader)


def test_a_reader_goes_on_after_the_server_was_killed() -> None:
    with tempfile.TemporaryDirectory(prefix="bc-") as folder:
        server = Server(Path(folder))
        store = server.store()
        keys = store.keys("s")
        line = Line(store, keys.data)
        reader = Reader(store, keys.data, POOL, "me")
        drained(reader)
        add(line, keys, "1", "2")
        assert numbers(read(reader, 1)) == ["1"]
        reader.ask(1, 0.0)  # the server may give away 2 and die before we hear of it
        server.kill()
        with pytest.raises(Cut):
            wait_until(lambda: reader.hear(5) and False, "never")
        server.start()
        reader.reopen()
        line.reopen()
        assert set(numbers(drained(reader)) + numbers(read(reader))) == {"1", "2"}
        server.kill()


# --- is it settled?


def test_settled_is_what_is_read_and_acknowledged(line: Line, store: Store, keys: Keys) -> None:
    assert stream.is_settled(line, keys.data, POOL)
    [entry] = add(line, keys, "1")
    assert not stream.is_settled(line, keys.data, POOL)
    reader = Reader(store, keys.data, POOL, "me")
    drained(reader)
    read(reader)
    assert not stream.is_settled(line, keys.data, POOL)
    stream.acknowledge(line, keys.data, POOL, entry)
    assert stream.is_settled(line, keys.data, POOL)
    add(line, keys, "2")
    assert not stream.is_settled(line, keys.data, POOL)


def test_without_its_group_a_stream_with_entries_is_not_settled(line: Line, keys: Keys) -> None:
    assert stream.is_settled(line, "T|none", POOL)
    line.ask("XADD", "T|other", "*", "n", "1")
    assert not stream.is_settled(line, "T|other", POOL)


# --- fences: somebody else owns it now


@pytest.fixture
def mine(line: Line, store: Store, keys: Keys) -> list[str]:
    """Three entries that `me` has read."""
    ids = add(line, keys, "1", "2", "3")
    line.ask("XREADGROUP", "GROUP", POOL, "me", "COUNT", 3, "STREAMS", keys.data, ">")
    return ids


def rob(line: Line, keys: Keys, entry: str) -> None:
    line.ask("XCLAIM", keys.data, POOL, "thief", 0, entry)


def settled(line: Line, keys: Keys, entry: str, outcome: str = "done", by: str = "me") -> bool:
    heard: list[bool] = []
    answer = {"n": "1", "_outcome": outcome}
    lies = {"n": "1", "_error": "why"} if outcome == "parked" else {}
    ending = Ending(entry, answer, lies)
    said = heard.append
    stream.settle(line, keys, by, "", [ending], lambda settled: said(entry not in settled.lost))
    line.ask("PING")
    return heard[0]


@pytest.mark.parametrize("outcome", ["done", "skipped", "parked"])
def test_a_settled_message_is_acknowledged_counted_answered_and_its_tries_forgotten(
    line: Line, keys: Keys, mine: list[str], outcome: str
) -> None:
    stream.begin(line, keys, "me", {mine[0]: 1})
    stream.postpone(line, keys, "me", mine[0], 5.0)
    assert settled(line, keys, mine[0], outcome)
    assert list(pending(line, keys)) == mine[1:]
    assert line.ask("HGETALL", keys.key("tries")) == []
    assert line.ask("HGET", keys.key("counts"), outcome) == "1"
    assert line.ask("XLEN", keys.taskback) == 1
    assert line.ask("XLEN", keys.dead) == (1 if outcome == "parked" else 0)


@pytest.mark.parametrize("outcome", ["done", "parked"])
def test_who_has_lost_a_message_settles_nothing(
    line: Line, keys: Keys, mine: list[str], outcome: str
) -> None:
    rob(line, keys, mine[0])
    assert not settled(line, keys, mine[0], outcome)
    assert pending(line, keys)[mine[0]] == "thief"
    assert line.ask("EXISTS", keys.taskback, keys.dead, keys.key("counts")) == 0
    assert settled(line, keys, mine[0], outcome, by="thief")


def test_of_many_that_are_settled_together_only_those_of_others_stay(
    line: Line, keys: Keys, mine: list[str]
) -> None:
    rob(line, keys, mine[1])
    heard: list[stream.Settled] = []
    done = {"_outcome": "done"}
    parked = Ending(mine[2], {"_outcome": "parked"}, {"_error": "why"})
    endings = [Ending(mine[0], done), Ending(mine[1], done), parked]
    stream.settle(line, keys, "me", "", endings, heard.append)
    line.ask("PING")
    assert heard == [stream.Settled(frozenset({mine[1]}))]
    assert pending(line, keys) == {mine[1]: "thief"}
    assert line.ask("HMGET", keys.key("counts"), "done", "parked") == ["1", "1"]
    assert line.ask("XLEN", keys.taskback) == 2


@pytest.mark.parametrize("outcome", ["done", "parked"])
def test_a_message_is_settled_once(line: Line, keys: Keys, mine: list[str], outcome: str) -> None:
    assert settled(line, keys, mine[0], outcome)
    assert not settled(line, keys, mine[0], outcome)
    assert line.ask("XLEN", keys.taskback) == 1


def test_an_ending_too_large_for_a_script_changes_nothing(
    line: Line, keys: Keys, mine: list[str]
) -> None:
    answer = {"_outcome": "done", **{str(n): "x" for n in range(10_000)}}
    heard: list[stream.Settled] = []
    stream.settle(line, keys, "me", "", [Ending(mine[0], answer)], heard.append)
    line.ask("PING")
    assert "too many results to unpack" in heard[0].refusal
    assert pending(line, keys)[mine[0]] == "me"


def test_renewing_keeps_what_is_ours_and_tells_what_is_not(
    line: Line, keys: Keys, mine: list[str]
) -> None:
    for entry in mine:
        line.ask("XCLAIM", keys.data, POOL, "me", 0, entry, "IDLE", 60_000, "JUSTID")
    rob(line, keys, mine[1])
    line.ask("XACK", keys.data, POOL, mine[2])
    heard: list[Any] = []
    stream.renew(line, keys, "me", mine, heard.append)
    line.ask("PING")
    assert heard == [[mine[1], mine[2]]]
    [(_, owner, idle, count)] = line.ask("XPENDING", keys.data, POOL, mine[0], mine[0], 1)
    assert (owner, count) == ("me", 1)  # a renewal is no delivery
    assert idle < 60_000
    assert pending(line, keys)[mine[1]] == "thief"


def test_a_try_is_counted_once_and_for_its_owner_only(
    line: Line, keys: Keys, mine: list[str]
) -> None:
    rob(line, keys, mine[1])
    for entry in mine:
        stream.begin(line, keys, "me", {entry: 1})
        stream.begin(line, keys, "me", {entry: 1})
        stream.postpone(line, keys, "me", entry, 7.5)
    stream.begin(line, keys, "me", {mine[2]: 2})
    heard: list[list[stream.Tries]] = []
    stream.earlier_tries(line, keys, mine, heard.append)
    line.ask("PING")
    assert heard == [[stream.Tries(1, 7.5), stream.Tries(0, 0.0), stream.Tries(2, 7.5)]]


def test_a_dead_consumer_is_inherited_in_order_and_forgotten_when_it_has_nothing(
    line: Line, keys: Keys, mine: list[str]
) -> None:
    heard: list[list[str]] = []

    def adopt() -> None:
        stream.adopt(
            line, keys, "heir", "me", 2, lambda a: heard.append(numbers(stream.entries(a)))
        )
        line.ask("PING")

    for _ in range(3):
        adopt()
    assert heard == [["1", "2"], ["3"], []]
    assert set(pending(line, keys).values()) == {"heir"}
    names = [
        about["name"] for about in stream.described(line.ask("XINFO", "CONSUMERS", keys.data, POOL))
    ]
    assert names == ["heir"]


def test_what_a_leaving_consumer_holds_may_be_taken_by_anybody_at_once(
    line: Line, store: Store, keys: Keys, mine: list[str]
) -> None:
    rob(line, keys, mine[0])
    assert line.ask_script("leave", (keys.data,), POOL, "me") == 2
    assert pending(line, keys) == {mine[0]: "thief", mine[1]: "nobody", mine[2]: "nobody"}
    claimed = line.ask("XAUTOCLAIM", keys.data, POOL, "next", 3_600_000, "0-0", "COUNT", 10)
    assert [entry for entry, _ in claimed[1]] == mine[1:]
    assert line.ask_script("leave", (keys.data,), POOL, "me") == 0


def test_more_than_one_bite_can_be_left(line: Line, keys: Keys) -> None:
    for n in range(1200):
        line.say("XADD", keys.data, "*", "n", n)
    line.ask("XREADGROUP", "GROUP", POOL, "me", "COUNT", 2000, "STREAMS", keys.data, ">")
    assert line.ask_script("leave", (keys.data,), POOL, "me") == 1200


# --- the dead


def test_a_parked_message_is_put_back_whole_with_its_first_id(line: Line, keys: Keys) -> None:
    told = (
        "_id",
        "5-0",
        "_from",
        "me",
        "_error",
        "why",
        "_trace",
        "t",
        "_tries",
        "3",
        "_signal",
        "9",
    )
    entry = line.ask("XADD", keys.dead, "*", "n", "1", *told)
    assert dead.retry(line, keys, entry)
    assert dead.retry(line, keys, entry) is None
    [(_, words)] = line.ask("XRANGE", keys.data, "-", "+")
    assert stream.fields_of(words) == {"n": "1", "_id": "5-0", "_from": "me"}
    assert line.ask("XLEN", keys.dead) == 0
    assert not dead.drop(line, keys, entry)


# --- trimming


def test_too_many_and_too_old_go_when_they_are_settled(
    line: Line, store: Store, keys: Keys, mine: list[str]
) -> None:
    add(line, keys, "4", "5")
    for entry in mine:
        stream.acknowledge(line, keys.data, POOL, entry)
    stream.trim(line, keys.data, 4, 0.0, POOL)
    assert kept(line, keys) == ["2", "3", "4", "5"]
    stream.trim(line, keys.data, 1, 0.0, POOL)
    assert kept(line, keys) == ["4", "5"]  # nobody has read them
    stream.trim(line, keys.data, 100, 9e9, POOL)
    assert kept(line, keys) == ["4", "5"]


def kept(line: Line, keys: Keys) -> list[str]:
    return [stream.fields_of(words)["n"] for _, words in line.ask("XRANGE", keys.data, "-", "+")]


def test_without_the_group_that_must_be_there_nothing_is_trimmed(line: Line, keys: Keys) -> None:
    add(line, keys, "1", "2")
    line.ask("XGROUP", "DESTROY", keys.data, POOL)
    stream.trim(line, keys.data, 0, 9e9, POOL)
    assert kept(line, keys) == ["1", "2"]
    stream.trim(line, keys.data, 1, 0.0)
    assert kept(line, keys) == ["2"]


GROUPS = ("a", "b")
STEP = st.one_of(
    st.tuples(st.just("add"), st.integers(1, 150)),
    st.tuples(st.just("read"), st.sampled_from(GROUPS), st.integers(1, 60)),
    st.tuples(st.just("settle"), st.sampled_from(GROUPS), st.integers(0, 500)),
    st.tuples(st.just("trim"), st.integers(0, 120), st.booleans()),
    st.tuples(st.just("delete"), st.integers(0, 500)),
)


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(STEP, min_size=5, max_size=25))
def test_trimming_never_takes_what_a_group_has_not_read_or_not_acknowledged(
    line: Line, store: Store, keys: Keys, steps: list[tuple[Any, ...]]
) -> None:
    line.ask("DEL", keys.data)
    for group in GROUPS:
        line.ask("XGROUP", "CREATE", keys.data, group, "0", "MKSTREAM")
    there: list[str] = []  # what must still be there or may be
    unread = {group: list[str]() for group in GROUPS}
    unsettled = {group: list[str]() for group in GROUPS}
    for step in steps:
        match step:
            case "add", count:
                for n in range(count):
                    there.append(line.ask("XADD", keys.data, "*", "n", n))
                    for group in GROUPS:
                        unread[group].append(there[-1])
            case "read", group, count:
                line.ask(
                    "XREADGROUP", "GROUP", group, "me", "COUNT", count, "STREAMS", keys.data, ">"
                )
                unsettled[group] += unread[group][:count]
                del unread[group][:count]
            case "settle", group, pick if unsettled[group]:
                entry = unsettled[group].pop(pick % len(unsettled[group]))
                line.ask("XACK", keys.data, group, entry)
            case "delete", pick if there:
                entry = there.pop(pick % len(there))
                line.ask("XDEL", keys.data, entry)
                for group in GROUPS:  # a pending entry may be deleted, and still stands there
                    unread[group] = [one for one in unread[group] if one != entry]
            case "trim", keep, everything_is_old:
                stream.trim(line, keys.data, keep, 9e9 if everything_is_old else 0.0, "a")
                now = [entry for entry, _ in line.ask("XRANGE", keys.data, "-", "+")]
                needed = {*unread["a"], *unread["b"], *unsettled["a"], *unsettled["b"]} & set(there)
                assert needed <= set(now)
                assert there[len(there) - len(now) :] == now  # only ever the oldest
                if not everything_is_old:
                    assert len(now) >= min(keep, len(there))
                if not needed and everything_is_old:
                    assert now == []
                there = now


def test_a_large_stream_is_trimmed_bite_by_bite_and_soon(line: Line, keys: Keys) -> None:
    for n in range(5000):
        line.say("XADD", keys.data, "*", "n", n)
    line.ask("XREADGROUP", "GROUP", POOL, "me", "COUNT", 5000, "NOACK", "STREAMS", keys.data, ">")
    stream.trim(line, keys.data, 100, 0.0, POOL)
    lengths = [5000, line.ask("XLEN", keys.data)]
    assert lengths[0] - lengths[1] <= stream.TRIM_AT_ONCE
    while line.unanswered:
        lengths.append(line.ask("XLEN", keys.data))  # the answer to the last bite asks for more
    assert lengths[-1] == 100
    assert len(lengths) < 10, "a loop that hears its answers now and then would fall behind"
