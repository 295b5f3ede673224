"""Programs in real services: answered, undone, locked, and gone on with when anybody is killed."""

import json
import signal
import subprocess
from collections import Counter
from typing import Any

import psutil
import pytest

from tests.story.cannon_here import BOTCANNON, environment
from tests.story.programs_here import ShopHere, shop

pytestmark = pytest.mark.story

FAST = "deliver: {tries: 2, backoff: 20ms, lease: 2s}"
IDEMPOTENT = {name: {"idempotent": True} for name in ("check", "reserve", "charge", "ship")}


def said(here: ShopHere, *words: str) -> Any:
    """What a verb prints as JSON."""
    ended = subprocess.run(
        [*BOTCANNON, *words, "--format=json"],
        cwd=here.here.folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def test_a_program_is_answered_with_its_outputs_or_undone() -> None:
    with shop() as here:
        here.here.up()
        here.ask("buy", "1", item="x")
        here.ask("buy", "2", item="y", fail="ship")
        here.ask("buy", "3")
        here.ask("by", "4", item="z")
        assert here.answer("1") == {
            "ok": True,
            "program": "buy",
            "result": {"order": "check|reserve|charge|ship"},
        }
        assert here.answer("2")["error"]["step"] == "ship"
        assert here.acts("y") == ["check", "reserve", "charge", "ship", "refund", "release"]
        assert here.answer("3")["error"]["problems"][0]["path"] == "item"
        assert "did you mean 'buy'" in here.answer("4")["error"]["text"]
        assert here.here.outcomes()["2"] == ["done"]
        here.here.until(lambda: not here.journals(), "no journal is left")


@pytest.mark.parametrize("isolation", ["message", "worker"])
def test_a_step_that_kills_its_worker_leads_to_one_undo_of_each(isolation: str) -> None:
    with shop(f"workers: {{isolation: {isolation}}}\n{FAST}") as here:
        here.here.up()
        for step in ("check", "reserve", "charge", "ship"):
            here.ask("buy", step, item=step, die=step)
        answers = {step: here.answer(step) for step in ("check", "reserve", "charge", "ship")}
        assert {step: one["in_doubt"] for step, one in answers.items()} == {
            step: [step] for step in answers
        }
        assert here.acts("check") == ["check"]
        assert here.acts("reserve") == ["check", "reserve", "release?"]
        assert here.acts("charge") == ["check", "reserve", "charge", "refund?", "release"]
        assert here.acts("ship") == ["check", "reserve", "charge", "ship", "refund", "release"]
        assert [one["how"] for one in answers["charge"]["trace"]] == [
            *["done", "done", "killed"],
            *["done", "done"],
        ]


def test_a_step_that_may_run_again_goes_on_after_a_kill() -> None:
    with shop(FAST, **IDEMPOTENT) as here:
        here.here.up()
        here.ask("buy", "1", item="x", die="charge")
        assert here.answer()["result"] == {"order": "check|reserve|charge|ship"}
        assert here.acts() == ["check", "reserve", "charge", "charge?", "ship"]


def test_an_undo_that_kills_its_worker_is_run_again_and_nothing_else() -> None:
    with shop(FAST) as here:
        here.here.up()
        here.ask("buy", "1", item="x", die="refund", fail="ship")
        assert here.answer()["error"]["step"] == "ship"
        undone = ["refund", "refund?", "release"]
        assert here.acts() == ["check", "reserve", "charge", "ship", *undone]


@pytest.mark.parametrize("part", ["worker", "seat", "forker", "pool", "launcher", "store"])
def test_a_run_goes_on_whoever_of_its_service_is_killed(part: str) -> None:
    with shop(FAST) as here:
        process = here.here.up()
        here.ask("hold", "1", item="x")
        here.here.until(lambda: "wait" in here.acts(), "the run has come to its third step")
        workers = [worker for seat in seats(here) for worker in seat.children()]
        if part in ("worker", "seat"):
            for one in workers if part == "worker" else seats(here):
                one.send_signal(signal.SIGKILL)
        else:
            here.here.kill(part)
        if part not in ("launcher", "store"):  # which takes a moment: none goes on meanwhile
            here.here.until(lambda: not any(map(is_alive, workers)), "no worker is left")
        (here.here.folder / "release").touch()
        if part == "launcher":
            process.wait(40)
            here.here.up()
        assert here.answer()["result"] == {"order": "check|reserve|charge"}
        count = Counter(act.rstrip("?") for act in here.acts())
        assert (count["check"], count["reserve"], count["charge"]) == (1, 1, 1)
        here.here.until(lambda: not here.journals(), "no journal is left")


def seats(here: ShopHere) -> list[psutil.Process]:
    return psutil.Process(here.here.pid_of("forker")).children()


def is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_eight_workers_run_eight_programs_at_once() -> None:
    with shop("workers: {hot: 8, max: 8}") as here:
        here.here.up()
        for n in range(8):
            here.ask("nap", str(n), item="same")
        for n in range(8):
            assert here.answer(str(n))["ok"]
        assert max(here.times("began")) < min(here.times("ended"))


def test_programs_with_the_same_lock_run_one_after_the_other() -> None:
    with shop("workers: {hot: 8, max: 8}") as here:
        here.here.up()
        for n in range(8):
            here.ask("nap_alone", str(n), item="same", seconds=0.2)
        here.ask("nap_alone", "other", item="another", seconds=0.2)
        for n in range(8):
            assert here.answer(str(n))["ok"]
        began, ended = sorted(here.times("began")), sorted(here.times("ended"))
        overlaps = [n for n in range(8) if began[n + 1] < ended[n]]
        assert len(overlaps) <= 2  # the other one, with whom it overlaps
        assert began[8] - began[0] >= 7 * 0.2


def test_a_half_undone_run_is_parked_seen_and_gone_on_with_by_hand() -> None:
    with shop(FAST, release={"entry": "stubborn"}) as here:
        shelf = here.here.folder / "app" / "shop.py"
        shelf.write_text(
            shelf.read_text()
            + "\n\ndef stubborn(message, results):\n"
            + "    note('release', message, results)\n"
            + "    if not os.path.exists('mended'):\n"
            + "        raise ValueError('stuck')\n"
        )
        here.here.up()
        here.ask("buy", "1", item="x", fail="ship")
        answer = here.answer()
        assert (answer["error"]["step"], answer["left"]) == ("ship", ["release (of reserve)"])
        (parked,) = said(here, "dead", "work")
        assert parked["left"] == ["release (of reserve)"]
        assert "half undone" in parked["error"]
        assert said(here, "status", "work")[0]["half_done"] == 1
        (here.here.folder / "mended").touch()
        (here.here.folder / "notes").unlink()
        words = [*BOTCANNON, "retry", "work", "all"]
        subprocess.run(words, cwd=here.here.folder, env=environment(), check=True, timeout=60)
        assert "left" not in here.answer()
        done = ["check", "reserve", "charge", "ship", "refund"]
        assert here.acts() == [*done, "release", "release", "release"]
        here.here.until(lambda: not here.journals(), "no journal is left")
        assert said(here, "status", "work")[0]["half_done"] == 0
