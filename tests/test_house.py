"""The plan of the house: who may import whom, and what every file keeps to. They change together."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
HOUSE = ROOT / "botcannon_core"

WORDS = frozenset(
    {"digest", "ending", "errors", "file", "message", "notation", "raised", "roles"}
    | {"units", "version"}
)
ROOMS = frozenset({"chat", "collectors", "contract", "programs", "tasks"})

# room -> what it may import, beside itself; `room.module` allows that one module only
PLAN: dict[str, frozenset[str]] = {
    "": WORDS,
    **dict.fromkeys(WORDS, WORDS),
    "contract": WORDS,
    "compose": WORDS | {"contract"},
    "ledger": WORDS | {"compose.spec"},
    "cannon": WORDS | {"compose", "ledger"},
    "chat": WORDS,
    "collectors": WORDS | {"contract", "ledger", "chat"},
    "tasks": WORDS | {"contract", "ledger", "chat", "programs"},
    "programs": WORDS | {"contract", "ledger", "compose.adding", "compose.spec"},
    "view": WORDS | {"compose", "ledger"},
    "cli": WORDS | ROOMS | {"compose", "ledger", "cannon", "view"},
    "testing": WORDS | ROOMS | {"compose", "ledger", "cannon", "view"},
}

MOST_LINES = 400
VAGUE_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "misc"}


@dataclass(frozen=True)
class Arrow:
    """One import of the house's own: `who` (a dotted module) imports `whom`."""

    who: str
    whom: str
    line: int

    def __str__(self) -> str:
        return f"{self.who}:{self.line} imports {self.whom or 'the front door'}"

    @property
    def is_in_plan(self) -> bool:
        room = self.who.split(".")[0] if self.who else ""
        target = self.whom.split(".")
        allowed = PLAN.get(room, frozenset())
        return target[0] == room or target[0] in allowed or ".".join(target[:2]) in allowed


def modules() -> list[Path]:
    """Every module of the house; what `init` lays out belongs to another project."""
    templates = HOUSE / "cli" / "templates"
    return sorted(path for path in HOUSE.rglob("*.py") if templates not in path.parents)


def dotted(path: Path) -> str:
    """`ledger.stream` for botcannon_core/ledger/stream.py; a package has its folder's name."""
    parts = path.relative_to(HOUSE).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def is_module(name: str) -> bool:
    path = HOUSE.joinpath(*name.split("."))
    return path.with_suffix(".py").is_file() or path.is_dir()


def arrows(source: str, who: str) -> Iterator[Arrow]:
    """What `source` imports of the house."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [
                name if is_module(name.removeprefix("botcannon_core.")) else node.module
                for name in inner
            ]
        else:
            continue
        for name in names:
            if name == "botcannon_core" or name.startswith("botcannon_core."):
                yield Arrow(who, name.removeprefix("botcannon_core").lstrip("."), node.lineno)


def all_arrows() -> list[Arrow]:
    return [arrow for path in modules() for arrow in arrows(path.read_text(), dotted(path))]


def test_nobody_imports_against_the_plan() -> None:
    assert [str(arrow) for arrow in all_arrows() if not arrow.is_in_plan] == []


def test_every_room_is_in_the_plan() -> None:
    assert sorted({dotted(path).split(".")[0] for path in modules()} - PLAN.keys()) == []


def test_no_module_imports_the_front_door() -> None:
    assert [str(arrow) for arrow in all_arrows() if not arrow.whom] == []


@pytest.mark.parametrize(
    ("who", "source"),
    [
        ("ledger.stream", "from botcannon_core.compose.reader import read"),
        ("ledger.stream", "from botcannon_core.compose import reader"),
        ("cannon.pool", "import botcannon_core.tasks.torch"),
        ("cannon.pool", "from botcannon_core import chat"),
        ("collectors.timer", "def f():\n    from botcannon_core.cannon import process"),
        ("tasks.torch", "from botcannon_core.collectors.timer import Timer"),
        ("errors", "from botcannon_core.ledger import keys"),
        ("view.ps", "from botcannon_core.cli.main import main"),
    ],
)
def test_a_forbidden_arrow_would_be_seen(who: str, source: str) -> None:
    assert [arrow.is_in_plan for arrow in arrows(source, who)] == [False]


@pytest.mark.parametrize(
    ("who", "source"),
    [
        ("ledger.store", "from botcannon_core.compose.spec import StoreSpec"),
        ("tasks.torch", "from botcannon_core.chat.walk import walk"),
        ("cannon.pool", "from botcannon_core.cannon.forker import Forker"),
        ("cli.launching", "from botcannon_core.cannon import launcher"),
    ],
)
def test_an_allowed_arrow_is_let_through(who: str, source: str) -> None:
    assert [arrow.is_in_plan for arrow in arrows(source, who)] == [True]


def test_the_front_door_needs_nothing_but_the_standard_library() -> None:
    """Without site-packages there is neither redis nor fire nor anything else to pull in."""
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); import botcannon_core"
    subprocess.run([sys.executable, "-I", "-S", "-c", code], check=True, timeout=60)


def test_the_set_up_needs_nothing_but_the_standard_library() -> None:
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); import botcannon_core.cli.environment"
    subprocess.run([sys.executable, "-I", "-S", "-c", code], check=True, timeout=60)


def test_the_front_door_pulls_in_neither_the_store_nor_fire() -> None:
    code = (
        "import botcannon_core, sys; "
        "sys.exit(' '.join({'redis', 'fire', 'yaml', 'psutil'} & sys.modules.keys()) or 0)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert (ended.returncode, ended.stderr) == (0, "")


def test_no_import_is_relative() -> None:
    relative = [
        f"{path}:{node.lineno}"
        for path in modules()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and node.level
    ]
    assert relative == []


def test_every_module_says_what_it_is() -> None:
    assert [str(p) for p in modules() if not ast.get_docstring(ast.parse(p.read_text()))] == []


def test_no_file_grows_beyond_its_bounds() -> None:
    lengths = {str(path): len(path.read_text().splitlines()) for path in modules()}
    assert {path: length for path, length in lengths.items() if length > MOST_LINES} == {}


def test_no_file_has_a_name_that_says_nothing() -> None:
    files = [*modules(), *(ROOT / "tests").rglob("*.py")]
    vague = [str(p) for p in files if VAGUE_NAMES & {p.stem, *p.relative_to(ROOT).parts}]
    assert vague == []
