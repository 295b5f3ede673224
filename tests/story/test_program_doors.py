"""Programs asked for from outside: over the socket, over HTTP, and by the verb that watches them run."""

import contextlib
import http.client
import json
import os
import pty
import re
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.collectors.socket_client import Talk, asked
from tests.story.cannon_here import BOTCANNON, PATIENCE, Project, environment, project

pytestmark = [pytest.mark.story]

SHOP = """\
import os, time
from botcannon_core import Skip

def note(name):
    with open("acts", "a") as file:
        file.write(name + " ")

class Reserve:
    def task(self, message, results):
        note("reserve")
        return {"order": "reserve"}
    def undo(self, message, results):
        note("release")

def charge(message, results):
    if results["item"] == "gift":
        raise Skip
    note("charge")
    if results["fail"]:
        raise ValueError("no money")
    while results["wait"] and not os.path.exists("go"):
        time.sleep(0.005)
    return {"order": results["order"] + "|charge"}
"""
PROGRAMS = {
    "buy": {
        "args": {
            "item": "string",
            "fail": {"type": "bool", "default": False},
            "wait": {"type": "bool", "default": False},
        },
        "outputs": {"order": "string"},
        "steps": [{"file": "shop", "entry": "Reserve"}, {"file": "shop", "entry": "charge"}],
    }
}


class Address:
    def __init__(self, folder: Path) -> None:
        self.unix = str(folder / "door")


class Shop:
    """The project, its door, and what was done in it."""

    def __init__(self, here: Project, collector: dict[str, Any]) -> None:
        self.here = here
        self.address = Address(here.folder)
        (here.folder / "app" / "shop.py").write_text(SHOP)
        kwargs = {"unix": "door"} if collector.get("file", "socket") == "socket" else {}
        service = {
            "collector": {
                "file": "socket",
                "entry": "JsonServer",
                "conf": {"kwargs": kwargs},
                **collector,
            },
            "program": "buy",
            "restart": {"max": 3},
        }
        declared = {"namespace": "T", "programs": PROGRAMS, "services": {"work": service}}
        (here.folder / "cannon-compose.yml").write_text(yaml.safe_dump(declared))

    def up(self) -> None:
        """Until its door is open and its workers wait."""
        self.here.up()
        self.here.until(lambda: "listening on" in self.here.text, "its door is open")
        self.here.until(lambda: self.here.state() == "ready", "it is ready")

    @property
    def acts(self) -> list[str]:
        path = self.here.folder / "acts"
        return path.read_text().split() if path.exists() else []

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """The verb `program run buy` in a pipe."""
        return subprocess.run(
            [*BOTCANNON, "program", "run", "buy", *words],
            cwd=self.here.folder,
            env=environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    def is_empty(self) -> bool:
        """True if nothing is left of any run."""
        return not list(self.here.client().scan_iter("*journal:*"))


@contextlib.contextmanager
def shop(**collector: Any) -> Iterator[Shop]:
    with project("") as here:
        yield Shop(here, collector)


def test_programs_are_asked_for_over_the_socket() -> None:
    with shop() as one:
        one.up()
        reply = asked(one.address, {"program": "buy", "data_pool": {"item": "x"}})
        assert (reply["ok"], reply["result"]) == (True, {"order": "reserve|charge"})
        pool = {"item": "x", "fail": True}
        reply = asked(one.address, {"data_pool": pool, "metadata": {"who": "me", "ok": True}})
        assert (reply["ok"], reply["metadata"]) == (False, {"who": "me", "ok": True})
        assert reply["error"] == {"kind": "step", "step": "charge", "text": "ValueError: no money"}
        assert [(line["step"], line["kind"], line["how"]) for line in reply["trace"]] == [
            ("Reserve", "run", "done"),
            ("charge", "run", "failed"),
            ("Reserve", "undo", "done"),
        ]
        assert one.acts == ["reserve", "charge", "reserve", "charge", "release"]
        reply = asked(one.address, {"data_pool": {"qty": 1}})
        assert {problem["path"] for problem in reply["error"]["problems"]} == {"item", "qty"}
        assert one.acts[5:] == []
        with Talk(one.address) as talk:
            talk.say(*({"id": n, "data_pool": {"item": str(n)}} for n in range(20)))
            replies = [talk.hear() for _ in range(20)]
        assert sorted(one["id"] for one in replies) == list(range(20))
        assert all(one["ok"] for one in replies)
        one.here.until(one.is_empty, "the journals are gone")


def test_clients_of_a_killed_intake_are_cut_off_and_what_they_asked_for_is_done() -> None:
    with shop() as one:
        one.up()
        with Talk(one.address) as talk:
            talk.say({"data_pool": {"item": "x", "wait": True}})
            one.here.until(lambda: "charge" in one.acts, "its run is under way")
            one.here.kill("intake")
            with contextlib.suppress(ConnectionResetError):
                assert talk.hear() is None
        one.here.until(lambda: one.here.text.count("listening on") == 2, "the door is open again")
        (one.here.folder / "go").touch()
        one.here.until(lambda: one.here.stream("taskback"), "the run has ended")
        assert '"reserve|charge"' in one.here.stream("taskback")[0]["body"]
        reply = asked(one.address, {"data_pool": {"item": "y"}})
        assert reply["ok"] is True


def test_who_waits_while_the_service_stops_gets_the_reply_if_it_comes() -> None:
    with shop() as one:
        one.up()
        with Talk(one.address) as talk:
            talk.say({"data_pool": {"item": "x", "wait": True}})
            one.here.until(lambda: "charge" in one.acts, "its run is under way")
            one.here.signal(signal.SIGTERM)
            (one.here.folder / "go").touch()
            assert talk.hear()["ok"] is True
            assert one.here.code() == 143


def test_programs_are_asked_for_over_http() -> None:
    pytest.importorskip("starlette", reason="the extra 'webhook' is not installed")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with shop(file="webhook", entry="Webhook", conf={"kwargs": {"port": port}}) as one:
        one.up()
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        for item, status in (("x", 200), (5, 422)):
            body = json.dumps({"item": item})
            client.request("POST", "/programs/buy", body, {"Content-Type": "application/json"})
            response = client.getresponse()
            answer = json.loads(response.read())
            assert (response.status, answer["ok"]) == (status, status == 200)
        client.request("GET", "/openapi.json")
        assert list(json.loads(client.getresponse().read())["paths"]) == ["/programs/buy"]
        client.close()


def test_run_asks_the_running_service_and_tells_each_step() -> None:
    with shop() as one:
        one.up()
        said = one.run("--item=x")
        assert re.sub(r"\d\.\d\d s", "T", said.stdout).splitlines()[-1] == "order: reserve|charge"
        assert [line.split()[:3] for line in said.stdout.splitlines()[:-1]] == [
            ["run", "done", "Reserve"],
            ["run", "done", "charge"],
        ]
        assert (said.returncode, said.stderr) == (0, "")
        said = one.run("--item=x", "--fail=true")
        assert [line.split()[:3] for line in said.stdout.splitlines()] == [
            ["run", "done", "Reserve"],
            ["run", "failed", "charge"],
            ["undo", "done", "Reserve"],
        ]
        assert said.returncode == 1
        assert said.stderr == "botcannon: undone: charge: ValueError: no money\n"
        answer = json.loads(one.run("--item=x", "--fail=true", "--format=json").stdout)
        assert [line["how"] for line in answer["trace"]] == ["done", "failed", "done"]


def test_run_tells_a_step_that_had_nothing_to_do_as_such_however_quick_it_was() -> None:
    with shop() as one:
        one.up()
        said = one.run("--item=gift").stdout
        assert re.sub(r"\d\.\d\d s", "T", said).splitlines() == [
            "run   done     Reserve  T",
            "run   skipped  charge  T",
            "order: reserve",
        ]
        answer = json.loads(one.run("--item=gift", "--format=json").stdout)
        assert set(answer) == {"ok", "program", "result", "message"}
        screen = on_a_terminal(one, "--item=gift")
        one.here.until(lambda: "order: reserve" in screen(), "the outputs are shown")
        assert re.search(r"– charge  \d", screen().rpartition("\x1b[J")[2])


def test_run_starts_workers_where_there_are_none_and_ends_them() -> None:
    with shop() as one:
        said = one.run("--item=x", "--format=json")
        assert json.loads(said.stdout)["result"] == {"order": "reserve|charge"}
        assert "no workers of work are up: starting some" in said.stderr
        one.here.until(one.here.is_over, "its workers have ended")
        (one.here.folder / "app" / "shop.py").write_text("import nowhere\n")
        said = one.run("--item=x")
        assert said.returncode != 0
        assert "nowhere" in said.stderr


def test_run_ends_waiting_when_its_time_is_up_and_the_run_goes_on() -> None:
    with shop() as one:
        one.up()
        said = one.run("--item=x", "--wait=true", "--timeout=0.3")
        assert said.returncode == 1
        assert "it goes on in its service" in said.stderr
        (one.here.folder / "go").touch()
        one.here.until(lambda: one.here.stream("taskback"), "the run has ended")


def test_run_ticks_on_a_terminal() -> None:
    with shop() as one:
        one.up()
        screen = on_a_terminal(one, "--item=x", "--wait=true")
        one.here.until(lambda: "▸ charge" in screen(), "the step is seen running")
        (one.here.folder / "go").touch()
        one.here.until(lambda: "order: reserve|charge" in screen(), "the outputs are shown")
        last = screen().rpartition("\x1b[J")[2]
        assert re.sub(r"\x1b\[[\d;]*m", "", last).split("\r\n")[0].startswith("✔ Reserve  ")
        assert "✔ charge" in last


def on_a_terminal(one: Shop, *words: str) -> Any:
    """Run the verb on a terminal of its own; gives what the screen was sent so far."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*BOTCANNON, "program", "run", "buy", *words],
        cwd=one.here.folder,
        env=environment() | {"TERM": "xterm"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    seen = bytearray()

    def read() -> None:
        with contextlib.suppress(OSError):  # the other end is closed
            while piece := os.read(ours, 4096):
                seen.extend(piece)
        process.wait()
        os.close(ours)

    threading.Thread(target=read, daemon=True).start()
    return lambda: seen.decode(errors="replace")


def test_what_new_begins_runs_as_it_is() -> None:
    with shop() as one:
        (one.here.folder / "cannon-compose.yml").unlink()
        words: Any = {"cwd": one.here.folder, "env": environment(), "check": True, "text": True}
        subprocess.run([*BOTCANNON, "program", "new", "buy"], **words)
        said = one.run("--item=x")
        assert said.stdout.splitlines()[-1] == "done: x is yours"
