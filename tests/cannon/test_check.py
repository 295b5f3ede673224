"""What is seen before anything starts, in a child that may hang, die or print."""

import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from botcannon_core.cannon.check import Check, Facts, check
from botcannon_core.cannon.kernel import children
from botcannon_core.compose.reader import read
from botcannon_core.compose.spec import ComposeSpec

FITS = """
class X:
    def read(self): ...
    def task(self, message, results): ...
"""


def spec(project: Path, files: Mapping[str, str], yaml: str = "") -> ComposeSpec:
    """A project with these files in app/; without `yaml`, one service whose tasks they are."""
    for name, text in files.items():
        path = project / "app" / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    tasks = ", ".join(f"{{file: {name}, entry: X}}" for name in files)
    compose = project / "cannon-compose.yml"
    compose.write_text(
        yaml
        or f"services:\n  s:\n    collector: {{file: timer, entry: Timer}}\n    tasks: [{tasks}]\n"
    )
    reading = read(compose)
    assert reading.problems == ()
    return reading.spec


def checked(project: Path, files: Mapping[str, str], yaml: str = "", timeout: float = 5) -> Check:
    compose = spec(project, files, yaml)
    return check(compose, list(compose.services), timeout, project)


def told(project: Path, files: Mapping[str, str], timeout: float = 5) -> list[str]:
    """The problems of app/, without those of the compose file."""
    found = checked(project, files, timeout=timeout).problems
    return [str(problem) for problem in found if problem.file.startswith("app/")]


def test_nothing_is_imported_or_left_in_this_process(tmp_path: Path) -> None:
    path, others = list(sys.path), children()
    assert told(tmp_path, {"good": FITS}) == []
    assert "app.good" not in sys.modules
    assert sys.path == path
    assert children() == others


def test_the_launcher_goes_on_while_another_process_looks(tmp_path: Path) -> None:
    sign = tmp_path / "sign"
    waits = f"import os, time\nwhile not os.path.exists({str(sign)!r}): time.sleep(0.001)\n"
    compose = spec(tmp_path, {"waits": waits + FITS})
    found = check(compose, ["s"], 5, tmp_path, meanwhile=sign.touch)
    assert found.problems == ()
    assert found.facts["s"].handles == frozenset()


def test_what_the_launcher_has_open_is_closed_to_the_modules(tmp_path: Path) -> None:
    with (tmp_path / "lock").open("w") as lock:
        assert told(tmp_path, {"looks": f"import os\nos.fstat({lock.fileno()})\n"}) == [
            "app/looks.py:2: services.s.tasks[0]: fails at import: "
            "OSError: [Errno 9] Bad file descriptor"
        ]


def test_nothing_is_constructed(tmp_path: Path) -> None:
    made = tmp_path / "made"
    text = FITS + f"    def __init__(self): open({str(made)!r}, 'w')\n"
    assert told(tmp_path, {"good": text}) == []
    assert not made.exists()


def test_an_error_at_import_is_told_at_its_own_line(tmp_path: Path) -> None:
    text = "def f():\n    return {}['x']\n\nf()\n"
    assert told(tmp_path, {"bad": text}) == [
        "app/bad.py:2: services.s.tasks[0]: fails at import: KeyError: 'x'"
    ]


def test_an_error_in_a_library_is_told_at_the_line_that_called_it(tmp_path: Path) -> None:
    assert told(tmp_path, {"bad": "import json\n\njson.loads('[')\n"})[0].startswith(
        "app/bad.py:3: services.s.tasks[0]: fails at import: JSONDecodeError"
    )


def test_a_syntax_error_is_told_at_its_line(tmp_path: Path) -> None:
    assert told(tmp_path, {"bad": "x = 1\ny = (\n"}) == [
        "app/bad.py:2: services.s.tasks[0]: is no valid Python: '(' was never closed"
    ]


def test_an_error_in_an_imported_neighbour_is_told_there_and_once(tmp_path: Path) -> None:
    files = {"one": "import app.deep\n", "two": "import app.deep\n", "deep": "\n1 / 0\n"}
    compose = spec(tmp_path, files)
    found = check(compose, ["s"], project=tmp_path).problems
    assert [str(p) for p in found] == [
        "app/deep.py:2: services.s.tasks[0]: fails at import: ZeroDivisionError: division by zero"
    ]


def test_a_missing_library_points_to_the_requirements(tmp_path: Path) -> None:
    (text,) = told(tmp_path, {"bad": "import surely_not_there.deep\n"})
    assert text.endswith("'surely_not_there' is not installed; name it in app/requirements.txt")


def test_a_neighbour_imported_the_wrong_way_says_the_right_one(tmp_path: Path) -> None:
    (text,) = told(tmp_path, {"bad": "import good\n", "good": FITS})
    assert text.endswith("the one in app/ is imported as 'app.good'")


def test_a_module_that_hangs_is_named_and_the_others_are_seen(tmp_path: Path) -> None:
    files = {
        "aaa": "1 / 0\n",
        "hangs": "import threading\nthreading.Event().wait()\n",
        "zzz": "1 / 0\n",
    }
    assert [line.split(": ")[:3] for line in told(tmp_path, files, timeout=0.5)] == [
        ["app/aaa.py:1", "services.s.tasks[0]", "fails at import"],
        ["app/hangs.py:1", "services.s.tasks[1]", "does not end its import within 0.5 s"],
        ["app/zzz.py:1", "services.s.tasks[2]", "fails at import"],
    ]


@pytest.mark.parametrize(
    ("code", "how"),
    [
        ("import os; os._exit(4)", "ends the whole process at import, with status 4"),
        ("import os, signal; os.kill(os.getpid(), 9)", "is killed at import by SIGKILL"),
        ("import os; os.abort()", "is killed at import by SIGABRT"),
        ("import sys; sys.exit()", "calls sys.exit() at import"),
    ],
)
def test_a_module_that_ends_the_process_is_named_and_the_others_are_seen(
    tmp_path: Path, code: str, how: str
) -> None:
    found = told(tmp_path, {"bad": code, "zzz": "1 / 0\n"})
    assert len(found) == 2
    assert how in found[0]
    assert found[1].startswith("app/zzz.py:1")


def test_what_a_dying_module_said_last_is_told(tmp_path: Path) -> None:
    code = "import os\nprint('not this')\nprint('no\\tlicence', flush=True)\nos._exit(1)\n"
    (text,) = told(tmp_path, {"bad": code})
    assert text.endswith("; the last that it said: no licence")


def test_what_a_module_prints_reaches_nobody(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    code = (
        "import os, sys\nprint('a')\nsys.stderr.write('b')\nos.write(1, b'c')\nos.write(2, b'd')\n"
    )
    assert told(tmp_path, {"loud": code + FITS}) == []
    assert capfd.readouterr() == ("", "")


def test_a_module_that_reads_gets_nothing_to_read(tmp_path: Path) -> None:
    assert told(tmp_path, {"reads": "import sys\nassert sys.stdin.read() == ''\n" + FITS}) == []


def test_a_module_that_starts_a_thread_does_not_hold_the_check(tmp_path: Path) -> None:
    code = "import threading\nthreading.Thread(target=threading.Event().wait).start()\n"
    assert told(tmp_path, {"threads": code + FITS}) == []


def test_a_module_that_forks_is_told_about_once(tmp_path: Path) -> None:
    assert len(told(tmp_path, {"forks": "import os\nos.fork()\n1 / 0\n"})) == 1


def test_what_a_module_starts_ends_with_the_check(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    code = (
        "import subprocess\n"
        f"open({str(pid_file)!r}, 'w').write(str(subprocess.Popen(['sleep', '60']).pid))\n"
    )
    assert told(tmp_path, {"starts": code + FITS}) == []
    pid, deadline = int(pid_file.read_text()), time.monotonic() + 10
    while is_alive(pid):  # killed it is, but the kernel may need a moment
        assert time.monotonic() < deadline
        os.sched_yield()


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that only waits to be reaped does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_the_child_has_none_of_our_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BOTCANNON_SECRET_A_B", "BOTCANNON_KEY", "BOTCANNON_STORE"):
        monkeypatch.setenv(name, "x")
    code = "import os\nassert not [n for n in os.environ if n.startswith('BOTCANNON_')]\n"
    assert told(tmp_path, {"looks": code + FITS}) == []
    assert os.environ["BOTCANNON_KEY"] == "x"


def test_what_classes_say_about_themselves_is_told(tmp_path: Path) -> None:
    files = {
        "door": "class X:\n    terminal = True\n    def read(self): ...\n",
        "wide": FITS + "    many = True\n    def __init__(self, ledger): ...\n",
        "desk": "class X: ...\n",
        "step": "def X(message, results, shell): ...\n",
    }
    yaml = """\
services:
  one:
    collector: {file: door, entry: X}
    shell: {file: desk, entry: X}
    tasks: [{file: step, entry: X}]
  two:
    collector: {file: wide, entry: X}
"""
    found = checked(tmp_path, files, yaml)
    assert found.problems == ()
    assert found.facts == {
        "one": Facts(terminal=True, handles=frozenset({"shell"})),
        "two": Facts(many=True, handles=frozenset({"ledger"})),
    }


def test_only_the_chosen_services_are_looked_at(tmp_path: Path) -> None:
    files = {"bad": "1 / 0\n", "good": FITS}
    yaml = "".join(f"  {name}: {{collector: {{file: {name}, entry: X}}}}\n" for name in files)
    compose = spec(tmp_path, files, f"services:\n{yaml}")
    assert check(compose, ["good"], project=tmp_path).problems == ()
    assert len(check(compose, ["bad"], project=tmp_path).problems) == 1


def test_problems_of_code_and_of_classes_come_together(tmp_path: Path) -> None:
    files = {"bad": "1 / 0\n", "good": FITS.replace("task", "tusk")}
    yaml = """\
services:
  s:
    collector: {file: nowhere, entry: X}
    tasks: [{file: bad, entry: X}, {file: good, entry: X}]
"""
    paths = [problem.path for problem in checked(tmp_path, files, yaml).problems]
    assert sorted(paths) == [
        "services.s.collector.file",
        "services.s.tasks[0]",
        "services.s.tasks[1].entry",
    ]


AT_ONCE = """
services:
  s:
    collector: {file: timer, entry: Timer}
    tasks: [{file: bot, entry: X}]
    workers: {isolation: worker, concurrency: 5}
"""


@pytest.mark.parametrize(
    "waits",
    [
        "class X:\n    async def task(self, message, results): ...\n",
        "async def X(message, results): ...\n",
        "from functools import wraps\n"
        "async def f(message, results): ...\n"
        "X = wraps(f)(lambda *words: f(*words))\n",
    ],
)
def test_what_waits_may_run_many_messages_at_once(tmp_path: Path, waits: str) -> None:
    assert checked(tmp_path, {"bot": waits}, AT_ONCE).problems == ()


def test_what_never_waits_is_told_that_it_cannot(tmp_path: Path) -> None:
    text = (
        "no task of 's' is `async def`, and only such ones run for many messages at the same time"
    )
    found = checked(tmp_path, {"bot": FITS}, AT_ONCE).problems
    assert [(one.path, one.text) for one in found] == [("services.s.workers.concurrency", text)]


SLIPS = [
    (
        "irc",
        "Irc",
        "server: a, nick: b, flood: {comands: 3}",
        "flood.comands: is not known; did you",
    ),
    ("webhook", "Webhook", "flood: {commands: 2.5}", "flood.commands: must be a whole number"),
    ("socket", "JsonServer", "flood: {silence: 5m}", "flood.silence: must be a number"),
    ("webhook", "Webhook", "algorithm: md5", "algorithm: must be sha256, sha512 or sha1"),
    ("mqtt", "Mqtt", "server: a, version: 4", "version: must be 5 or 3"),
]


@pytest.mark.parametrize(("file", "entry", "kwargs", "said"), SLIPS)
def test_a_slip_in_what_a_door_of_the_house_is_given_is_told_at_its_line(
    tmp_path: Path, file: str, entry: str, kwargs: str, said: str
) -> None:
    yaml = f"""
services:
  s:
    collector:
      file: {file}
      entry: {entry}
      conf:
        kwargs: {{{kwargs}}}
"""
    (found,) = checked(tmp_path, {}, yaml).problems
    assert f"services.s.collector.conf.kwargs.{said}" in str(found)
    assert found.line == 8
