"""Whatever is done to a project's files, each mistake is told at its place, and nothing is raised."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from botcannon_core.cannon.check import check
from botcannon_core.compose.conf import resolve
from botcannon_core.compose.reader import read
from botcannon_core.errors import Problem
from tests.compose import broken

CASES = list(broken.cases())


def problems_of(case: broken.Case, folder: Path, timeout: float = 5.0) -> list[Problem]:
    """What is wrong with a project, as `up` would tell it."""
    reading = read(case.lay_out(folder))
    services = list(reading.spec.services)
    resolved = resolve(reading.spec, services, {}, lambda _key, _name: None, environ={})
    checked = check(resolved.spec, services, timeout, project=folder)
    return [*reading.problems, *resolved.problems, *checked.problems]


def assert_located(problems: list[Problem]) -> None:
    for one in problems:
        assert one.file
        assert one.line > 0
        assert one.text == one.text.strip() != ""
        assert str(one).isprintable(), str(one)
        assert "Traceback" not in one.text


def test_there_are_some_hundred_kinds_of_broken_projects() -> None:
    assert len({case.name for case in CASES}) == len(CASES) >= 200
    assert len({(case.compose, tuple(case.app.items())) for case in CASES}) >= len(CASES) - 5


def test_the_project_they_are_made_of_is_good(tmp_path: Path) -> None:
    assert problems_of(broken.good(), tmp_path) == []


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_a_broken_project_is_told_at_its_place(case: broken.Case, tmp_path: Path) -> None:
    found = problems_of(case, tmp_path, timeout=0.3 if case.slow else 5.0)
    assert found
    assert_located(found)


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.dates()
    | st.binary(max_size=5)
    | st.text(max_size=8)
    | st.sampled_from(["!!SECRET!!", "10ms", "door", "Door", "<<", "*a"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)
PATHS = st.sampled_from(list(broken.paths(broken.COMPOSE)))


@st.composite
def texts(draw: st.DrawFn) -> bytes:
    """A good compose file with one thing changed in its tree and some in its text."""
    path: Any = draw(PATHS)
    text = broken.dumped(broken.replaced(path, draw(VALUES)))
    for _ in range(draw(st.integers(0, 3))):
        start = draw(st.integers(0, len(text)))
        end = draw(st.integers(start, min(len(text), start + 20)))
        new = draw(
            st.binary(max_size=4)
            | st.text("\t\n :-[]{}*&!|>'\"%@`,?#<", max_size=4).map(str.encode)
        )
        text = text[:start] + new + text[end:]
    return text


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(texts())
def test_no_compose_file_whatsoever_makes_the_reader_raise(text: bytes) -> None:
    with TemporaryDirectory() as folder:
        reading = read(broken.Case("any", text).lay_out(Path(folder)))
    assert_located(list(reading.problems))
    assert not reading.spec.services.keys() & reading.broken.keys()
    assert reading.spec.services or reading.problems
    assert {p for found in reading.broken.values() for p in found} <= set(reading.problems)
    services = list(reading.spec.services)
    resolve(reading.spec, services, {}, lambda _key, _name: None, environ={})
