"""Good project files and some hundred ways to break them, each of which must be told at its place.

`cases()` yields projects that cannot run; `good()` is the one they were made of. Not here: what is
expected of each, beyond a located problem.
"""

from __future__ import annotations

import copy
import datetime
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

Path_ = tuple[str | int, ...]


@dataclass(frozen=True)
class Case:
    """A project: its compose file and what is in app/, by path. `slow` ones hang when imported."""

    name: str
    compose: bytes
    app: Mapping[str, bytes] = field(default_factory=dict)
    slow: bool = False

    def lay_out(self, folder: Path) -> Path:
        """Write the project into `folder`; returns the compose file's path."""
        for name, content in self.app.items():
            path = folder / "app" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        compose = folder / "cannon-compose.yml"
        compose.write_bytes(self.compose)
        return compose


COMPOSE: dict[str, Any] = {
    "namespace": "SHOP",
    "store": {"url": "redis://localhost:6379/0", "fsync": "everysec"},
    "services": {
        "chat": {
            "collector": {
                "file": "door",
                "entry": "Door",
                "poll": "10ms",
                "conf": {"key": "door", "kwargs": {"rooms": ["a", "b"], "limit": 3}},
            },
            "shell": {"file": "tools.desk", "entry": "Desk", "conf": {"kwargs": {"title": "x"}}},
            "tasks": [
                {"file": "steps", "entry": "First"},
                {"file": "steps", "entry": "last"},
            ],
            "workers": {
                "hot": 2,
                "idle": 1,
                "max": 8,
                "cooldown": "60s",
                "timeout": "1m",
                "lazy": False,
            },
            "restart": {"max": 0, "backoff": "100ms", "backoff_max": "60s"},
            "stop_grace": "10s",
            "keep": {"messages": 100_000, "age": "7d"},
        },
        "feed": {
            "collector": {"file": "door", "entry": "Door", "conf": {"key": "door"}},
            "tasks": {"one": {"file": "steps", "entry": "First"}},
        },
    },
}

DOOR = b"""\
class Door:
    def __init__(self, rooms, limit=1):
        self.rooms = rooms

    def read(self):
        yield {"text": "hello"}
"""
STEPS = b"""\
class First:
    def task(self, message, results):
        return {"first": "1"}


def last(message, results):
    return {"last": "2"}
"""
DESK = b"""\
class Desk:
    def __init__(self, title, ledger):
        self.title = title
"""
APP = {"door.py": DOOR, "steps.py": STEPS, "tools/desk.py": DESK}

FREE = ("kwargs", "tasks", "services")  # mappings whose keys the user makes up

RETYPED: dict[str, Any] = {
    "a mapping": {"a": [1]},
    "a list": [[1]],
    "nothing": None,
    "a negative number": -1,
    "a word with a blank": "no such !",
}


def good() -> Case:
    """A project with nothing wrong."""
    return Case("good", dumped(COMPOSE), APP)


def dumped(compose: Any) -> bytes:
    """A tree as YAML text."""
    text: str = yaml.safe_dump(compose, sort_keys=False, width=1000)
    return text.encode()


def cases() -> Iterator[Case]:
    """Every broken project; the names are unique."""
    yield from _trees()
    yield from _texts()
    yield from _apps()


def paths(tree: Any, above: Path_ = ()) -> Iterator[Path_]:
    """Every path of a tree, the outermost first."""
    steps = enumerate(tree) if isinstance(tree, list) else tree.items()
    for step, below in steps:
        yield (*above, step)
        if isinstance(below, list | dict):
            yield from paths(below, (*above, step))


def at(tree: Any, path: Path_) -> Any:
    """What stands at a path of a tree."""
    for step in path:
        tree = tree[step]
    return tree


def replaced(path: Path_, value: Any) -> dict[str, Any]:
    """The good file with another value at one path."""
    tree = copy.deepcopy(COMPOSE)
    at(tree, path[:-1])[path[-1]] = value
    return tree


def renamed(path: Path_, name: str) -> dict[str, Any]:
    """The good file with another key at the end of one path, in the same order."""
    tree = copy.deepcopy(COMPOSE)
    mapping = at(tree, path[:-1])
    found = dict(mapping)
    mapping.clear()
    mapping.update({name if key == path[-1] else key: value for key, value in found.items()})
    return tree


def without(path: Path_) -> dict[str, Any]:
    """The good file without one path."""
    tree = copy.deepcopy(COMPOSE)
    del at(tree, path[:-1])[path[-1]]
    return tree


def doubled(path: Path_) -> bytes:
    """The good file with one key standing twice."""
    tree = copy.deepcopy(COMPOSE)
    mapping = at(tree, path[:-1])
    mapping[f"TWICE-{path[-1]}"] = mapping[path[-1]]
    return dumped(tree).replace(b"TWICE-", b"")


def _is_free(path: Path_) -> bool:
    """Whether the user makes up what stands here, so that any name or value may be right."""
    return len(path) > 1 and path[-2] in FREE


def _in_kwargs(path: Path_) -> bool:
    return "kwargs" in path[:-1]


def _trees() -> Iterator[Case]:
    for path in paths(COMPOSE):
        where = ".".join(map(str, path))
        if isinstance(path[-1], str) and not _in_kwargs(path):
            yield Case(f"{where} stands twice", doubled(path), APP)
        if isinstance(path[-1], str) and (
            (_in_kwargs(path) and len(path) == 6) or not _is_free(path)
        ):
            yield Case(f"{where} is misspelt", dumped(renamed(path, f"{path[-1]}x")), APP)
        if path[-1] in ("services", "collector", "file", "entry", "key") or path[-1] == "rooms":
            yield Case(f"{where} is missing", dumped(without(path)), APP)
        if not _in_kwargs(path):
            for kind, value in RETYPED.items():
                yield Case(f"{where} is {kind}", dumped(replaced(path, value)), APP)
    yield from (Case(name, dumped(tree), APP) for name, tree in _wrong_values())


def _wrong_values() -> Iterator[tuple[str, Any]]:
    chat: Path_ = ("services", "chat")
    wrong: list[tuple[Path_, Any]] = [
        ((*chat, "workers", "hot"), 9),
        ((*chat, "workers", "idle"), 0),
        ((*chat, "workers", "idle"), 9),
        ((*chat, "workers", "max"), 0),
        ((*chat, "workers", "max"), 10**30),
        ((*chat, "workers", "max"), 2.5),
        ((*chat, "workers", "timeout"), "10 parsecs"),
        ((*chat, "workers", "timeout"), 0),
        ((*chat, "workers", "timeout"), "1e3s"),
        ((*chat, "workers", "timeout"), "101 years"),
        ((*chat, "workers", "timeout"), "99999999999d"),
        ((*chat, "workers", "lazy"), "yes"),
        ((*chat, "restart", "backoff"), "2m"),
        ((*chat, "keep", "messages"), 0),
        ((*chat, "stop_grace"), float("inf")),
        ((*chat, "stop_grace"), float("nan")),
        ((*chat, "stop_grace"), datetime.date(2024, 1, 1)),
        (("namespace",), datetime.date(2024, 1, 1)),
        ((*chat, "collector", "file"), "door.py"),
        ((*chat, "collector", "file"), "app/door"),
        ((*chat, "collector", "file"), "../door"),
        ((*chat, "collector", "file"), "dor"),
        ((*chat, "collector", "file"), "tools"),
        ((*chat, "collector", "file"), ""),
        ((*chat, "collector", "entry"), "Dor"),
        ((*chat, "collector", "entry"), "os.system"),
        ((*chat, "collector", "entry"), "__name__"),
        ((*chat, "shell", "file"), "terminal"),
        ((*chat, "tasks", 0, "entry"), "__doc__"),
        ((*chat, "collector", "conf", "kwargs", "token"), "!!SECRET!!"),
        ((*chat, "collector", "conf", "kwargs", "rooms"), ["!!SECRET!!"]),
        ((*chat, "shell", "conf", "kwargs", "title"), "!!SECRET!!"),
        ((*chat, "collector", "entry"), "!!SECRET!!"),
        (("services", "feed", "collector", "conf", "key"), "dor"),
        (("services", "feed", "collector", "conf", "kwargs"), {"rooms": []}),
        (("services", "feed", "tasks", "one", "conf"), {"kwargs": {"a b": 1}}),
        (("services",), {}),
        (("services", "a b"), COMPOSE["services"]["feed"]),
        (("services", "-x"), COMPOSE["services"]["feed"]),
        (("services", "a.b"), COMPOSE["services"]["feed"]),
        (("services", ""), COMPOSE["services"]["feed"]),
        (("services", "x" * 65), COMPOSE["services"]["feed"]),
        (("services", "\u00fcber"), COMPOSE["services"]["feed"]),
        (("store",), "localhost"),
        (("store", "fsync"), "sometimes"),
        (("namespace",), "a|b"),
    ]
    for path, value in wrong:
        yield f"{'.'.join(map(str, path))} = {str(value)[:30]!r}", replaced(path, value)


def _texts() -> Iterator[Case]:
    text = dumped(COMPOSE)
    lines = text.splitlines(keepends=True)
    bombs = b"".join(b"a%d: &a%d [*a%d, *a%d]\n" % (n, n, n - 1, n - 1) for n in range(1, 40))
    broken = {
        "empty": b"",
        "blank": b" \n\n",
        "only a comment": b"# later\n",
        "only a null": b"~\n",
        "only a word": b"services\n",
        "only a list": b"- services\n",
        "two documents": text + b"---\n" + text,
        "binary": bytes(range(256)),
        "a null byte": text + b"\0",
        "an escape": text + b"# \x1b[0m",
        "latin-1": text + b"# caf\xe9\n",
        "utf-16": text.decode().encode("utf-16"),
        "a lone surrogate": text + b"# \xed\xa0\x80\n",
        "an impossible character": text + b'x: "\\UFFFFFFFF"\n',
        "a huge number": text + b"x: " + b"9" * 5000 + b"\n",
        "deep lists": b"[" * 100_000,
        "deep mappings": b"{a: " * 10_000,
        "deep blocks": b"".join(b" " * n + b"a:\n" for n in range(900)),
        "aliases of aliases": b"a0: &a0 [x, x]\n" + bombs,
        "merges of merges": b"a0: &a0 {x: 1}\n"
        + bombs.replace(b"[", b"{<<: [").replace(b"]", b"]}"),
        "an alias of nothing": text + b"x: *nothing\n",
        "an alias of itself": text + b"x: &x [*x]\n",
        "a merge of itself": text + b"x: &x {<<: *x}\n",
        "a merge of a number": text + b"<<: 1\n",
        "a list as a key": text + b"? [a]\n: b\n",
        "a mapping as a key": text + b"{a: b}: c\n",
        "an object tag": text.replace(b"SHOP", b"!!python/object/apply:os.system [id]"),
        "an own tag": text.replace(b"SHOP", b"!mine SHOP"),
        "a wrong standard tag": text.replace(b"SHOP", b"!!int SHOP"),
        "an impossible date": text.replace(b"limit: 3", b"limit: 2024-99-99"),
        "an unknown tag among kwargs": text.replace(b"limit: 3", b"limit: !mine 3"),
        "a secret with more behind it": text.replace(b"limit: 3", b"limit: !!SECRET!! 3"),
        "a later version of YAML": b"%YAML 9.0\n---\n" + text,
        "an unknown directive handle": text + b"x: !e!tag 1\n",
        "too large": b"#" * 1_000_001,
        "an open quote": text.replace(b"SHOP", b'"SHOP'),
        "an open bracket": text.replace(b"SHOP", b"[SHOP"),
        "a closing bracket": text.replace(b"SHOP", b"]"),
        "a percent sign": text.replace(b"SHOP", b"%SHOP"),
        "an at sign": text.replace(b"SHOP", b"@SHOP"),
        "two colons": text.replace(b"SHOP", b"a: b: c"),
    }
    for number, line in enumerate(lines):
        if line.startswith(b"  "):
            before, after = b"".join(lines[:number]), b"".join(lines[number + 1 :])
            broken[f"a tab in line {number + 1}"] = before + b"\t" + line.lstrip() + after
            broken[f"line {number + 1} too far left"] = before + line.strip() + b"!\n" + after
    yield from (Case(name, text, APP) for name, text in broken.items())


def _apps() -> Iterator[Case]:
    broken: dict[str, tuple[str, bytes]] = {
        "no colon": ("door.py", b"class Door\n"),
        "open bracket": ("door.py", b"x = (\n"),
        "wrong indent": ("door.py", b"class Door:\n    x = 1\n   y = 2\n"),
        "tabs and blanks": ("door.py", b"if 1:\n        x = 1\n\ty = 2\n"),
        "binary": ("door.py", bytes(range(256))),
        "null bytes": ("door.py", DOOR + b"\0"),
        "latin-1": ("door.py", b"x = 'caf\xe9'\n" + DOOR),
        "unknown encoding": ("door.py", b"# coding: klingon\n" + DOOR),
        "deep": ("door.py", b"x = " + b"(" * 300 + b")" * 300),
        "empty": ("door.py", b""),
        "raises": ("door.py", DOOR + b"1 / 0\n"),
        "raises deep": ("door.py", b"def f():\n    return {}['x']\n\nf()\n"),
        "raises oddly": (
            "door.py",
            b"class E(Exception):\n    def __str__(self):\n        return 1 / 0\n\nraise E\n",
        ),
        "raises at the root": ("door.py", b"raise BaseException('no\\nmore')\n"),
        "interrupts": ("door.py", b"raise KeyboardInterrupt\n"),
        "recurses": ("door.py", b"def f():\n    f()\n\nf()\n"),
        "exits": ("door.py", b"import sys\nsys.exit(0)\n"),
        "exits hard": ("door.py", b"import os\nprint('bye')\nos._exit(0)\n"),
        "aborts": ("door.py", b"import os\nos.abort()\n"),
        "kills itself": ("door.py", b"import os\nos.kill(os.getpid(), 9)\n"),
        "closes everything": ("door.py", b"import os\nos.closerange(0, 10_000)\n" + DOOR),
        "forks and raises": ("door.py", b"import os\nos.fork()\nraise OSError('x')\n"),
        "not installed": ("door.py", b"import surely_not_installed.anywhere\n"),
        "wrong name": ("door.py", b"from os import nothing_of_that_name\n"),
        "a neighbour": ("door.py", b"import steps\n"),
        "a missing neighbour": ("door.py", b"from app.step import First\n"),
        "itself": ("door.py", b"from app.door import Door\n"),
        "other name": ("door.py", DOOR.replace(b"Door", b"Doors")),
        "not a class": ("door.py", b"Door = 1\n"),
        "a function": ("door.py", b"def Door(rooms, limit):\n    pass\n"),
        "no read": ("door.py", DOOR.replace(b"read", b"reed")),
        "read is no method": ("door.py", DOOR + b"    read = 1\n"),
        "read wants more": ("door.py", DOOR.replace(b"read(self)", b"read(self, more)")),
        "read wants self": ("door.py", DOOR.replace(b"read(self)", b"read()")),
        "takes less": ("door.py", DOOR.replace(b", limit=1", b"")),
        "takes nothing": ("door.py", DOOR.replace(b"self, rooms, limit=1", b"self")),
        "takes more": ("door.py", DOOR.replace(b"limit=1", b"limit, colour")),
        "takes by position": ("door.py", DOOR.replace(b"limit=1", b"limit=1, /")),
        "odd flag": ("door.py", DOOR + b"    many = 'no'\n"),
        "only a protocol": ("door.py", b"from botcannon_core import Collector as Door\n"),
        "inherits only": (
            "door.py",
            b"from botcannon_core import Collector\n\nclass Door(Collector):\n    pass\n",
        ),
        "abstract": (
            "door.py",
            DOOR.replace(b"class Door", b"import abc\n\nclass Door(abc.ABC)")
            + b"\n    @abc.abstractmethod\n    def more(self):\n        pass\n",
        ),
        "an odd metaclass": (
            "door.py",
            b"class M(type):\n    def __getattribute__(cls, name):\n        raise OSError(name)\n\n"
            + DOOR.replace(b"class Door", b"class Door(metaclass=M)"),
        ),
        "no task": ("steps.py", STEPS.replace(b"task", b"tusk")),
        "task wants less": ("steps.py", STEPS.replace(b"message, results", b"message")),
        "task wants more": ("steps.py", STEPS.replace(b"results)", b"results, more)")),
        "task is no function": ("steps.py", STEPS + b"\nlast = 2\n"),
        "shell raises": ("tools/desk.py", DESK + b"raise ValueError\n"),
        "shell wants a shell": ("tools/desk.py", DESK.replace(b"ledger", b"shell")),
        "shell is a function": ("tools/desk.py", b"def Desk(title):\n    pass\n"),
        "app raises": ("__init__.py", b"raise RuntimeError('app')\n"),
        "folder raises": ("tools/__init__.py", b"import nothing_here\n"),
    }
    for name, (path, content) in broken.items():
        yield Case(f"app: {name}", dumped(COMPOSE), {**APP, path: content})
    for path in APP:
        left = {name: content for name, content in APP.items() if name != path}
        yield Case(f"app: no {path}", dumped(COMPOSE), left)
    yield Case("app: none", dumped(COMPOSE), {})
    hanging = {**APP, "door.py": b"import threading\nthreading.Event().wait()\n"}
    yield Case("app: hangs", dumped(COMPOSE), hanging, slow=True)
