"""The shells that tests attack, imported as if they stood in app/, and the lines to attack them with."""

import importlib.util
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

DATA = Path(__file__).parent / "data"
SECRETS = ("s3cret",)


@dataclass(frozen=True)
class Line:
    """A line to type at a shell, and what must come of it."""

    shell: str
    text: str
    must: str
    contains: str = ""

    def __str__(self) -> str:
        return f"{self.shell}: {self.text}"


def declared(name: str) -> ModuleType:
    """`data/NAME.py` as the module app.NAME."""
    full = f"app.{name}"
    if full not in sys.modules:
        spec = importlib.util.spec_from_file_location(full, DATA / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        sys.modules[full] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[full])
    return sys.modules[full]


def shell(name: str) -> object:
    """A new shell of this class, from either file."""
    for module in map(declared, ("victim", "traps")):
        if hasattr(module, name):
            return getattr(module, name)()
    raise LookupError(name)


def lines(name: str) -> list[Line]:
    """The lines of `data/NAME.jsonl`."""
    found = []
    for text in (DATA / f"{name}.jsonl").read_text().splitlines():
        entry = json.loads(text)
        found.append(Line(entry["shell"], entry["text"], entry["must"], entry.get("contains", "")))
    return found
