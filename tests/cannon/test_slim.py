"""What each worker inherits of its forker it pays for: modules that are not needed are not imported."""

import subprocess
import sys

import pytest

HEAVY = {
    *("ast", "collections", "contextlib", "copy", "dataclasses", "enum", "functools"),
    *("importlib.util", "inspect", "json", "linecache", "pathlib", "pickle", "re", "selectors"),
    *("signal", "socket", "string", "textwrap", "traceback", "typing", "warnings", "weakref"),
}


def brought_by(code: str) -> set[str]:
    """The modules that a new interpreter has when it has run this, and had not before."""
    told = f"import sys; before = set(sys.modules); {code}; print(*sys.modules.keys() - before)"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "module",
    [
        *("errors", "message", "notation", "raised"),
        *("cannon.frames", "cannon.orders", "cannon.process"),
    ],
)
def test_what_every_worker_needs_brings_nothing_heavy(module: str) -> None:
    brought = brought_by(f"import botcannon_core.{module}")
    assert f"botcannon_core.{module}" in brought
    assert brought & HEAVY == set()


def test_what_an_author_imports_first_brings_nothing_heavy() -> None:
    brought = brought_by("from botcannon_core import Halt, Message, Park, Retry, Skip")
    assert brought & HEAVY == set()


def test_all_of_the_front_door_is_there_when_it_is_asked_for() -> None:
    import botcannon_core
    from botcannon_core import file, roles

    assert all(getattr(botcannon_core, name) for name in botcannon_core.__all__)
    assert (botcannon_core.Collector, botcannon_core.Task) == (roles.Collector, roles.Task)
    assert botcannon_core.File is file.File
    with pytest.raises(AttributeError, match="module 'botcannon_core' has no attribute 'Tusk'"):
        botcannon_core.Tusk  # type: ignore[attr-defined]  # noqa: B018
