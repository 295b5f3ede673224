"""Which rows there are, how they are chosen, and who the peers are."""

import re
from pathlib import Path

import pytest

from benchmarks.__main__ import main
from benchmarks.peers import measured
from benchmarks.peers.known import PEERS, Peer
from benchmarks.rows import Row, chosen, rows
from benchmarks.setting import quick
from benchmarks.tables import goals
from tests.benchmarks.made_up import session

NAMES = [row.name for row in rows()]
each_peer = pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.name)


def names(*only: str) -> list[str]:
    return [row.name for row in chosen(rows(), only)]


def test_no_two_rows_have_one_name() -> None:
    assert len(NAMES) == len(set(NAMES))


def test_without_a_word_all_are_chosen() -> None:
    assert names() == NAMES


def test_a_subject_means_all_its_rows_and_no_other_one() -> None:
    assert names("rq") == ["rq:rate", "rq:latency", "rq:memory"]


def test_botcannon_means_all_of_ours() -> None:
    assert names("botcannon") == [name for name in NAMES if name.startswith("botcannon")]


def test_an_aspect_may_stand_alone() -> None:
    assert len(names(":rate")) == len(PEERS) + 2


def test_one_row_may_be_named() -> None:
    assert names("botcannon:idle", "huey:rate") == ["huey:rate", "botcannon:idle"]


def test_a_word_that_names_nothing_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--only=hueey"]) == 2
    assert "nothing is named 'hueey'; there are huey, taskiq" in capsys.readouterr().err


def test_the_list_names_what_would_be_measured(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--only=celery"]) == 0
    assert capsys.readouterr().out.split() == ["celery:rate", "celery:latency", "celery:memory"]


def test_a_row_names_its_values(tmp_path: Path) -> None:
    assert Row("a:b", ("x", "y"), lambda _: (1.0, 2.0)).measure(quick(tmp_path, False)) == {
        "x": 1.0,
        "y": 2.0,
    }


def test_every_goal_reads_what_is_measured() -> None:
    """A session in which each row has its values has a figure for each goal."""
    full = session(*((row.name, 0, dict.fromkeys(row.names, 1.0)) for row in rows()))
    assert [goal.what for goal in goals() if not goal.found(full)] == []


@each_peer
def test_every_peer_has_its_job_and_is_pinned(peer: Peer) -> None:
    assert (measured.JOBS / f"{peer.job}.py").is_file()
    assert re.match(r"[\w\[\],-]+==\d", peer.packages[0])


@each_peer
def test_the_version_is_in_the_title(peer: Peer) -> None:
    assert peer.packages[0].partition("==")[2] in peer.title


@each_peer
def test_a_command_can_be_typed_again(peer: Peer) -> None:
    assert "{" not in peer.command
