"""Notes on their way: one of a message in the store, the latest to the collector, none after its end."""

from __future__ import annotations

import select
import time
from collections.abc import Iterator
from typing import Any

import pytest

from botcannon_core.cannon.intake import notes as shown_notes
from botcannon_core.cannon.intake.notes import Notes as Shown
from botcannon_core.cannon.intake.returns import Returns
from botcannon_core.cannon.job import Job
from botcannon_core.cannon.notes import Notes
from botcannon_core.ledger import stream
from botcannon_core.ledger.keys import Keys
from botcannon_core.ledger.line import Line
from botcannon_core.ledger.store import Store
from botcannon_core.message import Message

KEYS = Keys("T", "work")


# --- what a pool keeps


@pytest.fixture
def line(store: Store) -> Iterator[Line]:
    opened = Line(store, KEYS.data)
    stream.make_group(opened, KEYS.data, stream.POOL)
    yield opened
    opened.close()


def running(line: Line, by: str = "me") -> Job:
    """A message that `by` runs."""
    line.ask("XADD", KEYS.data, "*", "text", "slow", "room", "ops", "_from", "h:1:1")
    words = ("GROUP", stream.POOL, by, "COUNT", 1, "STREAMS", KEYS.data, ">")
    answer: Any = line.ask("XREADGROUP", *words)
    entry, fields = answer[0][1][0]
    return Job.of(stream.Entry(entry, stream.fields_of(fields)))


def kept(line: Line) -> list[dict[str, str]]:
    return [stream.fields_of(words) for _, words in line.ask("XRANGE", KEYS.taskback, "-", "+")]


def test_a_note_has_the_fields_of_its_message(line: Line) -> None:
    job = running(line)
    Notes(line, KEYS, "me").write(job, "half")
    (note,) = kept(line)
    assert note == {
        "text": "slow",
        "room": "ops",
        "_id": job.id,
        "_from": "h:1:1",
        "_note": "half",
    }


def test_of_each_message_the_latest_note_is_kept_and_none_once_it_has_ended(line: Line) -> None:
    notes, one, another = Notes(line, KEYS, "me"), running(line), running(line)
    for text in ("1", "2", "3"):  # said at once: the answers come later
        notes.write(one, text)
        notes.write(another, f"other {text}")
    line.ask("PING")
    line.ask("PING")
    assert sorted(note["_note"] for note in kept(line)) == ["3", "other 3"]
    notes.write(one, "4")
    notes.over(one)
    line.ask("PING")
    line.ask("PING")
    assert [note["_note"] for note in kept(line)] == ["other 3"]
    notes.over(another)
    assert kept(line) == []


def test_what_is_no_text_is_no_note(line: Line) -> None:
    job, notes = running(line), Notes(line, KEYS, "me")
    for body in (None, 5, ["half"], {"text": "half"}, "", " \n "):
        notes.write(job, body)
    notes.write(job, "a\nb" + "x" * 1000)
    (note,) = kept(line)
    assert note["_note"].startswith("a bxxx")
    assert len(note["_note"]) == 300


# --- what an intake shows


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Slow:
    note_every = 10.0

    def note(self, message: Message) -> None: ...


class Quick:
    def note(self, message: Message) -> None: ...


def note(text: str, about: str = "1-1") -> Message:
    return Message({"_note": text}, about)


def shown(notes: Shown) -> list[str]:
    """What is due, and shown at once."""
    found = notes.due()
    for one in found:
        notes.delivered(one.id)
    return [one.note or "" for one in found]


def test_the_latest_note_is_shown_when_its_time_has_come() -> None:
    clock = Clock()
    notes = Shown(Slow(), clock)
    notes.take(note("1"))
    assert shown(notes) == ["1"]
    notes.take(note("2"))
    notes.take(note("other", "2-2"))
    assert shown(notes) == ["other"]
    clock.now += 9.9
    notes.take(note("3"))
    assert shown(notes) == []
    clock.now += 0.1
    assert shown(notes) == ["3"]
    assert shown(notes) == []


def test_where_notes_change_each_is_shown_but_one_at_a_time() -> None:
    notes = Shown(Quick(), Clock())
    notes.take(note("1"))
    assert [one.note for one in notes.due()] == ["1"]
    notes.take(note("2"))
    notes.take(note("3"))
    assert notes.due() == []
    notes.delivered("1-1")
    assert shown(notes) == ["3"]


def test_nothing_is_shown_after_the_end_which_is_told_if_anything_was() -> None:
    notes = Shown(Slow(), Clock())
    notes.take(note("1"))
    assert not notes.over("1-1")
    assert notes.due() == []
    notes.take(note("1"))
    assert shown(notes) == ["1"]
    notes.take(note("2"))
    assert notes.over("1-1")
    assert not notes.over("1-1")


def test_messages_whose_end_never_comes_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shown_notes, "MOST_REMEMBERED", 2)
    notes = Shown(Quick(), Clock())
    for n in range(5):
        notes.take(note("half", f"{n}-0"))
        shown(notes)
    assert [notes.over(f"{n}-0") for n in range(5)] == [False, False, False, True, True]


# --- what comes home


def until_taken(returns: Returns, count: int) -> list[tuple[str, str]]:
    """So many that came home, in order, each taken at once."""
    taken: list[tuple[str, str]] = []
    deadline = time.monotonic() + 5
    while len(taken) < count:
        assert time.monotonic() < deadline, f"only {taken} came"
        returns.look()
        returns._line.hear(0.005)
        returns.hear()
        while returns.waiting:
            one = returns.waiting.popleft()
            taken.append((one.verb, one.message.note or one.message.outcome or ""))
            returns.done(one)
        returns.say()
    return taken


def write(store: Store, asked_by: str = "h:1:1", **fields: str) -> None:
    store.client().xadd(KEYS.taskback, {"_id": "1-1", "_from": asked_by, **fields})


@pytest.fixture
def returns(store: Store, line: Line, request: pytest.FixtureRequest) -> Iterator[Returns]:
    made = Returns(store, KEYS, line, "h:1:1", request.param)
    made.ask()
    yield made
    made.reader.line.close()


class QuickOneOfMany(Quick):
    many = True


@pytest.mark.parametrize("returns", [Quick(), QuickOneOfMany()], indirect=True)
def test_a_note_comes_home_before_the_answer(returns: Returns, store: Store) -> None:
    write(store, _note="half")
    assert until_taken(returns, 1) == [("note", "half")]
    write(store, _outcome="skipped", _empty="1")
    write(store, _outcome="done")
    assert until_taken(returns, 2) == [("taskback", "skipped"), ("taskback", "done")]


@pytest.mark.parametrize("returns", [Quick()], indirect=True)
def test_an_answer_that_is_there_already_wins(returns: Returns, store: Store) -> None:
    select_both(returns, store)
    assert until_taken(returns, 1) == [("taskback", "done")]


def select_both(returns: Returns, store: Store) -> None:
    """A note and its answer reach the intake in one piece."""
    with store.client().pipeline(transaction=True) as both:
        both.xadd(KEYS.taskback, {"_id": "1-1", "_from": "h:1:1", "_note": "half"})
        both.xadd(KEYS.taskback, {"_id": "1-1", "_from": "h:1:1", "_outcome": "done"})
        both.execute()
    select.select([returns.reader.line], [], [], 5)


@pytest.mark.parametrize("returns", [object()], indirect=True)
def test_a_collector_without_notes_sees_none(returns: Returns, store: Store) -> None:
    write(store, _note="half")
    write(store, _outcome="skipped", _empty="1")
    write(store, _outcome="done")
    assert until_taken(returns, 1) == [("taskback", "done")]


@pytest.mark.parametrize("returns", [QuickOneOfMany()], indirect=True)
def test_notes_for_others_and_old_ones_are_passed_over(returns: Returns, store: Store) -> None:
    write(store, "h:2:2", _note="of another")
    write(store, "send:1", _note="of a visitor")
    write(store, _note="of before", _again="1")
    write(store, _note="half")
    assert until_taken(returns, 1) == [("note", "half")]
    returns._line.ask("PING")
    groups = store.client().xinfo_groups(KEYS.taskback)
    assert [group["pending"] for group in groups] == [0]


@pytest.mark.parametrize("returns", [Quick()], indirect=True)
def test_what_was_cancelled_comes_home(returns: Returns, store: Store) -> None:
    write(store, _outcome="skipped", _error="cancelled", _empty="1")
    assert until_taken(returns, 1) == [("taskback", "skipped")]
