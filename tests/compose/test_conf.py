"""The rules by which kwargs are found."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from botcannon_core.compose.conf import Resolved, keys, resolve, shown, variable
from botcannon_core.compose.reader import read
from botcannon_core.compose.spec import ComposeSpec, Hidden


@dataclass
class FakePerson:
    """Somebody at a terminal who knows some secrets and counts how often they are asked."""

    knows: Mapping[tuple[str, str], str] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)

    def __call__(self, key: str, name: str) -> str | None:
        self.asked.append((key, name))
        return self.knows.get((key, name))


def spec(folder: Path, **confs: str) -> ComposeSpec:
    """Services of one collector each, whose `conf` is the text given."""
    lines = [f"  {n}: {{collector: {{file: x, entry: X, conf: {c}}}}}\n" for n, c in confs.items()]
    path = folder / "f.yml"
    path.write_text("services:\n" + "".join(lines))
    return read(path).spec


def found(
    compose: ComposeSpec,
    stored: Mapping[str, Mapping[str, Any]] | None = None,
    person: FakePerson | None = None,
    environ: Mapping[str, str] | None = None,
) -> Resolved:
    return resolve(
        compose, list(compose.services), stored or {}, person or FakePerson(), environ or {}
    )


def kwargs(resolved: Resolved, service: str) -> Any:
    return resolved.spec.services[service].collector.kwargs


def test_kwargs_without_a_key_stay_as_they_are(tmp_path: Path) -> None:
    resolved = found(spec(tmp_path, a="{kwargs: {n: 1}}", b="{}"))
    assert (kwargs(resolved, "a"), kwargs(resolved, "b")) == ({"n": 1}, {})
    assert (resolved.problems, resolved.to_store) == ((), {})


@pytest.mark.parametrize("order", [("a", "b"), ("b", "a")])
def test_a_key_alone_takes_the_kwargs_given_elsewhere(
    tmp_path: Path, order: tuple[str, str]
) -> None:
    confs = {"a": "{key: k, kwargs: {n: 1}}", "b": "{key: k}"}
    resolved = found(spec(tmp_path, **{name: confs[name] for name in order}))
    assert kwargs(resolved, "b") == {"n": 1}
    assert resolved.to_store == {"k": {"n": 1}}


def test_a_key_alone_takes_kwargs_of_a_service_that_is_not_started(tmp_path: Path) -> None:
    compose = spec(tmp_path, a="{key: k, kwargs: {n: 1}}", b="{key: k}")
    resolved = resolve(compose, ["b"], {}, FakePerson(), {})
    assert kwargs(resolved, "b") == {"n": 1}


def test_a_key_alone_takes_sound_kwargs_of_a_broken_service(tmp_path: Path) -> None:
    path = tmp_path / "f.yml"
    path.write_text(
        "services:\n"
        "  a: {collector: {file: x, entry: X, conf: {key: k, kwargs: {n: 1}}}, odd: 1}\n"
        "  b: {collector: {file: x, entry: X, conf: {key: k}}}\n"
    )
    reading = read(path)
    assert list(reading.spec.services) == ["b"]
    assert kwargs(found(reading.spec), "b") == {"n": 1}


def test_kwargs_with_a_problem_in_them_are_not_taken_by_others(tmp_path: Path) -> None:
    path = tmp_path / "f.yml"
    path.write_text(
        "services:\n"
        "  a: {collector: {file: x, entry: X, conf: {key: k, kwargs: {n: !odd 1}}}}\n"
        "  b: {collector: {file: x, entry: X, conf: {key: k}}}\n"
    )
    (problem,) = found(read(path).spec).problems
    assert (problem.line, problem.path) == (3, "services.b.collector.conf.key")


def test_the_store_is_asked_when_the_file_has_none(tmp_path: Path) -> None:
    resolved = found(spec(tmp_path, a="{key: k}"), stored={"k": {"n": 2}})
    assert kwargs(resolved, "a") == {"n": 2}
    assert resolved.to_store == {}


def test_the_file_wins_over_the_store(tmp_path: Path) -> None:
    resolved = found(spec(tmp_path, a="{key: k, kwargs: {n: 1}}"), stored={"k": {"n": 2, "m": 3}})
    assert kwargs(resolved, "a") == {"n": 1}


def test_a_key_found_nowhere_is_a_problem_at_its_line(tmp_path: Path) -> None:
    resolved = found(spec(tmp_path, a="{}", b="{key: k}"))
    (problem,) = resolved.problems
    assert (problem.line, problem.path) == (3, "services.b.collector.conf.key")
    assert kwargs(resolved, "b") is None


def test_two_different_kwargs_under_one_key_are_a_problem(tmp_path: Path) -> None:
    resolved = found(
        spec(tmp_path, a="{key: k, kwargs: {n: 1, m: 0}}", b="{key: k, kwargs: {n: 2, m: 0}}")
    )
    (problem,) = resolved.problems
    assert (problem.line, problem.path) == (3, "services.b.collector.conf.kwargs")
    assert "line 2 (n differ" in problem.text


def test_the_same_kwargs_twice_under_one_key_are_fine(tmp_path: Path) -> None:
    same = "{key: k, kwargs: {n: 1, s: !!SECRET!!}}"
    assert found(spec(tmp_path, a=same, b=same), stored={"k": {"s": "x"}}).problems == ()


SECRET = "{key: my-k, kwargs: {pass_word: !!SECRET!!, n: 1}}"


def test_a_secret_comes_from_the_environment_first(tmp_path: Path) -> None:
    person = FakePerson()
    environ = {"BOTCANNON_SECRET_MY_K_PASS_WORD": "from env"}
    stored = {"my-k": {"pass_word": "from store"}}
    resolved = found(spec(tmp_path, a=SECRET), stored, person, environ)
    assert kwargs(resolved, "a") == {"pass_word": "from env", "n": 1}
    assert person.asked == []


def test_a_secret_comes_from_the_store_next(tmp_path: Path) -> None:
    person = FakePerson()
    environ = {"BOTCANNON_SECRET_MY_K_PASS_WORD": ""}
    stored = {"my-k": {"pass_word": "from store"}}
    resolved = found(spec(tmp_path, a=SECRET), stored, person, environ)
    assert kwargs(resolved, "a")["pass_word"] == "from store"
    assert person.asked == []


def test_a_secret_is_asked_for_once_however_many_use_it(tmp_path: Path) -> None:
    person = FakePerson({("my-k", "pass_word"): "typed"})
    resolved = found(spec(tmp_path, a=SECRET, b="{key: my-k}", c=SECRET), person=person)
    assert [kwargs(resolved, name)["pass_word"] for name in "abc"] == ["typed"] * 3
    assert person.asked == [("my-k", "pass_word")]
    assert resolved.problems == ()


def test_a_secret_found_nowhere_names_its_variable_once(tmp_path: Path) -> None:
    resolved = found(spec(tmp_path, a=SECRET, b="{key: my-k}"))
    (problem,) = resolved.problems
    assert "BOTCANNON_SECRET_MY_K_PASS_WORD" in problem.text
    assert (problem.line, problem.path) == (2, "services.a.collector.conf.kwargs.pass_word")
    assert resolved.to_store == {}


def test_a_found_secret_is_marked_for_the_store_and_for_the_logs(tmp_path: Path) -> None:
    person = FakePerson({("my-k", "pass_word"): "hunter2"})
    resolved = found(spec(tmp_path, a=SECRET, b="{kwargs: {n: 1}}"), person=person)
    assert isinstance(resolved.to_store["my-k"]["pass_word"], Hidden)
    assert resolved.spec.services["a"].hidden == {"hunter2"}
    assert resolved.spec.services["b"].hidden == frozenset()


def test_a_stored_secret_stays_one_under_a_key_alone(tmp_path: Path) -> None:
    resolved = found(spec(tmp_path, a="{key: k}"), stored={"k": {"p": Hidden("hunter2")}})
    assert resolved.spec.services["a"].hidden == {"hunter2"}
    assert "hunter2" not in repr(resolved)


def test_a_found_secret_is_never_shown(tmp_path: Path) -> None:
    person = FakePerson({("my-k", "pass_word"): "hunter2"})
    resolved = found(spec(tmp_path, a=SECRET), person=person)
    assert "hunter2" not in repr(resolved)
    assert shown(resolved.spec.services["a"].collector) == {"pass_word": "***", "n": 1}


def test_the_keys_to_ask_the_store_for_are_named_once(tmp_path: Path) -> None:
    compose = spec(tmp_path, a="{key: k}", b="{key: k}", c="{key: j, kwargs: {}}", d="{}")
    assert keys(compose, compose.services) == ("j", "k")


def test_a_variable_is_upper_case_and_plain() -> None:
    assert variable("my-key.ü", "aB1") == "BOTCANNON_SECRET_MY_KEY___AB1"
