"""What each worker inherits of its forker it pays for: modules that are not needed are not imported."""

import subprocess
import sys
from pathlib import Path

import pytest

from botcannon_core.compose.plan import packed, plan_of
from botcannon_core.compose.spec import ClassSpec, ServiceSpec

HEAVY = {
    *("ast", "collections", "contextlib", "copy", "dataclasses", "enum", "functools"),
    *("importlib.util", "inspect", "json", "linecache", "pathlib", "pickle", "re", "selectors"),
    *("signal", "socket", "string", "textwrap", "traceback", "typing", "warnings", "weakref"),
}


def brought_by(code: str) -> set[str]:
    """The modules that a new interpreter has when it has run this, and had not before."""
    told = f"import sys; before = set(sys.modules)\n{code}\nprint(*sys.modules.keys() - before)"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "module",
    [
        *("errors", "message", "notation", "raised"),
        *("cannon.chain", "cannon.frames", "cannon.orders", "cannon.process"),
    ],
)
def test_what_every_worker_needs_brings_nothing_heavy(module: str) -> None:
    brought = brought_by(f"import botcannon_core.{module}")
    assert f"botcannon_core.{module}" in brought
    assert brought & HEAVY == set()


FAILING = """
from botcannon_core.cannon import chain
from botcannon_core.message import Message

class Fails:
    def task(self, message, results):
        {}[5]

def ended(*tasks):
    return chain.run(tasks, Message({}))

assert "KeyError: 5" in ended(Fails()).trace
assert "returned a value of type int" in ended(type("Five", (), {"task": lambda *_: 5})()).error
assert ended(type("Number", (), {"task": lambda *_: {"n": 5.5}})()).results == {"n": "5.5"}
"""


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="Python prints no traceback without more")
def test_a_worker_that_fails_need_not_import_more() -> None:
    """It would do so for each message anew."""
    assert brought_by(FAILING) & HEAVY == set()


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


def test_a_forker_of_plain_tasks_brings_nothing_heavy(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "work.py").write_text(
        "class Work:\n    def __init__(self, size=1): pass\n    def task(self, message, results): pass\n"
    )
    task = ClassSpec("task", "work", "Work", kwargs={"size": 3})
    told = packed(plan_of(ServiceSpec("s", task, None, (task,)), str(tmp_path)))
    code = (
        "import os; from botcannon_core.compose.plan import unpacked;"
        f"os.chdir({str(tmp_path)!r});"
        "from botcannon_core.cannon.forker import Forker, main;"
        f"import _socket; forker = Forker(unpacked({told!r}), _socket.socketpair()[0], -1);"
        "assert forker._chain.makers and forker._chain.plan.has_seats"
    )
    brought = brought_by(code)
    assert {"app.work", "botcannon_core.cannon.single"} <= brought
    assert brought & HEAVY == set()
