"""Walking a YAML document: each node with its line, its path, and where problems are put.

Not here: how a file becomes a document (document), and what any key means (reader).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from botcannon_core.compose.document import SECRET, load
from botcannon_core.compose.spec import Place, Secret
from botcannon_core.errors import Problem
from botcannon_core.message import one_line

MAP, SEQ, TEXT, NULL, MERGE = (
    f"tag:yaml.org,2002:{name}" for name in ("map", "seq", "str", "null", "merge")
)


@dataclass(frozen=True)
class Spot:
    """A node, the path to it, and the list where its problems are put."""

    node: yaml.Node
    path: str
    file: str
    problems: list[Problem]

    @property
    def place(self) -> Place:
        """Where the node stands."""
        return Place(self.file, self.node.start_mark.line + 1, self.path)

    def refuse(self, text: str) -> None:
        """Put down that this node is wrong; reading goes on."""
        self.problems.append(Problem(self.file, self.place.line, self.path, text))

    def child(self, node: yaml.Node, step: str) -> Spot:
        """The Spot of a node below this one; `step` is `name` or `[0]`."""
        joint = "." if self.path and not step.startswith("[") else ""
        return Spot(node, f"{self.path}{joint}{one_line(step, 80)}", self.file, self.problems)


def root(path: Path, problems: list[Problem]) -> Spot | None:
    """The file's outermost node, or None for a file without any. Raises Unusable."""
    node = load(path)
    return Spot(node, "", str(path), problems) if node is not None else None


def entries(spot: Spot) -> Iterator[tuple[yaml.ScalarNode, Spot]]:
    """Each key of a mapping with the Spot of its value; merge keys (`<<`) are spelt out.

    What is no mapping, a key that is no plain word and a key written twice are put down as problems.
    """
    if not isinstance(spot.node, yaml.MappingNode) or spot.node.tag != MAP:
        spot.refuse(f"must be a mapping, is {kind(spot.node)}")
        return
    seen: dict[str, int] = {}
    for key, value in _pairs(spot):
        if not isinstance(key, yaml.ScalarNode):
            spot.child(key, "?").refuse(f"a key must be a plain word, is {kind(key)}")
        elif key.value in seen:
            spot.child(key, key.value).refuse(f"stands twice; first in line {seen[key.value]}")
        else:
            seen[key.value] = key.start_mark.line + 1
            yield key, spot.child(value, key.value)
    for key, value in _merged(spot):
        if isinstance(key, yaml.ScalarNode) and key.value not in seen:
            seen[key.value] = key.start_mark.line + 1
            yield key, spot.child(value, key.value)


def items(spot: Spot) -> Iterator[Spot]:
    """The Spot of each item of a list; what is no list is put down as a problem."""
    if not isinstance(spot.node, yaml.SequenceNode) or spot.node.tag != SEQ:
        spot.refuse(f"must be a list, is {kind(spot.node)}")
        return
    for index, node in enumerate(spot.node.value):
        yield spot.child(node, f"[{index}]")


def plain(node: yaml.Node) -> Any:
    """A scalar's (or a tagged collection's) value as YAML gives it. Raises ValueError."""
    try:
        return yaml.constructor.SafeConstructor().construct_object(node, deep=True)
    except yaml.constructor.ConstructorError as error:
        raise ValueError(_constructor_text(error)) from None
    except Exception:  # noqa: BLE001 - PyYAML's constructors let out whatever int(), date() or [] raise
        raise ValueError(f"is written as {_tag(node)} but is not one") from None


def value(spot: Spot, secret: bool = False, specs: bool = False) -> Any:
    """Whatever stands here, as YAML gives it; a Secret if `secret` allows one here.

    Problems below are put down at their own spot; their values are left out. Where `specs` stand, the
    kwargs of each may be secrets.
    """
    if is_secret(spot.node):
        if secret or (specs and spot.path.rpartition(".")[0].endswith(".conf.kwargs")):
            return Secret()
        spot.refuse("a secret must be the whole value of one kwarg, not a part of it")
        return None
    if isinstance(spot.node, yaml.MappingNode) and spot.node.tag == MAP:
        return {_key(key, child): value(child, specs=specs) for key, child in entries(spot)}
    if isinstance(spot.node, yaml.SequenceNode) and spot.node.tag == SEQ:
        return [value(child, specs=specs) for child in items(spot)]
    try:
        return plain(spot.node)
    except ValueError as error:
        spot.refuse(str(error))
        return None


def is_secret(node: yaml.Node) -> bool:
    """Whether the node is `!!SECRET!!`, bare or quoted."""
    return isinstance(node, yaml.ScalarNode) and node.value == SECRET


def is_empty(node: yaml.Node) -> bool:
    """Whether nothing was written here, or a null."""
    return node.tag == NULL


def kind(node: yaml.Node) -> str:
    """What a node is, in a word for people."""
    if is_empty(node):
        return "empty"
    known = {"map": "a mapping", "seq": "a list", "str": "text", "int": "a number"}
    known |= {"float": "a fraction", "bool": "true or false", "timestamp": "a date"}
    return known.get(node.tag.removeprefix("tag:yaml.org,2002:"), f"a value tagged {_tag(node)}")


def _constructor_text(error: yaml.constructor.ConstructorError) -> str:
    problem = str(error.problem)
    if problem.startswith("could not determine a constructor"):
        return f"has an unknown tag: {one_line(problem.rpartition('tag ')[2], 80)}"
    return f"cannot be taken as it is written: {one_line(problem, 120)}"


def _tag(node: yaml.Node) -> str:
    return one_line(node.tag.replace("tag:yaml.org,2002:", "!!"), 80)


def _key(node: yaml.ScalarNode, child: Spot) -> Any:
    try:
        key = plain(node)
        hash(key)
    except (ValueError, TypeError):
        child.refuse("a key that cannot be taken as it is written")
        return node.value
    return key


def _pairs(spot: Spot) -> list[tuple[yaml.Node, yaml.Node]]:
    return [(key, value) for key, value in spot.node.value if key.tag != MERGE]


def _merged(spot: Spot) -> Iterator[tuple[yaml.Node, yaml.Node]]:
    """What `<<` brings in, nearest first; the depth is bounded, as aliases cannot hold themselves."""
    for key, merged in spot.node.value:
        if key.tag != MERGE:
            continue
        for source in merged.value if isinstance(merged, yaml.SequenceNode) else [merged]:
            below = spot.child(source, "<<")
            if isinstance(source, yaml.MappingNode):
                yield from _pairs(below)
                yield from _merged(below)
            else:
                below.refuse(f"`<<` takes a mapping or a list of them, not {kind(source)}")
