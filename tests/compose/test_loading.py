import importlib
import itertools
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from botcannon_core.compose.fit import asks_for
from botcannon_core.compose.kwargs import fitting
from botcannon_core.compose.loading import build, load, module_name, recipe
from botcannon_core.compose.spec import ClassSpec, Hidden, Role
from botcannon_core.errors import ComposeError


@pytest.fixture(autouse=True)
def _own_imports() -> Iterator[None]:
    """Each test has an `app` and a search path of its own."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "app"]:
        del sys.modules[name]  # left by a test of something else
    path, modules = list(sys.path), dict(sys.modules)
    yield
    sys.path[:] = path
    for name in sys.modules.keys() - modules.keys():
        del sys.modules[name]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "app").mkdir()
    return tmp_path


def write(project: Path, name: str, text: str) -> None:
    path = project / "app" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def spec(file: str, entry: str = "X", role: Role = "task", **kwargs: Any) -> ClassSpec:
    return ClassSpec(role, file, entry, kwargs=kwargs)


def refusal(one: ClassSpec, project: Path) -> str:
    with pytest.raises(ComposeError) as caught:
        load(one, project)
    (problem,) = caught.value.problems
    return problem.text


def test_a_file_in_app_is_found_by_its_name(project: Path) -> None:
    write(project, "bot.py", "class X:\n    here = __name__\n")
    assert load(spec("bot"), project).here == "app.bot"


def test_a_file_in_a_folder_is_found_with_dots_without_any_init(project: Path) -> None:
    write(project, "hardware/sensors.py", "class X: pass\n")
    assert module_name(spec("hardware.sensors"), project) == "app.hardware.sensors"
    assert load(spec("hardware.sensors"), project).__module__ == "app.hardware.sensors"


def test_a_package_is_a_file_too(project: Path) -> None:
    write(project, "net/__init__.py", "class X: pass\n")
    assert load(spec("net"), project).__module__ == "app.net"


def test_app_may_be_a_package_of_its_own(project: Path) -> None:
    write(project, "__init__.py", "word = 'hello'\n")
    write(project, "bot.py", "from app import word\nclass X:\n    said = word\n")
    assert load(spec("bot"), project).said == "hello"


def test_a_built_in_is_found_by_the_same_name(project: Path) -> None:
    one = spec("timer", "Timer", "collector")
    assert module_name(one, project) == "botcannon_core.collectors.timer"


def test_a_user_can_shadow_a_built_in(project: Path) -> None:
    write(project, "timer.py", "class Timer: pass\n")
    assert module_name(spec("timer", "Timer", "collector"), project) == "app.timer"


def test_a_built_in_of_another_role_is_not_found(project: Path) -> None:
    assert "no 'timer.py' in app/ and no built-in" in refusal(spec("timer"), project)


def test_an_unknown_file_is_refused_with_a_suggestion(project: Path) -> None:
    write(project, "hardware/sensors.py", "")
    assert refusal(spec("hardware.sensor"), project) == (
        "no 'hardware/sensor.py' in app/ and no built-in of that name; "
        "did you mean 'hardware.sensors'?"
    )
    assert refusal(spec("timmer", role="collector"), project).endswith("did you mean 'timer'?")
    assert refusal(spec("x", role="shell"), project) == "no 'x.py' in app/"


def test_an_unknown_entry_is_refused_with_what_there_is(project: Path) -> None:
    write(project, "bot.py", "import os\nclass Alpha: pass\nclass _No: pass\n")
    assert refusal(spec("bot", "Alfa"), project) == (
        "no 'Alfa' in app/bot.py; did you mean 'Alpha'?"
    )
    assert refusal(spec("bot", "Zulu"), project) == "no 'Zulu' in app/bot.py; it has Alpha"


def test_a_module_is_imported_once(project: Path) -> None:
    write(project, "bot.py", "class X: pass\n")
    assert load(spec("bot"), project) is load(spec("bot"), project)


def test_the_app_folder_itself_is_not_searched(project: Path) -> None:
    """So `app/socket.py` shadows nothing."""
    write(project, "json.py", "class X: pass\n")
    write(project, "bot.py", "import json\nclass X:\n    text = json.dumps([1])\n")
    assert load(spec("bot"), project).text == "[1]"
    assert str(project / "app") not in sys.path
    assert sys.path.count(str(project)) == 1


def test_another_installed_app_does_not_win(project: Path, tmp_path: Path) -> None:
    other = tmp_path / "site"
    (other / "app").mkdir(parents=True)
    (other / "app" / "__init__.py").write_text("")
    (other / "app" / "bot.py").write_text("class X:\n    whose = 'theirs'\n")
    sys.path.insert(0, str(other))
    import app.bot  # type: ignore[import-untyped]  # noqa: F401 - made by this test

    write(project, "bot.py", "class X:\n    whose = 'ours'\n")
    assert load(spec("bot"), project).whose == "ours"


def test_a_class_is_built_with_kwargs_of_the_types_it_names(project: Path) -> None:
    text = (
        "class X:\n    def __init__(self, at: 'datetime', n: float, free): self.has = at, n, free\n"
    )
    write(project, "bot.py", "from datetime import datetime\n" + text)
    at, n, free = build(spec("bot", at="2024-12-31T23:59", n=1, free="2024"), {}, project).has
    assert (at.minute, type(n), free) == (59, float, "2024")


def test_a_file_is_found_that_came_when_the_folder_had_been_read(project: Path) -> None:
    write(project, "old.py", "")
    sys.path.insert(0, str(project))
    importlib.import_module("app.old")
    read_at = (project / "app").stat()
    for name in ("app", "app.old"):
        del sys.modules[name]
    write(project, "bot.py", "class X: pass\n")
    os.utime(project / "app", ns=(read_at.st_atime_ns, read_at.st_mtime_ns))  # as within one tick
    assert load(spec("bot"), project).__module__ == "app.bot"


SAID = [
    *("int", "str", "float", "bool", "'int'", "'str'", "'float'", "'bool'", "'Any'", "'date'"),
    *("int | None", "str | None", "'str | None'", "'int | None'", "'int|None'", "int | str | None"),
    *(
        "Optional[int]",
        "Union[int, str]",
        "Literal['2024']",
        "Annotated[int, 5]",
        "NewType('N', int)",
    ),
    *(
        "list",
        "list[int]",
        "'set[str]'",
        "date | None",
        "Any",
        "None",
        "mine",
        "'mine'",
        "'nowhere'",
    ),
]
VALUES = [5, True, 1.5, "2024-12-31", "", Hidden("5"), Hidden("yes"), None, ["a"], {"a": 1}]
TYPES = """
from datetime import date
from typing import Annotated, Any, Literal, NewType, Optional, Union

mine = float

class X:
    def __init__(self, value: SAID = DEFAULT, *, free = DEFAULT, **more: int):
        pass

class Inherits(X):
    pass

def function(message, results, *, value: SAID = DEFAULT, free):
    pass
"""


@pytest.mark.parametrize("first", ["", "int = str = float", "from __future__ import annotations"])
@pytest.mark.parametrize("default", ["None", "1"])
def test_a_kwarg_that_fits_at_a_glance_is_what_it_is_at_a_closer_look(
    project: Path, first: str, default: str
) -> None:
    for number, said in enumerate(SAID):
        text = first + TYPES.replace("SAID", said).replace("DEFAULT", default)
        write(project, f"bot{number}.py", text)
        for entry, value in itertools.product(("X", "Inherits", "function"), VALUES):
            one = spec(f"bot{number}", entry, value=value, free=value)
            looked_at = fitting(load(one, project), one.kwargs or {})
            for name, given in recipe(one, project).kwargs.items():
                wanted = looked_at[name]
                wanted = str(wanted) if isinstance(wanted, Hidden) else wanted
                assert (type(given), given) == (type(wanted), wanted), (said, entry, name)


def test_what_a_module_raises_comes_through(project: Path) -> None:
    write(project, "bot.py", "1 / 0\n")
    with pytest.raises(ZeroDivisionError):
        load(spec("bot"), project)


HANDY = """\
class X:
    def __init__(self, n, shell=None, *, ledger, **more):
        self.got = (n, shell, ledger, more)
"""


def test_a_class_gets_its_kwargs_and_the_handles_it_names(project: Path) -> None:
    write(project, "bot.py", HANDY)
    handles = {"shell": lambda: "S", "ledger": lambda: "L"}
    assert build(spec("bot", n=1, m=2), handles, project).got == (1, "S", "L", {"m": 2})


def test_kwargs_win_over_handles(project: Path) -> None:
    write(project, "bot.py", HANDY)
    handles = {"shell": lambda: "S", "ledger": lambda: pytest.fail("made though not wanted")}
    assert build(spec("bot", n=1, ledger="mine"), handles, project).got == (1, "S", "mine", {})


def test_a_handle_that_nobody_names_is_not_made(project: Path) -> None:
    write(project, "bot.py", "class X: pass\n")
    build(spec("bot"), {"ledger": lambda: pytest.fail("made though not wanted")}, project)


def test_a_class_gets_a_secret_as_plain_text(project: Path) -> None:
    write(project, "bot.py", "class X:\n    def __init__(self, p): self.p = p\n")
    built = build(spec("bot", p=Hidden("hunter2")), {}, project)
    assert (type(built.p), repr(built.p)) == (str, "'hunter2'")


def test_a_function_becomes_a_task(project: Path) -> None:
    write(project, "bot.py", "def f(message, results):\n    return {message: results}\n")
    assert build(spec("bot", "f"), {}, project).task("m", "r") == {"m": "r"}


def test_a_function_gets_kwargs_and_handles_too(project: Path) -> None:
    write(project, "bot.py", "def f(message, results, n, ledger):\n    return n, ledger\n")
    built = build(spec("bot", "f", n=1), {"ledger": lambda: "L"}, project)
    assert built.task("m", "r") == (1, "L")


def test_the_handles_of_a_class_can_be_asked_for(project: Path) -> None:
    write(project, "bot.py", HANDY + "class Y: pass\n")
    assert asks_for(load(spec("bot"), project)) == {"shell", "ledger"}
    assert asks_for(load(spec("bot", "Y"), project)) == frozenset()
    assert asks_for(type("E", (Exception,), {})) == frozenset()


def test_a_module_of_another_project_is_not_taken_for_ours(tmp_path: Path) -> None:
    for name, entry in (("one", "First"), ("two", "X")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "app").mkdir()
        write(tmp_path / name, "bot.py", f"class {entry}: pass\n")
    sys.path.insert(0, str(tmp_path / "one"))
    assert importlib.import_module("app.bot").First  # as anybody's code may have imported it
    assert load(spec("bot"), tmp_path / "two").__name__ == "X"
