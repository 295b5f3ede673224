"""What `start`, `stop` and `restart` say of services under a running `up`, with real processes."""

import subprocess
from collections.abc import Iterator

import pytest

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
