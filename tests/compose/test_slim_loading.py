"""What finding and building a plain class imports: next to nothing, as each fork of it would pay."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_house import HOUSE

# Each of these takes 0.1 to 1 MB of a forker, or brings one that does.
HEAVY = {
    *("ast", "collections", "contextlib", "copy", "dataclasses", "dis", "enum", "functools"),
    *("importlib", "inspect", "json", "linecache", "operator", "pathlib", "pickle", "re"),
    *("selectors", "signal", "socket", "string", "textwrap", "tokenize", "traceback", "types"),
    *("typing", "warnings", "weakref"),
}

BUILD = """
import sys

front_door = sys.modules["botcannon_core"] = type(sys)("botcannon_core")
front_door.__path__ = [{house!r}]  # what it shows to authors is not looked at here
before = set(sys.modules)

from botcannon_core.compose.loading import recipe

class Text(str):
    "As a secret is, once it is found."

class One:
    role, file, entry, kwargs = {role!r}, "bot", {entry!r}, {kwargs}

built = recipe(One())({{"ledger": lambda: "L"}})
print(*sorted(sys.modules.keys() - before))
print(built.task("m", {{}}))
"""

BOT = """
class Base:
    def __init__(self, ledger, size=1):
        self.has = ledger, size


class Plain:
    def __init__(self, name: str = "", size: int | None = None, every: "float | None" = None, free=None):
        pass

    def task(self, message, results):
        return message


class Asks(Base):
    def task(self, message, results):
        return self.has


class Lists:
    def __init__(self, at: "list[int]"):
        self.at = at

    def task(self, message, results):
        return self.at


def function(message, results, ledger=None):
    return ledger
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "bot.py").write_text(BOT)
    return tmp_path


def built(project: Path, entry: str, kwargs: str = "None") -> tuple[set[str], str]:
    """What is imported to build the task, in an interpreter without `site`, and what it returns."""
    code = BUILD.format(house=str(HOUSE), role="task", entry=entry, kwargs=kwargs)
    ended = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code],
        cwd=project,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    loaded, returned = ended.stdout.splitlines()
    return set(loaded.split()), returned


@pytest.mark.parametrize(
    ("entry", "returned"), [("Plain", "m"), ("Asks", "('L', 1)"), ("function", "L")]
)
def test_a_plain_task_is_found_and_built_with_nothing_heavy(
    project: Path, entry: str, returned: str
) -> None:
    loaded, said = built(project, entry)
    assert said == returned
    assert {"app.bot", "botcannon_core.compose.loading"} <= loaded
    assert loaded & HEAVY == set()


def test_kwargs_of_plain_types_import_nothing_heavy(project: Path) -> None:
    given = "{'name': Text('x'), 'size': 1, 'every': 1.5, 'free': [{}]}"
    loaded, said = built(project, "Plain", given)
    assert (said, loaded & HEAVY) == ("m", set())


def test_kwargs_of_other_types_import_the_type_language(project: Path) -> None:
    loaded, said = built(project, "Lists", "{'at': [1]}")
    assert said == "[1]"
    assert "botcannon_core.contract.classes" in loaded
