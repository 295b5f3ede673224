"""What `start`, `stop` and `restart` say of services under a running `up`, with real processes."""

import json
import subprocess
from collections.abc import Iterator

import pytest

from botcannon_core.cannon.life import is_running
from tests.story.cannon_here import BOTCANNON, PATIENCE, Project, environment, project

pytestmark = pytest.mark.story

SERVICE = """
collector: {file: feed, entry: Feed}
tasks: [{file: work, entry: Work}]
"""


@pytest.fixture
def here() -> Iterator[Project]:
    with project(SERVICE) as made:
        made.up()
        said = ""
        while "ready" not in said:
            said = order(made, "ps").stdout
        yield made


def order(here: Project, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*BOTCANNON, *words],
        cwd=here.folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def test_a_service_is_stopped_and_started_and_runs_new_code(here: Project) -> None:
    stopped = order(here, "stop", "work")
    assert (stopped.stdout, stopped.returncode) == ("work: exited\n", 0)
    (here.folder / "app" / "work.py").write_text(
        "class Work:\n    def task(self, message, results):\n        return {'new': '1'}\n"
    )
    assert order(here, "start", "work").returncode == 0
    here.feed({"n": "1"})
    here.until(lambda: here.answers().get("1", {}).get("new") == "1", "the new code answers")


def test_a_restart_into_code_that_fails_says_so(here: Project) -> None:
    (here.folder / "app" / "work.py").write_text("class Work:\n    pass\n\nraise ValueError\n")
    restarted = order(here, "restart")
    # the launcher, with nothing left to run, may be gone before it is asked
    assert restarted.stdout in ("work: failed\n", "work: ended\n")
    assert restarted.returncode == 1
    assert here.code() == 1


SILENT = """
collector: {file: timer, entry: Timer, conf: {kwargs: {every: 1h}}}
tasks: [{file: work, entry: Work}]
"""


def test_an_up_of_services_that_say_nothing_says_that_they_are_up_and_how_to_go_on() -> None:
    with project(SILENT) as made:
        started = made.up()
        made.until(lambda: made.text, "it says something")
        assert json.loads(order(made, "ps", "--format=json").stdout)[0]["state"] == "ready"
        ended = order(made, "down").stdout
        assert ended == f"ended: work (process {started.pid})\n"
        assert made.code() == 0
        assert made.text == (
            f"botcannon    | up: work (process {started.pid}); Ctrl-C or `botcannon down` ends it, "
            "`botcannon status` and `botcannon ps` tell more\n"
        )


def test_an_up_whose_service_fails_at_once_does_not_say_that_it_is_up() -> None:
    with project(SILENT) as made:
        (made.folder / "app" / "work.py").write_text(
            "class Work:\n"
            "    def __init__(self):\n        raise ValueError\n\n"
            "    def task(self, message, results): ...\n"
        )
        made.up()
        assert made.code() == 1
        assert "the service fails" in made.text
        assert " up: " not in made.text


def killed(here: Project) -> None:
    """Kill the launcher of a project, and see it gone."""
    assert here.process is not None
    here.process.kill()
    here.code()


def test_down_waits_for_what_a_killed_up_has_left_at_work(here: Project) -> None:
    here.feed({"n": "1", "do": "slow"})
    here.until(lambda: here.tries("1"), "it runs")
    pool = here.pid_of("pool")
    killed(here)
    down = subprocess.Popen(
        [*BOTCANNON, "down"],
        cwd=here.folder,
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert down.stdout
    first = next(line for line in down.stdout if ".pool" in line)
    assert (
        first == f"work.pool (process {pool}), whose `up` was killed, finishes what it has begun\n"
    )
    (here.folder / "release").touch()
    assert f"ended: work.pool (process {pool})\n" in down.communicate(timeout=PATIENCE)[0]
    told = order(here, "tail", "work", "--channel=taskback", "--format=json").stdout
    assert '"_outcome": "done"' in told
    assert order(here, "down").stdout == "nothing is up in this folder\n"


STUCK = """
import time


class Feed:
    def read(self):
        open("stuck", "w").close()
        time.sleep(1000)
"""
AT_ONCE = """
from botcannon_core.cli import running

running.GRACE_SECONDS = 0
running.down()
"""


def test_down_ends_a_collector_that_hears_nothing_and_whose_up_was_killed() -> None:
    with project(SERVICE) as made:
        (made.folder / "app" / "feed.py").write_text(STUCK)
        made.up()
        made.until((made.folder / "stuck").exists, "it reads")
        intake = made.pid_of("intake")
        killed(made)
        down = subprocess.run(
            [BOTCANNON[0], "-c", AT_ONCE],
            cwd=made.folder,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=True,
        )
        assert down.stdout.splitlines()[-1] == f"ended: work.intake (process {intake})"
        assert not is_running(intake)


def test_down_says_nothing_of_the_children_of_an_up_that_ended_well(here: Project) -> None:
    assert order(here, "down").stdout.count("\n") == 1
    assert order(here, "down").stdout == "nothing is up in this folder\n"
