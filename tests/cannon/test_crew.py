"""The crew with a real forker and real workers of a small app, and all the ways in which they die."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest

from botcannon_core.cannon import gate, kernel, nursery, seat
from botcannon_core.cannon.chain import Ended
from botcannon_core.cannon.crew import Crew
from botcannon_core.cannon.given import AHEAD_SECONDS
from botcannon_core.cannon.hooks import Hooks
from botcannon_core.cannon.job import Job
from botcannon_core.cannon.member import CANCELLED, Worker
from botcannon_core.cannon.nursery import Birth
from botcannon_core.cannon.orders import SLOW_IN_SEAT_SECONDS, SLOW_SECONDS
from botcannon_core.cannon.watch import Watch
from botcannon_core.compose.spec import ClassSpec, DeliverSpec, ServiceSpec, WorkersSpec

PATIENCE = 20.0

APP = '''
import ctypes, os, signal, subprocess, sys, time

print("imported")


def note(message):
    with open("runs", "a") as file:
        file.write(message["n"] + "\\n")


class Do:
    """Does what its message says."""

    def __init__(self, memory):
        self.memory = memory
        if os.path.exists("broken"):
            raise RuntimeError("no database")
        if os.path.exists("hangs"):
            time.sleep(1000)
        if os.path.exists("exits"):
            os._exit(7)

    def task(self, message, results):
        return getattr(self, message["do"])(message)

    def pid(self, message):
        return {"pid": str(os.getpid()), "group": str(os.getpgid(0))}

    def parent(self, message):
        return {"parent": str(os.getppid())}

    def fill(self, message):
        return {"size": str(len(bytearray(int(message["megabytes"]) << 20)))}

    def echo(self, message):
        return {"text": message["text"]}

    def swell(self, message):
        note(message)
        return {"n": message["n"], "text": "x" * int(message["size"])}

    def ask(self, message):
        return {"said": self.memory.get(message["n"])}

    def noted(self, message):
        note(message)
        time.sleep(float(message.get("seconds", 0)))
        return {"n": message["n"]}

    def environment(self, message):
        return {"names": " ".join(sorted(os.environ))}

    def stdin(self, message):
        return {"read": sys.stdin.read()}

    def descriptors(self, message):
        return {"open": " ".join(sorted(os.listdir("/proc/self/fd"), key=int))}

    def say(self, message):
        print("out", message["text"])
        print("no end", end="", file=sys.stderr)
        os.write(1, b"raw \\xff\\n")

    def say_and_die(self, message):
        print("a line before it")
        sys.stdout.write("the last words")
        sys.stdout.flush()
        print("and a line after")
        os.kill(os.getpid(), signal.SIGSEGV)

    def die(self, message):
        os.kill(os.getpid(), int(message["signal"]))
        time.sleep(1000)

    def stumble(self, message):
        """Die on the way out, when it has said how it ended."""
        os._exit = lambda _code: os.kill(os.getpid(), signal.SIGSEGV)

    def leave(self, message):
        os._exit(int(message["code"]))

    def exit(self, message):
        sys.exit("had enough")

    def segfault(self, message):
        ctypes.string_at(0)

    def sleep(self, message):
        time.sleep(float(message["seconds"]))
        return {"slept": message["seconds"]}

    def ignore_sigterm(self, message):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(1000)

    def helper(self, message):
        """A grandchild that outlives the task, if it is let; `then` what the worker does."""
        helper = subprocess.Popen(["sleep", "1000"])
        with open("helper", "w") as file:
            file.write(str(helper.pid))
        if message["then"] == "sleep":
            time.sleep(1000)
        if message["then"] == "die":
            os.kill(os.getpid(), signal.SIGKILL)

    def daemon(self, message):
        """A descendant in a session of its own, which holds every descriptor; then death, or not."""
        if os.fork() == 0:
            os.setsid()
            with open("daemon", "w") as file:
                file.write(str(os.getpid()))
            time.sleep(1000)
            os._exit(0)
        while not os.path.exists("daemon"):
            time.sleep(0.001)
        if message.get("then") != "return":
            os.kill(os.getpid(), signal.SIGKILL)

    def garbage(self, message):
        for name in os.listdir("/proc/self/fd"):
            if int(name) > 2:
                try:
                    os.write(int(name), b"\\x00\\x00\\x00\\x01" + b"5" + b"garbage" * 10)
                except OSError:
                    pass
        return {}

    def lie(self, message):
        import json, struct
        for kind, body in (("ended", {"how": "fine"}), ("ended", 5)):
            data = json.dumps((kind, body)).encode()
            for name in os.listdir("/proc/self/fd"):
                if int(name) > 2:
                    try:
                        os.write(int(name), struct.pack("!I", len(data)) + data)
                    except OSError:
                        pass
        time.sleep(0.2)
        return {}
'''


class Running:
    """A crew in a project folder, and everything that it has told."""

    def __init__(self, project: Path, rule: WorkersSpec, tries: int = 3) -> None:
        self.project = project
        task = ClassSpec("task", "doing", "Do")
        service = ServiceSpec(
            "s",
            ClassSpec("collector", "doing", "Do"),
            None,
            (task,),
            workers=rule,
            deliver=DeliverSpec(tries=tries),
        )
        self.ended: dict[str, Ended] = {}
        self.back: list[Job] = []
        self.printed: list[tuple[str, str]] = []
        self.failed: list[str] = []
        self.watch = Watch()
        said = self.printed.append
        hooks = Hooks(
            lambda job, asked, then: then(f"{asked[1][1]} for {job and job.id}"),
            self._ended,
            self.back.extend,
            lambda *words: said(words),
            self.failed.append,
        )
        self.gate = gate.made(2)
        self.crew = Crew(Birth(service, str(project), gate=self.gate), self.watch, hooks)
        self.waiting = 0
        self.is_calm = False
        self._number = 0

    def _ended(self, job: Job, ended: Ended) -> None:
        assert job.entry not in self.ended, "a job ended twice"
        self.ended[job.entry] = ended

    def until(self, condition: Callable[[], Any], what: str, patience: float = PATIENCE) -> None:
        deadline = time.monotonic() + patience
        while not condition():
            assert time.monotonic() < deadline, f"waited in vain until {what}; {self.printed}"
            self.crew.tend(self.waiting, self.is_calm)
            self.watch.wait(0.01)

    def ready(self, count: int = 1) -> list[Worker]:
        self.until(lambda: len(self.idle()) >= count, f"{count} workers are ready")
        return self.idle()

    def idle(self) -> list[Worker]:
        return [worker for worker, _ in self.crew.room if not len(worker.given)]

    def give(self, do: str, **fields: str) -> str:
        worker = self.ready()[0]
        self._number += 1
        entry = f"{self._number}-0"
        self.crew.give(worker, [Job(entry, entry, {"do": do, **fields}, "me")])
        return entry

    def run(self, do: str, **fields: str) -> Ended:
        entry = self.give(do, **fields)
        self.until(lambda: entry in self.ended, f"{do} has ended")
        return self.ended[entry]

    def texts(self) -> list[str]:
        return [text for _, text in self.printed]

    def helper(self, name: str = "helper") -> psutil.Process:
        file = self.project / name
        self.until(lambda: file.exists() and file.read_text(), "there is a helper")
        return psutil.Process(int(file.read_text()))

    def forker(self) -> psutil.Process:
        return next(
            p for p in psutil.Process().children() if "botcannon_core" in " ".join(p.cmdline())
        )


Start = Callable[..., Running]


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Starts a crew; afterwards nothing of it may live."""
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "doing.py").write_text(APP)
    monkeypatch.setenv("BOTCANNON_SECRET_DB_PASSWORD", "hush")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    made: list[Running] = []

    def begin(tries: int = 3, **rule: Any) -> Running:
        rule = {"hot": 1, "idle": 1, "max": 4, **rule}
        made.append(Running(tmp_path, WorkersSpec(**rule), tries))
        return made[-1]

    yield begin
    for one in made:
        one.crew.close()
        one.watch.close()
        gate.give_up(one.gate)
    assert not gone_or(of(tmp_path)), "a process is left"


def of(folder: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter(["cwd", "status"]):
        if process.info["status"] != psutil.STATUS_ZOMBIE and process.info["cwd"] == str(folder):
            found.append(process)
    return found


def gone_or(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those that do not end within a moment."""
    return psutil.wait_procs(processes, timeout=5)[1]


def is_over(process: psutil.Process) -> bool:
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


# --- a job in a worker


def test_every_job_runs_in_a_process_of_its_own(start: Start) -> None:
    crew = start(hot=2)
    seen = {crew.run("pid").results["pid"] for _ in range(6)}
    assert len(seen) == 6
    assert str(os.getpid()) not in seen


@pytest.mark.parametrize("isolation", ["message", "worker"])
def test_jobs_that_run_at_the_same_time_have_groups_of_their_own(
    start: Start, isolation: str
) -> None:
    crew = start(hot=2, isolation=isolation)
    crew.ready(2)
    entries = [crew.give("pid"), crew.give("pid")]
    crew.until(lambda: len(crew.ended) == 2, "both have ended")
    groups = {crew.ended[entry].results["group"] for entry in entries}
    assert len(groups) == 2
    assert str(os.getpgid(0)) not in groups


def test_a_worker_sees_no_secret_and_no_variable_that_was_not_asked_for(start: Start) -> None:
    crew = start(env=("AWS_SECRET_ACCESS_KEY",))
    names = crew.run("environment").results["names"].split()
    assert "AWS_SECRET_ACCESS_KEY" in names
    assert "PATH" in names
    assert not [name for name in names if name.startswith("BOTCANNON_SECRET")]
    other = start()
    assert "AWS_SECRET_ACCESS_KEY" not in other.run("environment").results["names"]


def test_a_worker_reads_nothing_from_the_terminal(start: Start) -> None:
    assert start().run("stdin").results == {"read": ""}


def test_a_worker_holds_no_descriptor_but_its_own(start: Start) -> None:
    crew = start(hot=3)
    crew.ready(3)
    opened = [crew.run("descriptors").results["open"].split() for _ in range(3)]
    # stdin, stdout, stderr, its channel, and the folder it is reading
    assert all(len(one) == 5 for one in opened), opened


def test_ten_megabytes_go_in_and_come_out(start: Start) -> None:
    text = "é" * 5_000_000
    assert start().run("echo", text=text).results == {"text": text}


def test_what_a_worker_prints_comes_line_by_line_in_its_name(start: Start) -> None:
    crew = start()
    crew.run("say", text="hello")
    crew.until(lambda: "no end" in crew.texts(), "all is printed")
    assert {"out hello", "raw �"} <= set(crew.texts())
    assert {name for name, text in crew.printed if text == "out hello"} == {"worker-1"}


def test_what_is_printed_at_import_is_printed_once(start: Start, capfd: Any) -> None:
    crew = start()
    for _ in range(3):
        crew.run("pid")
    crew.crew.close()
    assert crew.texts().count("imported") == 0
    assert capfd.readouterr().out.count("imported") == 1


# --- deaths


@pytest.mark.parametrize(("do", "cause"), [("segfault", "SIGSEGV"), ("say_and_die", "SIGSEGV")])
def test_a_crash_of_the_interpreter_ends_the_job_with_its_signal(
    start: Start, do: str, cause: str
) -> None:
    crew = start()
    ended = crew.run(do)
    assert ended.how == "failed"
    assert cause in ended.error
    assert ended.cause["signal"] == cause
    assert ended.cause["peak_memory"].endswith("MB")
    assert ended.error_id
    assert crew.run("pid").how == "done"


def test_the_last_words_of_a_dying_worker_are_heard(start: Start) -> None:
    crew = start()
    crew.run("say_and_die")
    assert crew.texts()[-2:] == ["a line before it", "the last wordsand a line after"]


def test_a_kill_hints_at_memory(start: Start) -> None:
    ended = start().run("die", signal=str(int(signal.SIGKILL)))
    assert "SIGKILL" in ended.error
    assert "out of memory" in ended.error


def test_a_signal_without_a_name_is_a_death_like_others(start: Start) -> None:
    crew = start()
    assert "40" in crew.run("die", signal="40").error
    assert crew.run("pid").how == "done"


def test_an_exit_ends_the_job_with_its_code(start: Start) -> None:
    crew = start()
    assert crew.run("leave", code="3").cause["exit"] == "3"
    assert "exit code 0" in crew.run("leave", code="0").error
    assert "had enough" in crew.run("exit").error


def test_a_worker_over_its_time_is_asked_to_end(start: Start) -> None:
    crew = start(timeout=0.2)
    ended = crew.run("sleep", seconds="1000")
    assert ended.error == "took longer than 0.2 s and was ended"
    assert ended.cause["signal"] == "SIGTERM"


def test_a_worker_that_does_not_listen_is_killed(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("botcannon_core.cannon.member.TERM_SECONDS", 0.2)
    crew = start(timeout=0.2)
    ended = crew.run("ignore_sigterm")
    assert ended.cause["signal"] == "SIGKILL"
    assert "took longer" in ended.error


def test_a_worker_over_its_time_is_ended_also_when_no_more_are_wanted(start: Start) -> None:
    crew = start(timeout=0.3)
    entry = crew.give("sleep", seconds="1000")
    crew.crew.dismiss()
    crew.until(lambda: entry in crew.ended, "the sleeper has ended")
    assert "took longer" in crew.ended[entry].error
    assert not crew.idle()


@pytest.mark.parametrize("then", ["return", "die"])
def test_what_a_task_started_ends_with_it(start: Start, then: str) -> None:
    crew = start()
    crew.run("helper", then=then)
    helper = crew.helper()
    crew.until(lambda: is_over(helper), "the helper has ended")


def test_what_a_task_started_ends_with_it_at_its_time_limit(start: Start) -> None:
    crew = start(timeout=0.3)
    crew.run("helper", then="sleep")
    helper = crew.helper()
    crew.until(lambda: is_over(helper), "the helper has ended")


def test_a_daemon_that_holds_a_dead_workers_channel_holds_up_nobody(start: Start) -> None:
    crew = start()
    ended = crew.run("daemon")
    assert ended.cause["signal"] == "SIGKILL"
    assert crew.run("pid").how == "done"
    crew.helper("daemon").kill()


@pytest.mark.parametrize("do", ["garbage", "lie"])
def test_whatever_a_task_writes_in_its_workers_name_the_crew_goes_on(start: Start, do: str) -> None:
    crew = start()
    assert crew.run(do).how in ("failed", "done")
    assert crew.run("pid").how == "done"


# --- seats


def seat_of(worker: Worker) -> psutil.Process:
    """The process that the crew signals; its child is the worker."""
    return psutil.Process(worker.pid)


def test_a_seat_is_taken_by_one_worker_after_the_other(start: Start) -> None:
    crew = start(hot=1, max=1)
    parents = {crew.run("parent").results["parent"] for _ in range(6)}
    assert len(parents) <= 2  # one that is busy, and one ahead
    assert crew.crew.forks == 2


def test_a_worker_that_dies_takes_its_seat_along(start: Start) -> None:
    crew = start(hot=1, max=1)
    before = seat_of(crew.ready()[0])
    crew.run("leave", code="3")
    crew.until(lambda: is_over(before), "the seat is over")
    assert crew.run("pid").how == "done"


def test_a_worker_that_dies_when_it_has_said_how_it_ended_costs_its_seat_and_no_pause(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was ready; whether the next one would be, the first in another seat will show."""
    monkeypatch.setattr(nursery, "FIRST_PAUSE_SECONDS", 100 * PATIENCE)
    crew = start(hot=1, max=1)
    for _ in range(3):
        before = seat_of(crew.ready()[0])
        assert crew.run("stumble").how == "done"
        crew.until(partial(is_over, before), "the seat is over")
    assert crew.run("pid").how == "done"


def test_a_seat_that_is_killed_takes_its_worker_along(start: Start) -> None:
    crew = start(hot=1)
    worker = crew.ready()[0]
    entry = crew.give("sleep", seconds="1000")
    crew.until(lambda: seat_of(worker).children(), "somebody sits there")
    sleeper = seat_of(worker).children()[0]
    seat_of(worker).kill()
    crew.until(lambda: entry in crew.ended, "the sleeper has ended")
    assert crew.ended[entry].cause["signal"] == "SIGKILL"
    crew.until(lambda: is_over(sleeper), "and is gone")


def test_a_dead_workers_memory_is_its_own_and_not_that_of_one_before(start: Start) -> None:
    crew = start(hot=1, max=1)
    for _ in range(3):
        assert crew.run("fill", megabytes="200").how == "done"
    peak = crew.run("leave", code="3").cause["peak_memory"]
    assert float(peak.split()[0]) < 100


def test_who_leaves_with_the_code_of_the_house_has_not_ended_for_that(start: Start) -> None:
    crew = start()
    ended = crew.run("leave", code=str(seat.LEFT))
    assert ended.how == "failed"
    assert "without a word" in ended.error
    assert crew.run("pid").how == "done"


def test_a_daemon_costs_its_workers_seat_and_nobody_waits_for_it(start: Start) -> None:
    crew = start(hot=1, max=1)
    for _ in range(3):
        (crew.project / "daemon").unlink(missing_ok=True)
        given_up = seat_of(crew.ready()[0])
        assert crew.run("daemon", then="return").how == "done"
        crew.until(partial(is_over, given_up), "its seat is given up")
        crew.helper("daemon").kill()
    assert crew.run("pid").how == "done"
    assert not crew.failed


def test_what_one_prints_without_an_end_of_line_is_not_taken_for_the_next_ones(
    start: Start,
) -> None:
    crew = start(hot=1, max=1)
    for text in ("one", "two", "three"):
        crew.run("say", text=text)
    crew.until(lambda: crew.texts().count("no end") == 3, "all is printed")


# --- construction


def test_a_constructor_that_raises_is_final_when_nothing_ever_worked(start: Start) -> None:
    crew = start()
    (crew.project / "broken").touch()
    crew.until(lambda: crew.failed, "the crew has failed")
    assert crew.failed[0] == "a task or shell could not be constructed: RuntimeError: no database"
    assert any("Traceback" in text for text in crew.texts())


def test_a_constructor_that_exits_is_final_when_nothing_ever_worked(start: Start) -> None:
    crew = start()
    (crew.project / "exits").touch()
    crew.until(lambda: crew.failed, "the crew has failed")
    assert "exit code 7" in crew.failed[0]


def test_a_constructor_that_hangs_is_final_when_nothing_ever_worked(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("botcannon_core.cannon.member.START_SECONDS", 0.5)
    crew = start(timeout=0.1)
    (crew.project / "hangs").touch()
    crew.until(lambda: crew.failed, "the crew has failed")
    text = "a worker died before it was ready: it took longer than 0.5 s and was ended"
    assert crew.failed[0] == text


def test_a_worker_may_take_longer_to_be_ready_than_a_message_may_take(start: Start) -> None:
    crew = start(timeout=0.5)
    app = crew.project / "app" / "doing.py"
    app.write_text("import time; time.sleep(1.5)\n" + app.read_text())
    assert crew.run("pid").how == "done"
    assert not crew.failed


def test_a_constructor_that_raises_later_is_tried_again_with_pauses(start: Start) -> None:
    crew = start()
    crew.ready()
    (crew.project / "broken").touch()
    crew.run("pid")
    before = crew.crew.forks
    started = time.monotonic()
    crew.until(lambda: crew.crew.forks >= before + 3, "it is tried again")
    assert time.monotonic() - started > 0.25  # 0.1, 0.2, ... between them
    assert not crew.failed
    (crew.project / "broken").unlink()
    assert crew.run("pid").how == "done"


# --- how many


def test_as_many_are_hot_as_were_asked_for(start: Start) -> None:
    crew = start(hot=3, max=8)
    crew.ready(3)
    assert len(crew.idle()) == 3


def test_it_grows_to_its_most_and_no_further(start: Start) -> None:
    crew = start(hot=1, max=4)
    crew.waiting = 100
    crew.ready(4)
    for _ in range(4):
        crew.give("sleep", seconds="0.5")
    assert crew.crew.free == 0
    crew.until(lambda: len(crew.ended) == 4, "all have ended")
    assert crew.crew.forks >= 4
    pids = {p.pid for p in of(crew.project)}
    assert len(pids) <= 1 + 2 * (4 + 1)  # the forker; a seat for each job, and for one ahead


def test_workers_for_many_are_no_more_than_its_most_and_stay_for_the_next(start: Start) -> None:
    crew = start(isolation="worker", hot=2, max=2)
    for _ in range(10):
        crew.ready(2)
        crew.give("pid")
        crew.give("pid")
    crew.ready(2)
    assert crew.crew.forks == 2


def test_it_shrinks_when_it_is_calm(start: Start) -> None:
    crew = start(hot=3, idle=1)
    crew.ready(3)
    crew.is_calm = True
    crew.until(lambda: len(crew.idle()) == 1, "only one is idle")
    crew.until(
        lambda: len(of(crew.project)) == 3, "the others are gone"
    )  # it, its seat, the forker


def test_a_lazy_crew_forks_the_next_only_when_the_last_has_ended(start: Start) -> None:
    crew = start(lazy=True, hot=3)
    crew.waiting = 10
    crew.ready()
    assert crew.crew.free == 1
    entry = crew.give("sleep", seconds="0.3")
    most = 0

    def ended() -> bool:
        nonlocal most
        most = max(most, crew.crew.forks)
        return entry in crew.ended

    crew.until(ended, "the first has ended")
    assert most == 1
    assert crew.run("pid").how == "done"
    assert crew.crew.forks == 2


# --- the forker


def test_when_the_forker_is_killed_its_jobs_end_and_another_one_is_born(start: Start) -> None:
    crew = start(hot=2)
    crew.ready(2)
    entry = crew.give("helper", then="sleep")
    helper = crew.helper()
    crew.forker().kill()
    crew.until(lambda: entry in crew.ended, "the job has ended")
    assert "forker" in crew.ended[entry].error
    assert "SIGKILL" in crew.ended[entry].error
    crew.until(lambda: is_over(helper), "the helper has ended")
    assert crew.run("pid").how == "done"
    assert not crew.failed


def test_when_the_forker_cannot_live_the_crew_fails(start: Start) -> None:
    crew = start()
    (crew.project / "app" / "doing.py").write_text("import os; os._exit(9)")
    crew.until(lambda: crew.failed, "the crew has failed")
    assert "the forker died: exit code 9" in crew.failed[0]


def test_killing_every_worker_ends_every_job(start: Start) -> None:
    crew = start(hot=3)
    crew.ready(3)
    entries = [crew.give("sleep", seconds="1000") for _ in range(3)]
    crew.crew.kill()
    crew.until(lambda: len(crew.ended) == 3, "all have ended")
    assert set(crew.ended) == set(entries)


def test_jobs_given_to_a_worker_that_died_with_the_forker_come_back(start: Start) -> None:
    """The death is noticed when one is given its jobs; those of the next must not be forgotten."""
    crew = start(hot=3)
    workers = crew.ready(3)
    forker = crew.forker()
    forker.kill()
    psutil.wait_procs([forker, *map(psutil.Process, (w.pid for w in workers))], timeout=5)
    entries = [f"{n}-0" for n in range(3)]
    for worker, entry in zip(workers, entries, strict=True):
        crew.crew.give(worker, [Job(entry, entry, {"do": "pid"}, "me")])
    told = [*crew.ended, *(job.entry for job in crew.back)]
    crew.until(lambda: len(told) == 3 or len(crew.ended) + len(crew.back) == 3, "each is told of")
    assert sorted([*crew.ended, *(job.entry for job in crew.back)]) == entries
    assert crew.run("pid").how == "done"


def test_killing_after_the_forker_died_is_no_matter(start: Start) -> None:
    crew = start(hot=3)
    crew.ready(3)
    for _ in range(3):
        crew.give("sleep", seconds="1000")
    forker = crew.forker()
    forker.kill()
    psutil.wait_procs([forker], timeout=5)
    crew.crew.kill()
    crew.until(lambda: len(crew.ended) == 3, "all have ended")


def test_closing_ends_everything(start: Start) -> None:
    crew = start(hot=2)
    crew.ready(2)
    crew.give("helper", then="sleep")
    crew.helper()
    crew.crew.close()
    assert not gone_or(of(crew.project))


# --- what nobody wants any more


def job_of(crew: Running, entry: str) -> Job:
    jobs = [job for worker in crew.crew.busy for job in worker.given.running]
    return next(job for job in jobs if job.entry == entry)


@pytest.mark.parametrize("do", ["sleep", "ignore_sigterm", "helper"])
def test_a_job_that_is_cancelled_is_not_to_be_tried_again(start: Start, do: str) -> None:
    crew = start()
    entry = crew.give(do, seconds="1000", then="sleep")
    helper = crew.helper() if do == "helper" else None
    job = job_of(crew, entry)
    assert crew.crew.cancel(job)
    assert not crew.crew.cancel(job)  # it is under way
    crew.until(lambda: entry in crew.ended, "it has ended")
    assert crew.ended[entry] == CANCELLED
    crew.until(lambda: helper is None or not helper.is_running(), "its helper has ended, too")
    assert crew.run("pid").how == "done"


def test_a_job_that_is_over_cannot_be_cancelled(start: Start) -> None:
    crew = start()
    entry = crew.give("echo", text="x")
    job = job_of(crew, entry)
    crew.until(lambda: entry in crew.ended, "it has ended")
    assert not crew.crew.cancel(job)
    assert crew.run("pid").how == "done"


def test_a_job_whose_end_was_not_heard_yet_is_not_cancelled_in_place_of_the_next(
    start: Start, isolation: str
) -> None:
    crew = start(isolation=isolation, max=1)
    first = {"do": "noted", "n": "0"}
    second = {"do": "noted", "n": "1", "seconds": "0.3"}
    entries = give_all(crew, crew.ready()[0], first, second)
    job = job_of(crew, entries[0])
    deadline = time.monotonic() + PATIENCE
    while len(runs(crew)) < 2:  # we hear nothing
        assert time.monotonic() < deadline
        os.sched_yield()
    assert not crew.crew.cancel(job)
    give_back_until(crew, 2)
    assert [crew.ended[entry].how for entry in entries] == ["done", "done"]
    assert runs(crew) == ["0", "1"]


def test_a_worker_for_many_jobs_that_is_cancelled_gets_no_other(start: Start) -> None:
    crew = start(isolation="worker", max=1)
    first = crew.run("pid").results["pid"]
    entry = crew.give("sleep", seconds="1000")
    assert crew.crew.cancel(job_of(crew, entry))
    crew.until(lambda: entry in crew.ended, "it has ended")
    assert crew.run("pid").results["pid"] != first


def test_the_workers_end_with_their_pool_however_it_ends(start: Start, tmp_path: Path) -> None:
    pid = os.fork()
    if pid == 0:  # a pool that is killed
        try:
            crew = Running(tmp_path, WorkersSpec(hot=2))
            crew.ready(2)
            crew.give("sleep", seconds="1000")
            (tmp_path / "works").touch()
            crew.until(lambda: False, "never")
        finally:
            os._exit(1)
    deadline = time.monotonic() + PATIENCE
    while not (tmp_path / "works").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert len(of(tmp_path)) >= 3
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    deadline = time.monotonic() + PATIENCE
    while of(tmp_path):
        assert time.monotonic() < deadline, of(tmp_path)
        time.sleep(0.01)


# --- many jobs in one worker


@pytest.fixture(params=["worker", "message"])
def isolation(request: pytest.FixtureRequest) -> str:
    """Both ways of work ahead: one worker has it, or a seat for its workers."""
    return str(request.param)


def give_all(crew: Running, worker: Worker, *jobs: dict[str, str]) -> list[str]:
    entries = [f"{n}-9" for n in range(1, len(jobs) + 1)]
    crew.crew.give(worker, [Job(e, e, do, "me") for e, do in zip(entries, jobs, strict=True)])
    return entries


def test_quick_jobs_are_given_ahead(start: Start, isolation: str) -> None:
    crew = start(isolation=isolation)
    entries = give_all(crew, crew.ready()[0], *[{"do": "pid"}] * 20)
    crew.until(lambda: len(crew.ended) == 20, "all have ended")
    assert list(crew.ended) == entries
    processes = {one.results["pid"] for one in crew.ended.values()}
    assert len(processes) == (1 if isolation == "worker" else 20)
    for _ in range(30):
        crew.run("pid")
    crew.ready()
    assert crew.crew.room[0][1] > 1, "quick jobs did not make it bold"


def test_a_worker_of_quick_jobs_is_given_some_ahead_however_late_its_pool_hears_of_them(
    start: Start,
) -> None:
    """As when there are more processes than the machine can run at once."""
    crew = start(isolation="worker")
    deadline = time.monotonic() + PATIENCE
    while crew.ready() and crew.crew.room[0][1] == 1:
        assert time.monotonic() < deadline, "what took its pool long counted as long"
        entry = crew.give("pid")
        held_up = time.monotonic() + AHEAD_SECONDS * 2
        while time.monotonic() < held_up:
            os.sched_yield()
        crew.until(partial(crew.ended.get, entry), "it has ended")


def test_short_jobs_are_read_ahead_and_keep_no_more_workers_busy_than_there_are_processors(
    start: Start,
) -> None:
    count = kernel.processors()
    crew = start(isolation="worker", hot=count + 2, idle=count + 2, max=count + 2)
    crew.ready(count + 2)
    assert crew.crew.ahead == count + 2
    for _ in range(500):
        crew.crew._depth.learn(10)
    assert crew.crew.ahead > 100 * count
    assert len(crew.idle()) == count


def test_what_turns_out_to_take_long_among_short_ones_holds_up_nobody(start: Start) -> None:
    count = kernel.processors()
    crew = start(isolation="worker", hot=count + 1, idle=count + 1, max=count + 1)
    crew.ready(count + 1)
    for _ in range(500):
        crew.crew._depth.learn(10)
    for worker in crew.idle():
        crew.crew.give(
            worker, [Job(f"{worker.slot}-1", "a", {"do": "sleep", "seconds": "60"}, "me")]
        )
    assert not crew.idle()
    assert crew.crew.next_moment() <= time.monotonic() + SLOW_SECONDS
    crew.until(crew.idle, "another worker may be given something", patience=5)


def test_a_death_costs_only_the_job_that_ran(start: Start, isolation: str) -> None:
    crew = start(isolation=isolation)
    die = {"do": "die", "signal": str(int(signal.SIGKILL))}
    quick = {"do": "pid"}
    entries = give_all(crew, crew.ready()[0], quick, quick, die, quick, quick)
    crew.until(lambda: len(crew.ended) == 3, "three have ended")
    assert [crew.ended[entry].how for entry in entries[:3]] == ["done", "done", "failed"]
    assert "SIGKILL" in crew.ended[entries[2]].error
    assert [job.entry for job in crew.back] == entries[3:]


def test_those_behind_a_slow_job_are_taken_back_and_not_run_by_its_worker(
    start: Start, isolation: str
) -> None:
    crew = start(isolation=isolation)
    worker = crew.ready()[0]
    entries = give_all(crew, worker, {"do": "sleep", "seconds": "0.7"}, {"do": "pid"})
    crew.until(lambda: crew.back, "what is behind it is taken back")
    assert entries[0] not in crew.ended
    assert [job.entry for job in crew.back] == entries[1:]
    crew.until(lambda: crew.ended, "the slow one has ended")
    assert crew.run("pid").how == "done"
    assert entries[1] not in crew.ended


def runs(crew: Running) -> list[str]:
    file = crew.project / "runs"
    return file.read_text().split() if file.exists() else []


def give_back_until(crew: Running, count: int) -> None:
    """As a pool does: what comes back is given to whoever is ready, until so many have ended."""

    def go_on() -> bool:
        if crew.back and (ready := crew.idle()):
            back, crew.back[:] = crew.back[:], []
            crew.crew.give(ready[0], back)
        return len(crew.ended) >= count

    crew.until(go_on, f"{count} have ended")


def test_nothing_is_run_twice_behind_an_answer_that_takes_long_to_tell(
    start: Start, isolation: str
) -> None:
    """Its end was quick, and yet the pool could not hear of it in time."""
    crew = start(isolation=isolation, max=1)
    swell = {"do": "swell", "n": "0", "size": "10000000"}
    quick = [{"do": "noted", "n": str(n)} for n in range(1, 6)]
    entries = give_all(crew, worker := crew.ready()[0], swell, *quick)
    while not worker.given.is_slow(time.monotonic()):  # a pool that has a lot to do
        os.sched_yield()
    crew.until(lambda: crew.back, "some are taken back")
    give_back_until(crew, 6)
    assert [crew.ended[entry].results["n"] for entry in entries] == list("012345")
    assert runs(crew) == list("012345")


def test_a_worker_that_leaves_gives_back_what_it_has_not_begun(start: Start) -> None:
    crew = start(isolation="worker", max_messages=2)
    entries = give_all(crew, crew.ready()[0], *[{"do": "pid"}] * 3)
    crew.until(lambda: crew.back, "one comes back")
    assert list(crew.ended) == entries[:2]
    assert [job.entry for job in crew.back] == entries[2:]
    assert crew.run("pid").how == "done"


def stopped(process: psutil.Process) -> bool:
    return bool(process.status() == psutil.STATUS_STOPPED)


def test_what_waits_behind_a_frozen_worker_is_run_by_another_and_once(
    start: Start, isolation: str
) -> None:
    crew = start(isolation=isolation, hot=2)
    worker = crew.ready(2)[0]
    process = psutil.Process(worker.pid)
    process.suspend()
    crew.until(lambda: stopped(process), "it is frozen")
    entries = give_all(crew, worker, *[{"do": "noted", "n": str(n)} for n in range(5)])
    crew.until(lambda: crew.back, "those behind the first are taken back")
    give_back_until(crew, 4)
    process.resume()
    crew.until(lambda: len(crew.ended) == 5, "the first one has ended")
    assert sorted(crew.ended) == entries
    assert [crew.ended[entry].results["n"] for entry in entries] == list("01234")
    assert sorted(runs(crew)) == list("01234")
    assert {crew.run("pid").how for _ in range(4)} == {"done"}


def test_a_pool_that_was_frozen_ends_no_worker_whose_message_was_done_meanwhile(
    start: Start, isolation: str
) -> None:
    crew = start(isolation=isolation, timeout=0.7, max=1)
    worker = crew.ready()[0]
    entries = give_all(crew, worker, *[{"do": "noted", "n": str(n)} for n in range(5)])
    deadline = time.monotonic() + PATIENCE
    while len(runs(crew)) < 5 or time.monotonic() < worker.since + 0.8:  # we hear nothing
        assert time.monotonic() < deadline
        os.sched_yield()
    crew.crew.tend(0, is_calm=False)
    assert list(crew.ended) == entries
    crew.until(lambda: crew.idle(), "a worker is ready")
    assert crew.idle() == [worker]
    assert worker.term_at is None


def test_one_over_its_time_costs_those_behind_it_nothing(start: Start, isolation: str) -> None:
    crew = start(isolation=isolation, timeout=0.2, max=1)
    sleep = {"do": "sleep", "seconds": "1000"}
    quick = [{"do": "noted", "n": str(n)} for n in range(3)]
    entries = give_all(crew, crew.ready()[0], sleep, *quick)
    give_back_until(crew, 4)
    assert "took longer" in crew.ended[entries[0]].error
    assert [crew.ended[entry].how for entry in entries[1:]] == ["done"] * 3
    assert runs(crew) == list("012")


@pytest.mark.parametrize(
    "rule",
    [
        {"timeout": SLOW_SECONDS},
        {"isolation": "message", "timeout": SLOW_IN_SEAT_SECONDS},
        {"tries": 1},
        {"isolation": "message", "lazy": True},
    ],
)
def test_none_is_given_ahead_where_a_death_could_cost_another_its_only_try(
    start: Start, isolation: str, rule: dict[str, Any]
) -> None:
    crew = start(**{"isolation": isolation, "max": 1, **rule})
    for _ in range(100):
        crew.run("echo", text="x")
    assert crew.ready()
    assert [most for _, most in crew.crew.room] == [1]


def test_an_ask_in_the_middle_of_many_is_answered(start: Start, isolation: str) -> None:
    crew = start(isolation=isolation, max=1)
    jobs = [{"do": "ask", "n": str(n)} for n in range(5)]
    entries = give_all(crew, crew.ready()[0], *jobs)
    give_back_until(crew, 5)
    said = [crew.ended[entry].results["said"] for entry in entries]
    assert said == [f"{n} for {entry}" for n, entry in enumerate(entries)]


def test_one_for_a_message_that_asks_gets_none_ahead_from_then_on(start: Start) -> None:
    """It would read what is for the next worker in its seat, in search of the answer."""
    crew = start(max=1)
    for _ in range(200):
        crew.crew._depth.learn(100)
    assert crew.ready()
    assert crew.crew.room[0][1] > 1
    crew.run("ask", n="1")
    assert crew.ready()
    assert [most for _, most in crew.crew.room] == [1]


@pytest.mark.parametrize("code", [seat.LEFT, seat.FORGOT])
def test_one_that_leaves_without_a_word_costs_those_behind_it_nothing(
    start: Start, code: int
) -> None:
    crew = start(max=1)
    quick = [{"do": "noted", "n": str(n)} for n in range(3)]
    entries = give_all(crew, crew.ready()[0], {"do": "leave", "code": str(code)}, *quick)
    give_back_until(crew, 4)
    assert crew.ended[entries[0]].how == "failed"
    assert "without a word" in crew.ended[entries[0]].error
    assert [crew.ended[entry].how for entry in entries[1:]] == ["done"] * 3


def test_a_daemon_costs_those_behind_it_no_try(start: Start) -> None:
    crew = start(max=1)
    quick = [{"do": "noted", "n": str(n)} for n in range(3)]
    entries = give_all(crew, crew.ready()[0], {"do": "daemon", "then": "return"}, *quick)
    crew.until(lambda: len(crew.back) == 3, "they come back")
    give_back_until(crew, 4)
    assert [crew.ended[entry].how for entry in entries] == ["done"] * 4
    assert runs(crew) == list("012")
    crew.helper("daemon").kill()


def test_a_constructor_that_raises_costs_the_jobs_that_wait_nothing(start: Start) -> None:
    crew = start(max=1)
    sleep = {"do": "sleep", "seconds": "0.01"}
    entries = give_all(crew, crew.ready()[0], sleep, *[{"do": "pid"}] * 3)
    (crew.project / "broken").touch()
    crew.until(lambda: len(crew.back) + len(crew.ended) == 4, "they have ended, or come back")
    assert [one.how for one in crew.ended.values()] == ["done"] * len(crew.ended)
    (crew.project / "broken").unlink()
    give_back_until(crew, 4)
    assert sorted(crew.ended) == entries


def test_there_is_no_hurry_while_a_seat_has_enough_to_do(start: Start, isolation: str) -> None:
    crew = start(isolation=isolation, max=1)
    for _ in range(200):
        crew.crew._depth.learn(100)
    worker = crew.ready()[0]
    most = crew.crew.room[0][1]
    assert not crew.crew.supply
    give_all(crew, worker, *[{"do": "pid"}] * most)
    # workers for many end so much at once that a pause would make them wait
    assert crew.crew.supply == (most if isolation == "message" else 0)
    crew.until(lambda: len(crew.ended) == most, "all are done")
    assert not crew.crew.supply


def test_a_lost_job_behind_another_ends_its_worker_and_says_why(
    start: Start, isolation: str
) -> None:
    crew = start(isolation=isolation, max=1)
    first = Job("1-9", "1-9", {"do": "sleep", "seconds": "1000"}, "me")
    second = Job("2-9", "2-9", {"do": "noted", "n": "1"}, "me")
    crew.crew.give(crew.ready()[0], [first, second])
    crew.crew.kill(second)
    crew.until(lambda: crew.ended, "the worker has ended")
    assert crew.ended["1-9"].error == "was ended: 2-9, behind it, is another pool's now"
    assert list(crew.ended) == ["1-9"]
    assert not runs(crew)


def test_a_dismissed_crew_ends_soon_and_gives_back_what_waits(start: Start, isolation: str) -> None:
    crew = start(isolation=isolation, max=1)
    sleep = {"do": "sleep", "seconds": "0.7"}
    quick = [{"do": "noted", "n": str(n)} for n in range(3)]
    entries = give_all(crew, crew.ready()[0], sleep, *quick)
    crew.crew.dismiss()
    crew.until(lambda: not crew.crew.busy, "nobody is busy")
    assert list(crew.ended) == entries[:1]
    assert [job.entry for job in crew.back] == entries[1:]
    assert not runs(crew)


def test_nothing_is_imported_for_workers_that_makes_a_fork_dear() -> None:
    """Threads and random numbers do work after each fork; the store's client and asyncio are large."""
    code = "import sys, botcannon_core.cannon.forker; print(*sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    dear = {"threading", "random", "logging", "asyncio", "redis", "hashlib", "ssl", "yaml", "fire"}
    dear |= {"pathlib", "urllib", "_blake2", "botcannon_core.ledger"}
    assert not dear & set(told.stdout.split())


# --- many jobs at the same time in one worker

WAITING = """
import asyncio, os, time

class Do:
    async def task(self, message, results):
        if message["do"] == "block":
            time.sleep(1000)
        if message["do"] == "die":
            os._exit(3)
        await asyncio.sleep(float(message.get("seconds", "0")))
        return {"pid": str(os.getpid())}
"""


@pytest.fixture
def waiting(start: Start, tmp_path: Path) -> Start:
    def begin(**rule: Any) -> Running:
        (tmp_path / "app" / "doing.py").write_text(WAITING)
        return start(isolation="worker", concurrency=50, max=1, **rule)

    return begin


def test_one_worker_runs_many_that_wait(waiting: Start) -> None:
    crew = waiting()
    assert crew.crew.ahead == 50
    began = time.monotonic()
    entries = give_all(crew, crew.ready()[0], *[{"do": "wait", "seconds": "0.5"}] * 50)
    assert crew.crew.room == [(crew.crew.busy[0], 0)]
    assert crew.crew.ahead == 0
    crew.until(lambda: len(crew.ended) == 50, "all have ended")
    assert time.monotonic() - began < 50 * 0.5 / 4  # one after the other it would be 25 s
    assert {crew.ended[entry].how for entry in entries} == {"done"}
    assert len({crew.ended[entry].results["pid"] for entry in entries}) == 1


def test_one_that_takes_too_long_ends_alone(waiting: Start) -> None:
    crew = waiting(timeout=0.5)
    slow, quick = {"do": "wait", "seconds": "1000"}, {"do": "wait", "seconds": "0.1"}
    first, second = give_all(crew, crew.ready()[0], slow, quick)
    crew.until(lambda: len(crew.ended) == 2, "both have ended")
    assert crew.ended[second].how == "done"
    assert crew.ended[first].error == "took longer than 0.5 s and was cancelled"
    assert crew.run("wait").results["pid"] == crew.ended[second].results["pid"]


def test_one_that_does_not_wait_ends_its_worker_and_none_is_blamed_for_it(waiting: Start) -> None:
    """The oldest is over its time first, also where a later one holds it up."""
    crew = waiting(timeout=0.5)
    entries = give_all(crew, crew.ready()[0], {"do": "wait", "seconds": "0.1"}, {"do": "block"})
    crew.until(lambda: len(crew.ended) == 2, "both have ended")
    told = "one of the 2 messages that ran in it took longer than 0.5 s and was ended"
    for entry in entries:
        assert crew.ended[entry].error == f"its worker was ended: {told}"
        assert crew.ended[entry].cause  # so that it is tried again at once
    assert crew.run("wait").how == "done"


def test_one_that_does_not_wait_and_runs_alone_is_told_so(waiting: Start) -> None:
    assert waiting(timeout=0.5).run("block").error == "took longer than 0.5 s and was ended"


def test_one_beside_a_lost_job_is_told_that_it_was_for_that(waiting: Start) -> None:
    crew = waiting()
    slow = {"do": "wait", "seconds": "1000"}
    lost, other = give_all(crew, crew.ready()[0], slow, slow)
    crew.crew.kill(job_of(crew, lost))
    crew.until(lambda: len(crew.ended) == 2, "both have ended")
    assert crew.ended[other].error == f"was ended: {lost}, beside it, is another pool's now"


def test_a_death_ends_all_that_ran_in_it(waiting: Start) -> None:
    crew = waiting()
    slow = {"do": "wait", "seconds": "1000"}
    give_all(crew, crew.ready()[0], slow, slow, {"do": "die"})
    crew.until(lambda: len(crew.ended) == 3, "all have ended")
    assert {one.cause["exit"] for one in crew.ended.values()} == {"3"}
    assert not crew.back


def test_one_of_many_is_cancelled_alone(waiting: Start) -> None:
    crew = waiting()
    slow = {"do": "wait", "seconds": "1000"}
    first, second = give_all(crew, crew.ready()[0], slow, {"do": "wait", "seconds": "0.3"})
    assert crew.crew.cancel(job_of(crew, first))
    crew.until(lambda: len(crew.ended) == 2, "both have ended")
    assert crew.ended[first] == CANCELLED
    assert crew.ended[second].how == "done"


def test_what_a_worker_for_many_at_once_will_not_begin_is_given_back_at_once(
    waiting: Start,
) -> None:
    crew = waiting(max_messages=3)
    entries = give_all(crew, crew.ready()[0], *[{"do": "wait", "seconds": "1000"}] * 5)
    crew.until(lambda: len(crew.back) == 2, "two have come back")
    assert [job.entry for job in crew.back] == entries[3:]
    assert not crew.ended


def test_a_worker_for_many_at_once_is_replaced_when_it_has_had_its_number(waiting: Start) -> None:
    crew = waiting(max_messages=3)
    entries = give_all(crew, crew.ready()[0], *[{"do": "wait", "seconds": "0.1"}] * 5)
    crew.until(lambda: len(crew.ended) == 3, "three have ended")
    assert [job.entry for job in crew.back] == entries[3:]
    old = crew.ended[entries[0]].results["pid"]
    assert crew.run("wait").results["pid"] != old
