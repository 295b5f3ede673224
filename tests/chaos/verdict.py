"""The verdict: was everything that was promised kept, and is everything odd explained by a blow?

Pure: it reads the records and says what is wrong, in lines for people. Not here: the storm.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import pairwise, zip_longest

from tests.chaos.plan import TRIES
from tests.chaos.records import Back, Blow, Run
from tests.chaos.storm import Aftermath

CLOCK_SECONDS = 0.05  # between a moment and its being written down, on a busy machine
# The intake of a killed launcher stores and delivers what it has before it ends: for as long as this,
# where the backlog is full and its host is frozen meanwhile.
ORPHAN_SECONDS = 8.0
# Whoever was frozen or cut off first hears what is old: messages that were given to it long ago.
THAW_SECONDS = 1.5
DYING_SECONDS = 0.1  # from a kill to the end of the last descendant
AT_ONCE_SECONDS = 0.1
AGAIN_SECONDS = (
    0.5  # until a pool has reached a store that is back, and has said again what was lost
)
GROWTH_BYTES = 3_000_000  # of the store between a fifth of the way and the end

# what a poisonous message's `_error` says, and what is known of its worker's death
CAUSES = {
    "raise": ("ValueError: a poisonous message", {}),
    "exit": ("its worker died: exit code 7", {"_exit": "7"}),
    "segfault": ("its worker died: signal SIGSEGV", {"_signal": "SIGSEGV"}),
    "for ever": ("took longer than 2 s and was", {}),  # ended, or, one of many at once, cancelled
    "memory": ("MemoryError", {}),
}


ENDS_A_RUN = {
    *(("kill", whom) for whom in ("worker", "seat", "forker", "pool")),
    *(("stop", whom) for whom in ("host", "pool")),
    ("silence", "host"),
}


class Verdict:
    """All that is wrong after a storm, and a few numbers of it."""

    def __init__(self, after: Aftermath) -> None:
        self._after = after
        self._orders = {int(one["number"]): one for one in after.plan.orders()}
        self._runs = after.records.runs_of()
        self._blows_on: dict[int, list[Blow]] = defaultdict(list)
        for blow in after.blows:
            self._blows_on[blow.pid].append(blow)
        self._backs: dict[str, list[Back]] = defaultdict(list)
        for back in after.records.backs:
            self._backs[back.id].append(back)
        self.numbers: Counter[str] = Counter()
        self.wrongs = [after.complaint] if after.complaint else list(self._wrongs())

    def told(self) -> str:
        """The storm in a few lines."""
        after = self._after
        blows = Counter(f"{blow.what} {blow.whom}" for blow in after.blows)
        lines = [
            f"seed {after.plan.seed}, isolation {after.plan.isolation}, "
            f"{after.plan.concurrency} at once: "
            f"{after.plan.count} messages in {after.seconds:.1f} s",
            "blows: " + ", ".join(f"{n} x {what}" for what, n in sorted(blows.items())),
            f"struck at nobody: {after.missed}; launchers ended with: {dict(Counter(after.exits))}",
            "seen: " + ", ".join(f"{n} x {what}" for what, n in sorted(self.numbers.items())),
            f"store: {after.early_bytes} bytes early, {after.late_bytes} late; {self._counts()}",
        ]
        return "\n".join(lines)

    def _counts(self) -> dict[str, int]:
        return dict(self._after.state.get("counts", {}))

    def _wrongs(self) -> Iterator[str]:
        yield from self._lost()
        yield from self._stored_twice()
        yield from self._delivered_twice()
        yield from self._run_twice()
        yield from self._ended_wrong()
        yield from self._parked_without_cause()
        yield from self._left_behind()

    # --- nothing lost ------------------------------------------------------------------------------

    def _lost(self) -> Iterator[str]:
        for number in self._orders.keys() - self._after.records.answered:
            yield f"message {number} is lost: no answer came home"
        known = {*self._after.records.stored, *self._runs}
        for entry in known - self._backs.keys():
            yield f"entry {entry} is lost: stored or run, and no answer came home"

    def _stored_twice(self) -> Iterator[str]:
        """A number may be stored again only if its intake was killed before it heard of the first."""
        entries: dict[int, set[str]] = defaultdict(set)
        for back in self._after.records.backs:
            entries[back.number].add(back.id)
        for number, ids in entries.items():
            for first, second in pairwise(sorted(ids, key=_moment)):
                self.numbers["stored twice"] += 1
                began = _moment(first) - ORPHAN_SECONDS
                if not self._was_killed(("intake", "launcher"), began, _moment(second)):
                    yield f"message {number} was stored as {first} and {second}, without a reason"

    # --- delivered once ----------------------------------------------------------------------------

    def _delivered_twice(self) -> Iterator[str]:
        for entry, backs in self._backs.items():
            # a frozen intake knows of nothing, and may deliver its own after its successor's
            if sum(not back.redelivered for back in backs) > 1:
                yield f"the answer to {entry} came twice without a mark: {self._story(entry)}"
            for first, second in pairwise(backs):
                self.numbers["delivered twice"] += 1
                if not self._struck_intake(first, second):
                    yield f"the answer to {entry} came twice, without a reason: {self._story(entry)}"

    def _struck_intake(self, first: Back, second: Back) -> bool:
        killed = self._was_killed(("launcher",), first.time - ORPHAN_SECONDS, second.time)
        return killed or any(
            blow.what == "kill" and blow.begin >= first.time - CLOCK_SECONDS
            for blow in self._blows_on[first.intake]
        )

    # --- run once ----------------------------------------------------------------------------------

    def _run_twice(self) -> Iterator[str]:
        for entry, runs in self._runs.items():
            if len(runs) > TRIES + self._uncounted(runs):
                yield f"{entry} was run {len(runs)} times: {self._story(entry)}"
            for run, after in pairwise(runs):
                why = self._why_again(run, after)
                self.numbers[f"run again: {why or 'WITHOUT A REASON'}"] += 1
                if not why:
                    yield f"{entry} was run again without a reason: {self._story(entry)}"
                if after.begin < (run.end or run.begin) and "kill" in why:
                    yield f"{entry} ran twice at once, and nobody was frozen: {self._story(entry)}"

    def _uncounted(self, runs: list[Run]) -> int:
        """Runs of which the store may not have heard.

        Those on a host that was cut off or frozen, and those whose pool or host was struck at once, or
        while the store was away: what it had said may be lost with its connection.
        """
        return sum(
            self._why_again(run, run).startswith(("silence host", "stop host"))
            or any(
                0 <= blow.begin - run.begin < AT_ONCE_SECONDS or self._was_away(run, blow.begin)
                for blow in self._silencing(run)
            )
            for run in runs
        )

    def _silencing(self, run: Run) -> list[Blow]:
        """After these the run's pool had nothing more to say, or nobody to say it to."""
        on_host = [blow for blow in self._blows_on[0] if blow.host == run.host]
        return self._blows_on[run.pool] + on_host

    def _was_away(self, run: Run, struck: float) -> bool:
        """The store was away when the run began, and not back for long when its pool was struck."""
        return any(
            blow.begin - AT_ONCE_SECONDS <= run.begin <= blow.end
            and run.begin <= struck <= blow.end + AGAIN_SECONDS
            for blow in self._after.blows
            if blow.whom == "store"
        )

    def _story(self, entry: str) -> str:
        """What happened to one message, and around it."""
        runs, told = self._runs.get(entry, []), []
        if not runs:
            return " (it never began)"
        for run in runs:
            told.append((run.begin, f"run by {run.worker} of {run.pool} on {run.host}"))
            if run.end is not None:
                told.append((run.end, f"run by {run.worker} ended"))
        for blow in self._after.blows:
            if runs[0].begin - 1 <= blow.begin <= runs[-1].begin + 1:
                who = f"{blow.pid or ''} on {blow.host} for {blow.end - blow.begin:.2f} s"
                told.append((blow.begin, f"{blow.what} {blow.whom} {who}"))
        told += [(back.time, f"answer {back}") for back in self._backs[entry]]
        return "".join(f"\n    {time - runs[0].begin:8.3f} {what}" for time, what in sorted(told))

    def _why_again(self, run: Run, after: Run) -> str:
        for who in ("worker", "seat", "forker", "pool"):
            # what is ordered already may begin while the signal of a parent's death is on its way
            early = 0.0 if who == "worker" else DYING_SECONDS
            for blow in self._blows_on[getattr(run, who)]:
                if self._is_within(blow, run.begin - early, after.begin):
                    return f"{blow.what} {who}"
        for blow in self._blows_on[0]:
            if blow.host == run.host and self._is_within(blow, run.begin, after.begin):
                return f"{blow.what} host"
        for pid, host in ((after.pool, ""), (0, after.host)):
            for blow in self._blows_on[pid]:
                is_thawed = blow.what in ("stop", "silence") and blow.host == (host or blow.host)
                if is_thawed and self._is_within(blow, run.begin, after.begin):
                    return f"{blow.what} {blow.whom}, thawed"
        if run.end is None and "poison" in self._orders[run.number]:
            return "poison"
        return ""

    def _is_within(self, blow: Blow, begin: float, end: float) -> bool:
        felt = CLOCK_SECONDS if blow.begin == blow.end else THAW_SECONDS
        return blow.begin <= end and blow.end >= begin - felt

    def _was_killed(self, whom: tuple[str, ...], begin: float, end: float) -> bool:
        return any(
            blow.what == "kill" and blow.whom in whom and self._is_within(blow, begin, end)
            for blow in self._after.blows
        )

    def _was_struck(self, begin: float, end: float) -> bool:
        """Somebody who may have had the message was killed, or froze or fell silent past its lease."""
        return any(self._ends_runs(blow, begin, end) for blow in self._after.blows)

    def _ends_runs(self, blow: Blow, begin: float, end: float) -> bool:
        return (blow.what, blow.whom) in ENDS_A_RUN and self._is_within(blow, begin, end)

    # --- the right outcome -------------------------------------------------------------------------

    def _ended_wrong(self) -> Iterator[str]:
        for entry, backs in self._backs.items():
            is_toxic = "poison" in self._orders[backs[0].number]
            outcome = backs[0].outcome
            self.numbers[f"{outcome}{', poisonous' if is_toxic else ''}"] += 1
            if is_toxic and outcome != "parked":
                yield f"the poisonous {entry} ended as {outcome}"
            if not is_toxic and outcome != "done" and not self._was_unlucky(entry):
                why = f"{backs[0].error}{self._story(entry)}"
                yield f"{entry} was parked without a reason: {why}"

    def _was_unlucky(self, entry: str) -> bool:
        """Every one of its tries was struck."""
        runs = self._runs.get(entry, [])
        if not runs:  # struck each time before it came to writing down that it began
            since, until = _moment(entry), self._backs[entry][0].time
            return sum(self._ends_runs(blow, since, until) for blow in self._after.blows) >= TRIES
        tries = zip_longest(runs, runs[1:])
        struck = [
            self._why_again(run, after or _at_last(run, self._backs[entry][0]))
            for run, after in tries
        ]
        return all(struck)

    def _parked_without_cause(self) -> Iterator[str]:
        dead = {fields["_id"]: fields for fields in self._after.state["dead"]}
        for entry, backs in self._backs.items():
            poison = self._orders[backs[0].number].get("poison")
            if backs[0].outcome != "parked":
                continue
            fields = dead.get(entry)
            if fields is None:
                yield f"{entry} was parked, but is not in dead"
            elif (
                poison is not None
                and not _has_cause(fields, poison)
                and not self._end_struck(entry)
            ):
                yield f"{entry} ({poison}) was parked with another cause: {fields}"

    def _end_struck(self, entry: str) -> bool:
        """Its last run was ended by a blow before the poison worked."""
        last = self._runs[entry][-1]
        answer = self._backs[entry][0]
        if self._why_again(last, _at_last(last, answer)) not in ("", "poison"):
            return True
        # or it was one that did not come to writing down that it began
        return self._was_struck(last.begin, answer.time)

    # --- nothing left ------------------------------------------------------------------------------

    def _left_behind(self) -> Iterator[str]:
        after, state = self._after, self._after.state
        for process in after.left:
            yield f"a process is left: {process}"
        for group, pending in state["pending"].items():
            if pending:
                yield f"{pending} entries are still pending in the group {group}"
        if state["tries"]:
            yield f"tries of messages that are over are still kept: {state['tries']}"
        if state["counts"].get("lost"):
            yield f"the counts were wrong and had to be healed: {state['counts']}"
        if after.late_bytes - after.early_bytes > GROWTH_BYTES:
            yield f"the store grew from {after.early_bytes} to {after.late_bytes} bytes"
        if after.missed * 4 > len(after.blows):
            yield f"{after.missed} strikes found nobody: the storm was none"


def _moment(entry: str) -> float:
    """When an entry was stored, by the store's clock."""
    return int(entry.partition("-")[0]) / 1000


def _at_last(run: Run, back: Back) -> Run:
    """The moment of the answer, in the place of a run after the last."""
    return Run(run.number, run.id, 0, 0, 0, 0, "", max(back.time, run.begin))


def _has_cause(fields: dict[str, str], poison: str) -> bool:
    text, details = CAUSES[poison]
    return text in fields["_error"] and all(fields.get(n) == v for n, v in details.items())
