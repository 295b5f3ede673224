"""The verbs that show what goes by: logs and tail. Following is told in tests/story."""

import json

import pytest

from tests.cli.project_here import ProjectHere


@pytest.fixture
def logged(project: ProjectHere) -> ProjectHere:
    """Two services that have said something, in turns."""
    for entry, service, part, text in (
        ("1-0", "work", "pool", "started"),
        ("2-0", "bare", "intake", "reading"),
        ("3-0", "work", "worker-1", "two\nlines"),
    ):
        said = {"part": part, "level": "output", "text": text}
        project.add("log", said, service, entry)
    trace = {"part": "pool", "level": "error", "text": "[ab12cd] it\n  trace", "error_id": "ab12cd"}
    project.add("log", trace)
    return project


def test_logs_are_merged_by_time_with_a_name_before_each_line(logged: ProjectHere) -> None:
    lines = logged("logs").out.splitlines()
    assert [[part.strip() for part in line.split("|")] for line in lines] == [
        ["work.pool", "started"],
        ["bare.intake", "reading"],
        ["work.worker-1", "two"],
        ["work.worker-1", "lines"],
        ["work.pool", "[ab12cd] it"],
        ["work.pool", "trace"],
    ]
    assert len({line.index("|") for line in lines}) == 1


def test_logs_of_one_service_and_of_the_last_lines(logged: ProjectHere) -> None:
    assert logged("logs", "bare").out == "bare.intake   | reading\n"
    assert len(logged("logs", "-n1").out.splitlines()) == 2
    assert logged("logs", "-n0").out == ""


def test_logs_find_an_error_by_its_id(logged: ProjectHere) -> None:
    lines = logged("logs", "--id=ab12cd").out.splitlines()
    assert [line.split(" | ")[1] for line in lines] == ["[ab12cd] it", "  trace"]
    said = logged("logs", "--id=nope00")
    assert (said.code, said.out) == (2, "")
    assert "nope00" in said.err


def test_logs_in_a_pipe_have_no_escape_sequences(project: ProjectHere) -> None:
    project.add("log", {"part": "pool", "text": "\x1b[31mred\x1b[0m \x1b]0;title\x07end\x07"})
    assert project("logs", "work").out.endswith("| red end\n")


def test_logs_on_a_terminal_have_one_colour_a_service(
    logged: ProjectHere, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("botcannon_core.cli.reading.is_coloured", lambda: True)
    lines = logged("logs").out.splitlines()
    colours = {line.split(".")[0] for line in lines}
    assert len(colours) == 2
    assert all(colour.startswith("\x1b[") for colour in colours)
    assert lines[0].endswith("|\x1b[0m started")


def test_logs_can_show_their_times(logged: ProjectHere) -> None:
    line = logged("logs", "bare", "-t").out
    assert line[4] == line[7] == "-"
    assert line.endswith("bare.intake   | reading\n")


def test_tail_shows_the_newest_messages_with_their_fields(project: ProjectHere) -> None:
    for number in range(12):
        last = project.add("data", {"n": str(number), "text": 'say "hi"', "_from": "h:1:1"})
    lines = project("tail", "work").out.splitlines()
    assert len(lines) == 10
    assert lines[-1].endswith(f'{last} n=11 text="say \\"hi\\"" _from=h:1:1')
    assert len(project("tail", "work", "-n", "2").out.splitlines()) == 2


@pytest.mark.parametrize("channel", ["data", "taskback", "log", "dead"])
def test_tail_looks_into_any_channel(project: ProjectHere, channel: str) -> None:
    entry = project.add(channel, {"text": f"in {channel}"})
    said = project("tail", "work", f"--channel={channel}", "--format=json")
    (line,) = said.out.splitlines()
    assert json.loads(line) == {
        "id": entry,
        "time": int(entry.partition("-")[0]) / 1000,
        "fields": {"text": f"in {channel}"},
    }


def test_tail_of_an_unknown_channel_is_refused(project: ProjectHere) -> None:
    said = project("tail", "work", "--channel=dta")
    assert said.code == 2
    assert "data" in said.err
