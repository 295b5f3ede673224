"""The store in memory answers as a real one does, and a real Line runs on it."""

from importlib import resources
from typing import Any

import pytest

from botcannon_core.errors import StoreError
from botcannon_core.ledger import lease, stream
from botcannon_core.ledger.history import History
from botcannon_core.ledger.line import Cut, Line
from botcannon_core.ledger.refused import Refused
from botcannon_core.ledger.store import Store
from botcannon_core.ledger.stream import Reader
from botcannon_core.testing.fake.scripts import SCRIPTS
from botcannon_core.testing.fake.store import FakeStore

# `$1` is the id of the first entry of data, and so on: ids are the server's own
TALK = """
PING | ECHO hi | GET x | SET x 1 | GET x | SET x 2 PX 60000 | GET x | DEL x y | NONSENSE
HSET h a 1 b 2 | HSETNX h a 9 | HSETNX h c 9 | HGET h a | HGET h z | HMGET h a z | HDEL h a z
HINCRBY h n 5 | HINCRBY h n -2 | HGETALL h | HGETALL none | HDEL h b c n | HGETALL h | PEXPIRE none 1
RPUSH l a b c a | LINDEX l 0 | LINDEX l 9 | LRANGE l 0 -1 | LRANGE l 1 2 | LREM l 1 a | LPOP l | LPOP m
LRANGE l 0 -1 | GET l | HGET l a | XLEN l
XINFO GROUPS data | XLEN data | XRANGE data - + | XPENDING data g | XACK data g 1-1
XREADGROUP GROUP g c COUNT 1 STREAMS data > | XGROUP CREATE data g 0 MKSTREAM
XGROUP CREATE data g 0 MKSTREAM | XREADGROUP GROUP g c COUNT 1 STREAMS data > | XPENDING data g
ADD a 1 | ADD b 2 | ADD c 3 | ADD d 4 | ADD e 5 | XLEN data | XRANGE data - + COUNT 2
XRANGE data ($2 + | XREVRANGE data + - COUNT 2 | XREVRANGE data $2 - | XRANGE data $2 $3
XREADGROUP GROUP g c COUNT 2 STREAMS data > | XREADGROUP GROUP g d COUNT 2 STREAMS data >
XINFO GROUPS data | XPENDING data g | XREADGROUP GROUP g c COUNT 9 STREAMS data 0
XREADGROUP GROUP g c COUNT 9 STREAMS data $1 | XACK data g $1 | XACK data g $1
XCLAIM data g d 0 $2 JUSTID | XCLAIM data g d 0 $1 | XCLAIM data g c 99999 $2 | XCLAIM data g c 0 $2
XPENDING data g - + 9 d | XDEL data $3 | XDEL data $3 | XREADGROUP GROUP g d COUNT 9 STREAMS data 0
XAUTOCLAIM data g e 0 0-0 COUNT 9 | XAUTOCLAIM data g e 99999 0-0 COUNT 9 | XPENDING data g
XGROUP DELCONSUMER data g d | XGROUP DELCONSUMER data g e | XPENDING data g | XTRIM data MINID $4
XRANGE data - + | XCLAIM data g c 0 $5 | XREADGROUP GROUP g c COUNT 9 STREAMS data > | XLEN data
XGROUP DESTROY data g | XGROUP DESTROY data g | XPENDING data g | XGROUP CREATE data g $ MKSTREAM
XREADGROUP GROUP g c COUNT 9 STREAMS data > | LOG a 1 | LOG b 2 | LOG c 3 | XLEN log
FLUSHALL | XLEN data
"""


def said(store: Any) -> list[Any]:
    """The answers to all of TALK."""
    line = Line(store, "data")
    ids: list[str] = []
    answers = []
    for sentence in (part for row in TALK.strip().splitlines() for part in row.split(" | ")):
        for number, entry in enumerate(ids, 1):
            sentence = sentence.replace(f"${number}", entry)
        try:
            if sentence.startswith("ADD"):
                ids.append(line.ask("XADD", "data", "*", *sentence.split()[1:]))
            elif sentence.startswith("LOG"):
                line.ask("XADD", "log", "MAXLEN", 2, "*", *sentence.split()[1:])
            else:
                answers.append([sentence, line.ask(*sentence.split())])
        except Refused as refused:
            answers.append([sentence, f"refused: {str(refused).split()[0]}"])
    line.close()
    return [compared(answer, ids) for answer in answers]


def compared(answer: Any, ids: list[str]) -> Any:
    """An answer with its own ids as numbers, without what the ledger does not look at."""
    if isinstance(answer, list):
        if "last-delivered-id" in answer or answer[:1] == ["name"]:
            about = dict(zip(answer[::2], answer[1::2], strict=True))
            answer = [about.get(key) for key in ("name", "pending", "last-delivered-id")]
        elif [type(one) for one in answer] == [str, str, int, int]:
            answer = [*answer[:2], "idle", answer[3]]
        return [compared(one, ids) for one in answer]
    for number, entry in enumerate(ids, 1):
        if isinstance(answer, str):
            answer = answer.replace(entry, f"${number}")
    return "an id" if isinstance(answer, str) and answer.count("-") == 1 else answer


def test_it_answers_as_a_real_server_does(store: Store) -> None:
    for mine, real in zip(said(FakeStore()), said(store), strict=True):
        assert mine == real


def told(store: Any) -> list[Any]:
    """What a History says of a few entries with ids of their own."""
    line, key = Line(store, "data"), store.keys("sensors").data
    now = int(line.ask("TIME")[0]) * 1000
    for ago, n in ((90_000, 1), (30_000, 2), (30_000, 3), (1_000, 4)):
        line.ask("XADD", key, f"{now - ago}-{n}", "n", n)
    with pytest.raises(Refused, match="equal or smaller"):
        line.ask("XADD", key, f"{now - 30_000}-3", "n", 5)
    line.close()
    history = History(lambda: store)
    newest = history.latest("sensors")
    assert newest is not None
    return [
        [message["n"] for message in history.last("sensors", 60)],
        [message["n"] for message in history.last("sensors", 60, limit=2)],
        [message["n"] for message in history.sample("sensors", 100, 4)],
        (newest["n"], newest.id == f"{now - 1_000}-4"),
        history.latest("none"),
        (history.count("sensors"), history.count("none")),
        history.services(),
    ]


def test_a_history_reads_it_as_it_reads_a_real_server(store: Store) -> None:
    mine, real = told(FakeStore()), told(store)
    assert mine == real
    assert mine[0] == ["2", "3", "4"]
    assert mine[-1] == ["sensors"]


def test_it_knows_every_script() -> None:
    folder = resources.files("botcannon_core.ledger") / "lua"
    assert sorted(SCRIPTS) == sorted(f.name[:-4] for f in folder.iterdir() if f.name[-4:] == ".lua")


def test_what_it_does_not_know_is_refused() -> None:
    with pytest.raises(Refused, match="has no command ZADD"):
        Line(FakeStore(), "k").ask("ZADD", "k", 1, "x")


def test_a_read_that_waits_is_answered_when_something_comes() -> None:
    store = FakeStore()
    reader = Reader(store, "k", "g", "c")
    reader.ask(5)
    assert reader.hear() == []  # nothing of before a cut
    reader.ask(5)
    assert reader.hear(0.01) == []
    added = store.do("XADD", "k", "*", "a", "1")
    assert reader.hear() == [stream.Entry(added, {"a": "1"})]
    reader.line.close()


def test_after_a_cut_what_was_sent_has_been_done_and_is_said_again() -> None:
    store = FakeStore()
    line = Line(store, "k")
    answers: list[Any] = []
    line.say("HINCRBY", "k", "n", 1, then=answers.append)
    line.flush()
    store.cut()
    with pytest.raises(Cut):
        line.hear()
    assert answers == []
    line.reopen()
    line.hear()
    assert answers == [2]


def test_a_store_that_is_down_takes_no_connections() -> None:
    store = FakeStore()
    store.is_up = False
    with pytest.raises(StoreError, match="down"):
        Line(store, "k")


def test_time_is_what_its_clock_says() -> None:
    now = [1000.0]
    store = FakeStore(lambda: now[0])
    line = Line(store, "k")
    keys = store.keys("s")
    holders: list[str] = []
    lease.take(line, keys, "a", holders.append)
    lease.take(line, keys, "b", holders.append)
    line.hear()
    now[0] += lease.LEASE_SECONDS
    lease.take(line, keys, "b", holders.append)
    line.hear()
    assert holders == ["a", "a", "b"]
    assert store.do("XADD", "k", "*", "a", "1") == "1015000-0"
    line.close()
