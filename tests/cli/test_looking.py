"""The verbs that show rows: ps, ls, status, pending, dead."""

import pytest

from tests.cli.project_here import BROKEN, COMPOSE, ProjectHere


@pytest.mark.parametrize("words", [("ps",), ("ls",), ("status",), ("pending", "work")])
def test_without_a_compose_file_there_is_one_clear_line(
    project: ProjectHere, words: tuple[str, ...]
) -> None:
    (project.folder / "cannon-compose.yml").unlink()
    said = project(*words)
    assert (said.code, said.out) == (2, "")
    assert "cannon-compose.yml" in said.err
    assert len(said.err.splitlines()) == 1


@pytest.mark.parametrize(
    "words",
    [("ps", "wrok"), ("status", "wrok"), ("pending", "wrok"), ("dead", "wrok")],
)
def test_an_unknown_service_is_refused_with_a_suggestion(
    project: ProjectHere, words: tuple[str, ...]
) -> None:
    said = project(*words)
    assert (said.code, said.out) == (2, "")
    assert "did you mean 'work'" in said.err


@pytest.mark.parametrize("words", [("ps",), ("status",), ("pending", "work"), ("dead", "work")])
def test_a_store_out_of_reach_is_exit_code_3(
    project: ProjectHere, words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOTCANNON_STORE", f"unix://{project.folder}/no.sock")
    said = project(*words)
    assert (said.code, said.out) == (3, "")
    assert "no.sock" in said.err


# --- ps


def test_ps_shows_the_processes_of_every_host(project: ProjectHere) -> None:
    project.announce(("service", "ready"), ("intake", "running"), ("pool", "ready"))
    project.announce(("pool", "ready"), host="other")
    assert [row[:5] for row in project("ps").rows] == [
        ["work", "launcher", "h", "1", "ready"],
        ["work", "intake", "h", "2", "running"],
        ["work", "pool", "h", "3", "ready"],
        ["work", "pool", "other", "1", "ready"],
    ]


def test_ps_of_one_service_leaves_the_others_out(project: ProjectHere) -> None:
    project.announce(("service", "ready"))
    project.announce(("service", "ready"), service="bare")
    assert [row["service"] for row in project("ps", "bare", "--format=json").json] == ["bare"]


def test_ps_says_that_nothing_is_up(project: ProjectHere) -> None:
    assert project("ps").out == "nothing is up\n"
    assert project("ps", "--format=json").json == []


# --- ls


def test_ls_shows_what_is_declared_and_what_runs(project: ProjectHere) -> None:
    project.announce(("service", "ready"), ("intake", "running"))
    assert project("ls", "--format=json").json == [
        {
            "service": "work",
            "collector": "bot.Quiet",
            "shell": "bot.Shell",
            "tasks": ["bot.Work"],
            "state": "ready",
            "problem": None,
        },
        {
            "service": "bare",
            "collector": "bot.Quiet",
            "shell": None,
            "tasks": [],
            "state": None,
            "problem": None,
        },
    ]


def test_ls_shows_a_broken_service_beside_the_others(project: ProjectHere) -> None:
    project.write("cannon-compose.yml", COMPOSE + BROKEN)
    said = project("ls")
    assert said.code == 0
    assert [row[:2] for row in said.rows] == [["work", "-"], ["bare", "-"], ["bad", "broken"]]
    assert "cannon-compose.yml:11: services.bad.collector: lacks the key 'entry'" in said.out


def test_ls_shows_no_secret(project: ProjectHere) -> None:
    assert "s3cr3t" not in project("ls", "--format=json").out


def test_ls_without_a_store_shows_what_is_declared_and_says_what_is_missing(
    project: ProjectHere, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOTCANNON_STORE", f"unix://{project.folder}/no.sock")
    said = project("ls")
    assert said.code == 3
    assert [row[0] for row in said.rows] == ["work", "bare"]
    assert "no.sock" in said.err


# --- status


def test_status_counts_what_waits_runs_and_ended(project: ProjectHere) -> None:
    for number in range(5):
        project.add("data", {"n": str(number)})
    project.redis.xgroup_create(project.keys.data, "pool", "0")
    project.redis.xreadgroup("pool", "h:9:1", {project.keys.data: ">"}, count=2)
    counts = {"stored": 7, "done": 1, "skipped": 2, "parked": 3}
    counts |= {"repeats": 6, "disruptions": 4, "turned_away": 5}
    project.redis.hset(project.keys.key("counts"), mapping=counts)
    project.redis.set(project.keys.key("lease"), "h:12:1700000000")
    project.parked("boom", "abc123")
    project.add("taskback", {"_id": "1-0"})
    (row,) = project("status", "work", "--format=json").json
    assert row == counts | {
        "service": "work",
        "backlog": 3,
        "in_flight": 2,
        "dead": 1,
        "half_done": 0,
        "taskbacks": 1,
        "collector": "h:12",
        "stored_per_second": 0.0,
        "ended_per_second": 0.0,
    }


def test_status_says_how_its_rates_were_measured(project: ProjectHere) -> None:
    assert project("status").out.endswith("measured over 1 s\n")


# --- pending and dead


def test_pending_shows_who_holds_what_and_how_often_it_was_tried(project: ProjectHere) -> None:
    first, second = (project.add("data", {"text": text}) for text in ("one", "two"))
    project.redis.xgroup_create(project.keys.data, "pool", "0")
    project.redis.xreadgroup("pool", "h:9:1", {project.keys.data: ">"})
    project.redis.hset(project.keys.key("tries"), first, 2)
    rows = project("pending", "work", "--format=json").json
    assert [(r["id"], r["state"], r["held_by"], r["tries"]) for r in rows] == [
        (first, "running", "h:9", 2),
        (second, "waiting", "h:9", 0),
    ]
    assert "text=one" in project("pending", "work").out


def test_nothing_pending_is_said(project: ProjectHere) -> None:
    assert project("pending", "work").out == "nothing is in flight\n"
    assert project("pending", "work", "--format=json").json == []


def test_dead_shows_why_with_the_newest_first(project: ProjectHere) -> None:
    project.parked("one", "aaaaaa")
    project.parked("two", "bbbbbb", _what="taskback")
    rows = project("dead", "work", "--format=json").json
    assert [(r["error_id"], r["what"], r["tries"], r["fields"]) for r in rows] == [
        ("bbbbbb", "taskback", 3, {"text": "two"}),
        ("aaaaaa", "message", 3, {"text": "one"}),
    ]
    assert "ValueError: one" in project("dead", "work").out


def test_what_lies_in_a_broken_service_can_be_seen(project: ProjectHere) -> None:
    project.write("cannon-compose.yml", COMPOSE + BROKEN)
    project.add("dead", {"text": "x", "_error": "boom"}, service="bad")
    assert "boom" in project("dead", "bad").out
