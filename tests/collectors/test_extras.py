"""What built-in collectors say is lacking is what their extras would install."""

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def wanted() -> Iterator[str]:
    """Each package that a collector may tell to be lacking, as it is written there."""
    for file in (ROOT / "botcannon_core" / "collectors").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "lacking":
                yield from (ast.literal_eval(word) for word in node.args[1:])


def test_a_collector_asks_for_the_versions_of_its_extra() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    known = {package for packages in extras.values() for package in packages}
    found = set(wanted())
    assert "starlette>=0.40" in found
    assert found <= known
