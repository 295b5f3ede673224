"""Long commands with real workers: how far they are, and `cancel`, which ends their processes."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from typing import IO, Any

import psutil
import pytest

from tests.story.cannon_here import BOTCANNON, Project, environment, project
from tests.story.hosts_here import hosts

pytestmark = [pytest.mark.story, pytest.mark.xdist_group("main_job")]

SERVICE = """
collector: {file: noting, entry: Noting}
shell: {file: bot, entry: Bot}
tasks: [{file: torch, entry: Torch}]
workers: {max: 1, hot: 1, timeout: 60s}
deliver: {tries: 3}
acl:
  - {allow: 'wipe', who: '*', confirm: true}
  - {allow: '*', who: '*'}
"""
NOTING = """
from app.feed import Feed

class Noting(Feed):
    def note(self, message):
        self.note_down(message)

    def note_down(self, message):
        Feed.note(self, "note", id=message.id, n=message["n"], text=message.note)

    def taskback(self, message):
        Feed.note(self, "answer", id=message.id, **message)

    def start(self):
        pass

    def close(self):
        pass
"""
BOT = """
import os, signal, subprocess, time

class Bot:
    def slow(self, name, progress):
        with open("runs", "a") as file:
            file.write(name + "\\n")
        for step in range(600):
            progress(f"{name} at", step / 600)
            time.sleep(0.1)

    def helped(self, name):
        subprocess.Popen(["sleep", "1000"])
        self.slow(name, print)

    def deaf(self, name):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        self.slow(name, print)

    def graceful(self, name):
        def leave(*_):
            raise SystemExit("asked to leave")
        signal.signal(signal.SIGTERM, leave)
        self.slow(name, print)

    def nap(self, seconds: float):
        time.sleep(seconds)
        return "rested"

    def hi(self):
        return "hello"

    def wipe(self):
        open("wiped", "w").close()
"""


class Chat:
    """What several people say in one room, and what each line comes to."""

    def __init__(self, here: Project) -> None:
        self.here = here
        self.count = 0

    def say(self, text: str, user: str = "U1", room: str = "ops") -> str:
        """Say a line; its number."""
        self.count += 1
        n = str(self.count)
        self.here.feed({"n": n, "text": text, "user": user, "room": room, "network": "x"})
        return n

    def answer(self, n: str) -> dict[str, Any]:
        self.here.until(lambda: n in self.here.answers(), f"an answer to line {n}")
        return self.here.answers()[n]

    def is_told(self, n: str) -> str:
        answer = self.answer(n)
        return str(answer.get("_error") or answer["text"])

    def runs(self, *names: str) -> None:
        """Wait until these commands have begun."""
        path = self.here.folder / "runs"
        begun = lambda: path.exists() and set(path.read_text().split()) >= set(names)  # noqa: E731
        self.here.until(begun, f"{names} run")

    def begun(self) -> list[str]:
        path = self.here.folder / "runs"
        return path.read_text().split() if path.exists() else []


@pytest.fixture
def chat() -> Iterator[Chat]:
    with project(SERVICE) as here:
        (here.folder / "app" / "noting.py").write_text(NOTING)
        (here.folder / "app" / "bot.py").write_text(BOT)
        here.up()
        yield Chat(here)


def outcomes(here: Project, n: str) -> list[dict[str, str]]:
    return [one for one in here.stream("taskback") if one.get("n") == n]


def test_the_asker_ends_a_command_while_it_takes_the_only_worker(chat: Chat) -> None:
    slow = chat.say("helped one")
    chat.runs("one")
    helper = chat.here.until(
        lambda: [p for p in chat.here.ours() if p.name() == "sleep"], "the helper is there"
    )
    chat.say("cancel")
    assert chat.is_told(slow) == "cancelled"
    assert chat.is_told(chat.say("hi")) == "hello"
    chat.here.until(lambda: not alive(helper[0]), "its helper has ended, too")
    assert [one["_outcome"] for one in outcomes(chat.here, slow)] == ["skipped"]
    assert chat.begun() == ["one"]
    assert chat.here.stream("dead") == []
    assert [one["_outcome"] for one in outcomes(chat.here, "2")] == ["skipped"]


def test_somebody_else_ends_nothing(chat: Chat) -> None:
    slow = chat.say("slow one")
    chat.runs("one")
    others = [chat.say("cancel", user="U2"), chat.say("cancel", room="dev")]
    note = len(chat.here.notes("note"))
    chat.here.until(lambda: len(chat.here.notes("note")) > note + 2, "it goes on")
    assert not outcomes(chat.here, slow) or "_note" in outcomes(chat.here, slow)[0]
    chat.say("cancel")
    assert chat.is_told(slow) == "cancelled"
    for other in others:
        assert chat.is_told(other) == "nothing of yours is running"


def test_what_waits_behind_it_is_not_begun_and_what_comes_after_is(chat: Chat) -> None:
    first, second = chat.say("slow one"), chat.say("slow two")
    chat.runs("one")
    chat.say("cancel")
    later = chat.say("slow three")
    assert [chat.is_told(first), chat.is_told(second)] == ["cancelled", "cancelled"]
    chat.runs("three")
    assert chat.begun() == ["one", "three"]
    chat.say("cancel")
    assert chat.is_told(later) == "cancelled"


def test_nothing_to_end_is_said_and_a_question_is_answered_with_no(chat: Chat) -> None:
    assert chat.is_told(chat.say("cancel")) == "nothing of yours is running"
    assert chat.is_told(chat.say("wipe")).startswith("this will run: wipe")
    assert chat.is_told(chat.say("cancel")) == "not run: wipe"
    assert not (chat.here.folder / "wiped").exists()


def test_who_is_impatient_is_not_told_that_nothing_runs(chat: Chat) -> None:
    slow = chat.say("slow one")
    chat.runs("one")
    wishes = [chat.say("cancel"), chat.say("cancel")]
    assert chat.is_told(slow) == "cancelled"
    assert chat.is_told(chat.say("hi")) == "hello"
    ended = [one for n in wishes for one in outcomes(chat.here, n)]
    assert [one["_outcome"] for one in ended] == ["skipped", "skipped"]
    assert not [one for one in ended if "_error" in one]


@pytest.mark.parametrize("how", ["deaf", "graceful"])
def test_a_command_that_will_not_end_is_ended(chat: Chat, how: str) -> None:
    slow = chat.say(f"{how} one")
    chat.runs("one")
    chat.say("cancel")
    assert chat.is_told(slow) == "cancelled"
    assert chat.begun() == ["one"]


def test_the_asker_sees_how_far_a_command_is_until_its_end(chat: Chat) -> None:
    slow = chat.say("slow one")
    chat.here.until(lambda: len(chat.here.notes("note")) >= 3, "notes come")
    chat.say("cancel")
    assert chat.is_told(slow) == "cancelled"
    notes = [note["text"] for note in chat.here.notes("note")]
    assert all(text.startswith("one at (") for text in notes)
    shares = [int(text.partition("(")[2].rstrip("%)")) for text in notes]
    assert shares == sorted(shares)
    last = (chat.here.folder / "notes").read_text().splitlines()[-1]
    assert json.loads(last)["kind"] == "answer"
    assert [one for one in chat.here.stream("taskback") if "_note" in one] == []
    assert chat.is_told(chat.say("hi")) == "hello"


def test_a_killed_pool_forgets_no_wish(chat: Chat) -> None:
    slow = chat.say("slow one")
    chat.runs("one")
    chat.here.kill("pool")
    chat.say("cancel")
    assert chat.is_told(slow) == "cancelled"


def test_a_visitor_is_shown_notes_and_may_cancel(chat: Chat) -> None:
    who = ["--user=ada", "--room=terminal"]
    slow = send(chat.here, "--text=slow one", *who, "--wait")
    chat.runs("one")
    read_until(slow.stderr, "one at (")
    assert send(chat.here, "--text=cancel", *who).wait(40) == 0
    out, _ = slow.communicate(timeout=40)
    assert slow.returncode == 1
    assert json.loads(out)["_error"] == "cancelled"


def test_ordinary_traffic_asks_the_store_for_no_wishes(chat: Chat) -> None:
    chat.answer(chat.say("hi"))
    before = asked(chat.here)
    numbers = [chat.say("hi") for _ in range(200)]
    for n in numbers:
        chat.answer(n)
    assert asked(chat.here) - before <= 5  # one is only due while something runs for long


def asked(here: Project) -> int:
    return int(here.client().info("commandstats").get("cmdstat_mget", {}).get("calls", 0))


def send(here: Project, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*BOTCANNON, "send", "work", *words],
        cwd=here.folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def read_until(stream: IO[str] | None, text: str) -> None:
    assert stream is not None
    for line in stream:
        if text in line:
            return
    raise AssertionError(f"{text!r} was never shown")


def alive(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def test_a_command_is_ended_on_whatever_host_it_runs() -> None:
    service = SERVICE.replace("noting, entry: Noting", "feed, entry: Feed")
    with hosts(service, BOT) as here:
        here.up("b", "--only=workers")
        who = ["--user=ada", "--room=ops"]
        here.until(lambda: '"work"' in here.run("b", "ps", "--format=json").stdout, "b is up")
        sent = here.run("a", "send", "work", "--text=slow one", *who).stdout.strip()
        runs = here.folder / "b" / "runs"
        here.until(runs.exists, "it runs on b")
        here.run("a", "send", "work", "--text=cancel", *who)
        ended = here.until(
            lambda: [f for f in here.stream("taskback") if f["_id"] == sent and "_note" not in f],
            "it has ended",
        )
        assert [one["_error"] for one in ended] == ["cancelled"]
        assert runs.read_text() == "one\n"


def test_whenever_it_is_said_each_command_ends_once() -> None:
    with project(SERVICE.replace("max: 1, hot: 1", "max: 4, hot: 2")) as here:
        (here.folder / "app" / "noting.py").write_text(NOTING)
        (here.folder / "app" / "bot.py").write_text(BOT)
        here.up()
        chat = Chat(here)
        lines = []
        for n in range(40):  # of all lengths, so that some end as they are looked at
            lines.append(chat.say(f"nap {n * 0.015:.3f}", user=f"U{n}"))
            lines.append(chat.say("cancel", user=f"U{n}"))
        lines.append(chat.say("hi"))
        for n in lines[:-1:2]:
            assert chat.is_told(n) in ("cancelled", "rested")
        assert chat.is_told(lines[-1]) == "hello"
        here.until(lambda: here.outcomes().keys() >= set(lines), "all have ended")
        found = {n: [one for one in outcomes(here, n) if "_outcome" in one] for n in lines}
        assert {n: len(ended) for n, ended in found.items()} == dict.fromkeys(lines, 1)
        assert {ended[0]["_outcome"] for ended in found.values()} == {"done", "skipped"}
