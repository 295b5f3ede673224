"""What lies in `dead`, also runs of programs that were put aside in the middle."""

import pytest

from botcannon_core.ledger import dead, journal
from botcannon_core.ledger.line import Line
from botcannon_core.ledger.store import Store
from botcannon_core.view.counted import status
from botcannon_core.view.parked import parked


def put(line: Line, store: Store, **more: str) -> str:
    words = [word for pair in {"_id": "7-0", "_error": "no", **more}.items() for word in pair]
    return str(line.ask("XADD", store.keys("s").dead, "*", *words))


@pytest.mark.parametrize(
    ("left", "told"),
    [('["a (of b)", "c"]', ("a (of b)", "c")), ("[]", ("nothing",)), ("{", ("{",)), ("3", ("3",))],
)
def test_what_is_left_of_a_program_is_told(store: Store, left: str, told: tuple[str, ...]) -> None:
    line = Line(store, "x")
    put(line, store)
    put(line, store, _left=left)
    assert [one.left for one in parked(store, "s")] == [told, ()]
    found = status(store, "s", has_tasks=True)
    assert (found.dead, found.half_done) == (2, 1)
    line.close()


def test_what_is_dropped_takes_its_journal_along_and_no_other(store: Store) -> None:
    line = Line(store, "x")
    keys = store.keys("s")
    message, taskback = put(line, store), put(line, store, _what="taskback")
    other = put(line, store, _id="8-0")
    for one in ("7-0", "8-0"):
        line.ask("HSET", journal.key_of(keys, one), "1", "{}")
    assert dead.drop(line, keys, taskback)
    assert line.ask("EXISTS", journal.key_of(keys, "7-0")) == 1
    assert dead.drop(line, keys, message)
    assert not dead.drop(line, keys, message)
    assert line.ask("EXISTS", journal.key_of(keys, "7-0")) == 0
    assert line.ask("EXISTS", journal.key_of(keys, "8-0")) == 1
    assert [one.id for one in parked(store, "s")] == [other]
    line.close()
