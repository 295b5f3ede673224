"""Any interleaving of what pools, intakes and people do keeps the ledger's promises, on any store."""

import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from botcannon_core.cannon import stock
from botcannon_core.cannon.chain import Ended
from botcannon_core.cannon.job import Job
from botcannon_core.compose.spec import (
    BacklogSpec,
    ClassSpec,
    DeliverSpec,
    ServiceSpec,
    UniqueSpec,
)
from botcannon_core.ledger import admission, dead, stream
from botcannon_core.ledger.admission import Admitted, Gate
from botcannon_core.ledger.line import Line
from botcannon_core.ledger.refused import Refused
from tests.ledger.grounds import GROUNDS, Ground, cut
from tests.ledger.model_here import Consumer, Lives, Prompt, age, id_of, look
from tests.ledger.server_here import PATIENCE

LEASE = 15.0
TRIES = 3
MOST_TURNS = 300  # until a service that is left alone must have done everything
ENDS = ("done", "skipped", "parked", "failed", "again")
PICK = st.integers(0, 7)  # which of those there are, counted round and round
LANE = st.sampled_from(["a", "a", "b", ""])
VALUE = st.sampled_from(["", "", "x", "y"])
SELDOM = st.integers(0, 9).map(lambda n: n == 9)  # what ends a story, so that most go on for long


class Ledger(RuleBasedStateMachine):
    """Up to three pools on two hosts, one intake and one person, on one service."""

    ground: Ground

    def __init__(self) -> None:
        super().__init__()
        self.clock = self.ground.clock
        self.keys = self.ground.store.keys("s")
        self.person = Line(self.ground.store, self.keys.data)
        self.person.ask("FLUSHALL")
        self.lives = Lives()
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(stock, "life", self.lives)
        self.patch.setattr(stock, "time", self.clock)
        self.patch.setattr(stock, "Reader", Prompt)
        self.pools: list[Consumer] = []
        self.born = self.marks = 0
        self.number = 0
        self.intake = self.new_intake()
        self.forget()
        self.seen = look(self.person, self.keys)

    def arrive(self, line: Line) -> None:
        """Send what was said and wait until it has been done, but hear no answer yet."""
        self.marks += 1
        mark = self.keys.key("mark")
        line.say("SET", mark, self.marks)
        line.flush()
        deadline = time.monotonic() + PATIENCE
        while self.person.ask("GET", mark) != str(self.marks):
            assert time.monotonic() < deadline, "what was sent never arrived"

    def forget(self) -> None:
        """Nothing has happened yet."""
        self.known: dict[str, str] = {}  # message -> its number
        self.retried: Counter[str] = Counter()
        self.tries: dict[str, int] = {}
        self.runs: Counter[str] = Counter()

    @initialize(
        tries=st.sampled_from([1, TRIES]),
        order_by=st.sampled_from([None, "lane"]),
        most=st.sampled_from([0, 3]),
        when_full=st.sampled_from(["wait", "drop-oldest"]),
        is_unique=st.booleans(),
    )
    def declare(
        self, tries: int, order_by: str | None, most: int, when_full: Any, is_unique: bool
    ) -> None:
        self.service = ServiceSpec(
            "s",
            ClassSpec("collector", "c", "C"),
            tasks=(ClassSpec("task", "t", "T"),),
            deliver=DeliverSpec(tries=tries, lease=LEASE, order_by=order_by),
            backlog=BacklogSpec(most or 10_000, when_full),
            unique=UniqueSpec("value") if is_unique else None,
        )
        self.gate = Gate.of(self.service)
        self.start_pool("h1")

    # --- the intake -------------------------------------------------------------------------------

    def new_intake(self) -> Line:
        self.intake_life = f"intake{self.number}"
        self.said: dict[int, dict[str, str]] = {}  # not yet answered well
        self.refused: set[int] = set()
        self.ids: dict[int, str] = {}
        return Line(self.ground.store, self.keys.data)

    @rule(messages=st.lists(st.tuples(LANE, VALUE), min_size=1, max_size=4))
    def admit(self, messages: list[tuple[str, str]]) -> None:
        for lane, value in messages:
            self.number += 1
            fields = {"n": str(self.number), "lane": lane, "value": value}
            self.said[self.number] = {name: text for name, text in fields.items() if text}
        if not self.refused:  # else they wait their turn, see hear_intake
            self.say(range(self.number - len(messages) + 1, self.number + 1))

    def say(self, numbers: Sequence[int]) -> None:
        """Say some that follow each other together, as a desk does it."""

        def heard(answers: list[Admitted]) -> None:
            for number, answer in zip(numbers, answers, strict=True):
                self.hear_admitted(number, answer)

        fields = [self.said[number] for number in numbers]
        mine = (self.intake, self.keys, self.gate, self.intake_life)
        admission.admit(*mine, numbers[0], fields, heard)
        self.arrive(self.intake)

    def hear_admitted(self, number: int, answer: Admitted) -> None:
        assert answer.status in ("stored", "repeat", "full", "later"), answer
        self.refused.discard(number)
        if answer.status in ("full", "later"):
            self.refused.add(number)
        else:
            self.said.pop(number, None)
        if answer.status == "stored":
            assert self.ids.setdefault(number, answer.id) == answer.id

    @rule()
    def hear_intake(self) -> None:
        while self.intake.unanswered:
            self.intake.hear(1.0)
        if self.said:  # what was refused is said again, in order
            self.say(sorted(self.said))
        in_order = [id_of(self.ids[number]) for number in sorted(self.ids)]
        assert in_order == sorted(set(in_order))

    @rule()
    def cut_intake(self) -> None:
        cut(self.intake)
        self.intake.reopen()
        self.arrive(self.intake)

    @rule(really=SELDOM)
    def kill_intake(self, really: bool) -> None:
        if not really:
            return
        cut(self.intake)
        self.number += 1
        self.intake = self.new_intake()

    # --- pools ------------------------------------------------------------------------------------

    @precondition(lambda self: len(self.pools) < 3)
    @rule(host=st.sampled_from(["h1", "h2"]))
    def start_pool(self, host: str) -> None:
        self.born += 1
        self.lives.me = f"{host}:{self.born}:1"
        line = Line(self.ground.store, self.keys.data)
        one = Consumer(self.lives.me, None, line)  # type: ignore[arg-type]  # the next line
        one.stock = stock.Stock(self.ground.store, line, self.keys, self.service, one.lost)
        self.arrive(one.stock.reader.line)
        self.pools.append(one)

    def pool(self, pick: int) -> Consumer:
        if not self.pools:
            self.start_pool("h1")
        one = self.pools[pick % len(self.pools)]
        self.lives.me = one.name
        return one

    @rule(pick=PICK, room=st.integers(1, 4))
    def ask(self, pick: int, room: int) -> None:
        """The turn of a pool that tends its leases and asks for more."""
        one = self.pool(pick)
        if one.stock.leases_are_ending():
            one.out.clear()
            one.stock.drop_all()
        one.stock.keep_leases()
        one.stock.ask(room - one.stock.waiting)
        self.arrive(one.line)
        self.arrive(one.stock.reader.line)

    @rule(pick=PICK)
    def hear(self, pick: int) -> None:
        self.pool(pick).hear()

    @rule(pick=PICK)
    def hear_reader(self, pick: int) -> None:
        self.pool(pick).hear_reader()

    @rule(pick=PICK, room=st.integers(1, 4), turns=st.integers(1, 3))
    def take(self, pick: int, room: int, turns: int) -> None:
        """A pool that nothing disturbs gets what there is."""
        for _ in range(turns):
            self.ask(pick, room)
            self.pool(pick).hear_reader()
            self.pool(pick).hear()
        self.begin(pick, room)

    @rule(pick=PICK, count=st.integers(1, 3))
    def begin(self, pick: int, count: int) -> None:
        """Free workers are given the next messages, as a pool does it."""
        one = self.pool(pick)
        one.stock.ripen()
        for _ in range(0 if one.stock.leases_are_ending() else count):
            if (job := one.stock.next()) is None:
                return
            if job.tries >= self.service.deliver.tries:
                one.stock.settle(job, Ended("failed", error="had its tries"))
                one.stock.say()
                self.arrive(one.line)
            else:
                [job] = one.stock.begin([job])
                one.out[job.entry] = job
                one.stock.say()
                self.arrive(one.line)
                self.check_begun(one, job)

    def check_begun(self, one: Consumer, job: Job) -> None:
        """A try is counted before the run, and a lane is in order."""
        now = look(self.person, self.keys)
        if now.owners.get(job.entry) != one.name:
            return  # somebody else has it, and we shall hear of it
        self.runs[job.entry] += 1
        assert int(now.tries[job.entry]) == job.tries <= self.service.deliver.tries
        assert self.runs[job.entry] <= job.tries, "a try was forgotten"
        if self.service.deliver.order_by is None or "lane" not in job.fields:
            return
        ahead = [
            entry
            for entry in [*now.owners, *now.undelivered]
            if id_of(entry) < id_of(job.entry)
            and now.entries[entry].get("lane") == job.fields["lane"]
            and not self.retried[now.message(entry)]
        ]
        assert self.retried[job.id] or not ahead, f"{job.entry} was begun before {ahead}"

    @rule(pick=PICK, which=PICK, how=st.sampled_from(ENDS), delay=st.sampled_from([0.0, 5.0]))
    def end(self, pick: int, which: int, how: Any, delay: float) -> None:
        """A run ends, as a pool writes it down."""
        one = self.pool(pick)
        if not one.out:
            return
        job = one.out.pop(list(one.out)[which % len(one.out)])
        if not one.stock.holds(job):
            return
        ended = Ended(how, {"r": "1"}, "why" if how not in ("done", "skipped") else "")
        if how in ("failed", "again") and job.tries < self.service.deliver.tries:
            one.stock.again(job, delay)
        else:
            one.stock.settle(job, ended)
        one.stock.say()
        self.arrive(one.line)

    @rule(pick=PICK)
    def cut_pool(self, pick: int) -> None:
        """Both lines break: what was sent has been done, its answers are lost."""
        self.reopen(self.pool(pick))

    def reopen(self, one: Consumer) -> None:
        cut(one.line)
        cut(one.stock.reader.line)
        one.stock.reopen(reads=True)
        self.arrive(one.stock.reader.line)

    @rule(pick=PICK)
    def kill_pool(self, pick: int) -> None:
        one = self.pool(pick)
        cut(one.line)
        cut(one.stock.reader.line)
        self.lives.dead.add(one.name)
        self.pools.remove(one)

    @rule(pick=PICK, how=st.sampled_from(["done", "parked", None]))
    def stop_pool(self, pick: int, how: Any) -> None:
        """It takes no more; its runs end, or are cut short (None); it hands back the rest."""
        one = self.pool(pick)
        one.stock.stop_taking()
        for job in one.out.values() if how else ():
            if one.stock.holds(job):
                one.stock.settle(job, Ended(how, error="why" if how == "parked" else ""))
        one.stock.say()
        one.hear()
        assert one.stock.is_empty or not how, "a pool that runs nothing could not stop"
        with suppress(Refused):  # an emptied store holds nothing of ours
            one.stock.leave()
        assert one.name not in look(self.person, self.keys).owners.values()
        one.line.close()
        self.lives.dead.add(one.name)
        self.pools.remove(one)

    # --- time, people and strangers ---------------------------------------------------------------

    @rule()
    def leases_run_out(self) -> None:
        """Nobody was heard of for so long; an answer that is overdue counts as a cut (Line.check)."""
        self.clock.now += LEASE + 1
        age(self.person, self.keys, look(self.person, self.keys))
        for one in self.pools:
            if one.stock.reader.is_asked:
                self.reopen(one)

    @rule()
    def time_goes_by(self) -> None:
        self.clock.now += 1.5

    @rule(keep=st.sampled_from([0, 2]), hours=st.sampled_from([-1, 1]))
    def trim(self, keep: int, hours: int) -> None:
        now = self.clock.now if self.is_memory else time.time()
        stream.trim(self.person, self.keys.data, keep, now + 3600 * hours, stream.POOL)
        self.person.ask("PING")

    @property
    def is_memory(self) -> bool:
        return hasattr(self.ground.store, "database")

    @rule()
    def heal(self) -> None:
        before = look(self.person, self.keys).counts
        stream.heal(self.person, self.keys)
        assert look(self.person, self.keys).counts == before

    @rule(pick=PICK)
    def retry(self, pick: int) -> None:
        now = look(self.person, self.keys)
        if now.parked:
            entry = list(now.parked)[pick % len(now.parked)]
            assert dead.retry(self.person, self.keys, entry)
            self.retried[now.parked[entry]] += 1
            assert dead.retry(self.person, self.keys, entry) is None

    @rule(pick=PICK, which=PICK, outcome=st.sampled_from(["done", "parked"]))
    def settle_what_is_not_ours(self, pick: int, which: int, outcome: str) -> None:
        before = look(self.person, self.keys)
        names = ["h1:0:1", *(one.name for one in self.pools)]
        me = names[pick % len(names)]
        others = [entry for entry in before.entries if before.owners.get(entry) != me]
        if not others:
            return
        entry = others[which % len(others)]
        answers: list[Any] = []
        taskback = {"_id": "stolen", "_outcome": outcome}
        parked = {"_id": "stolen"} if outcome == "parked" else {}
        ending = stream.Ending(entry, taskback, parked, before.entries[entry].get("lane"))
        stream.settle(self.person, self.keys, me, me, [ending], answers.append)
        stream.renew(self.person, self.keys, me, [entry], answers.append)
        self.person.ask("PING")
        if before.last != (0, 0):
            assert answers == [stream.Settled(frozenset([entry])), [entry]]
        assert look(self.person, self.keys) == before

    @rule(really=SELDOM)
    def flush(self, really: bool) -> None:
        """Somebody empties the store, while nothing is on its way."""
        if not really:
            return
        self.hear_all()
        self.person.ask("FLUSHALL")
        self.clock.now += 1
        self.forget()
        self.ids.clear()

    def hear_all(self) -> None:
        while self.intake.unanswered:
            self.intake.hear(1.0)
        for i, one in enumerate(self.pools):
            self.pool(i)
            one.hear()
            one.hear_reader()
            one.hear()

    # --- what must hold ---------------------------------------------------------------------------

    @invariant()
    def everything_is_where_it_must_be(self) -> None:
        now = self.seen = look(self.person, self.keys)
        self.learn()
        live = now.live
        for message in self.known:
            had = now.outcomes[message] + live[message]
            assert had == 1 + self.retried[message], f"{message}: {had} outcomes or entries"
            assert live[message] <= 1
        assert set(now.outcomes) | set(live) <= set(self.known)
        assert set(now.owners) <= set(now.entries), "something pending was trimmed"
        assert now.backlog == live.total()
        assert set(self.ids.values()) <= set(self.known)
        self.check_tries()
        self.check_lanes()
        self.check_values()

    def check_values(self) -> None:
        """A value is stored once (no story takes as long as it is remembered)."""
        values = Counter(
            fields["value"]
            for entry, fields in self.seen.entries.items()
            if "value" in fields and "_id" not in fields
        )
        assert self.service.unique is None or set(values.values()) <= {1}
        counted = self.seen.counts.get
        assert counted("stored", 0) + counted("repeats", 0) <= self.number, "counted twice"

    def learn(self) -> None:
        """Messages that are new since the last look; none is stored under two ids."""
        for entry, fields in self.seen.entries.items():
            if "_id" not in fields:
                self.known[entry] = fields["n"]
        for message in self.seen.outcomes:
            self.known.setdefault(message, f"dropped {message}")
        assert len(set(self.known.values())) == len(self.known)

    def check_tries(self) -> None:
        counted = {e: int(n) for e, n in self.seen.tries.items() if not e.endswith(":due")}
        for entry, count in self.tries.items():
            if entry in self.seen.owners:
                assert counted.get(entry, 0) >= count
        assert {e.removesuffix(":due") for e in self.seen.tries} <= set(self.seen.owners)
        self.tries = counted

    def check_lanes(self) -> None:
        if self.service.deliver.order_by is None:
            return
        running = Counter(
            job.fields["lane"]
            for one in self.pools
            for job in one.out.values()
            if "lane" in job.fields and self.seen.owners.get(job.entry) == one.name
        )
        assert not running or max(running.values()) == 1, running

    def teardown(self) -> None:
        try:
            if hasattr(self, "service"):
                self.finish()
        finally:
            for one in self.pools:
                one.line.close()
                one.stock.reader.line.close()
            self.intake.close()
            self.person.close()
            self.patch.undo()

    def finish(self) -> None:
        """Left alone with one pool, the service does everything, however it was left."""
        while self.pools:
            self.kill_pool(0)
        self.start_pool("h1")
        one = self.pools[0]
        for turn in range(MOST_TURNS):
            self.hear_intake()
            self.ask(0, 4)
            one.hear_reader()
            one.hear()
            self.begin(0, 1)
            self.end(0, 0, "done", 0.0)
            self.time_goes_by()
            if turn % 10 == 9:
                self.leases_of_the_dead_run_out()
            one.hear()
            if not self.said and not look(self.person, self.keys).live:
                break
        self.everything_is_where_it_must_be()
        assert not self.said
        assert not self.seen.live, f"never done: {self.seen}"

    def leases_of_the_dead_run_out(self) -> None:
        now = look(self.person, self.keys)
        now.owners = {e: o for e, o in now.owners.items() if o != self.pools[0].name}
        age(self.person, self.keys, now)


@pytest.mark.parametrize("ground", GROUNDS, ids=lambda ground: ground.__name__)
def test_any_interleaving_keeps_every_promise(ground: Any) -> None:
    with ground() as found:
        run(found, found.examples)


@pytest.mark.fuzz
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("ground", GROUNDS, ids=lambda ground: ground.__name__)
def test_a_long_search_finds_no_broken_promise(ground: Any) -> None:
    with ground() as found:
        run(found, found.examples * 30)


def run(ground: Ground, examples: int) -> None:
    machine = type("Ledger", (Ledger,), {"ground": ground})
    with suppress(AttributeError):
        ground.store.client()  # a cluster's map is drawn once
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=60,
            deadline=None,
            report_multiple_bugs=False,
            print_blob=False,
            suppress_health_check=list(HealthCheck),
        ),
    )
