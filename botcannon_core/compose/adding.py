"""Adds to the text of a compose file and leaves every character of it that is there, comments included.

What was written is never written anew: new lines come in behind what they belong to. At the end the text
is read again and compared with what it should say. Not here: what is added, and writing the file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from botcannon_core.compose import document

WIDTH = 100  # characters of a line of ours
STEP = 2  # spaces by which one level of ours is indented

_LINE = re.compile(
    "[^\r\n\x85\u2028\u2029]*(?:\r\n|[\r\n\x85\u2028\u2029]|\\Z)"
)  # as YAML has lines


class Unaddable(Exception):
    """The text cannot be added to; says why in words for people."""


def with_entries(text: str, under: Sequence[str], entries: Mapping[str, Any]) -> str:
    """`text` with those of `entries` that it does not have yet in the mapping under the keys `under`.

    Keys on the way are made if they are not there. Raises Unaddable, and document.Unusable.
    """
    found = text
    for name, entry in entries.items():
        if name not in keys(found, under):
            found = _checked(found, _with_entry(found, under, name, entry), under, name, entry)
    return found


def with_items(text: str, under: Sequence[str], items: Sequence[str]) -> str:
    """`text` with those of `items` that it does not have yet in the list of words under `under`.

    Raises Unaddable, also if there is no list, and document.Unusable.
    """
    found = text
    for item in items:
        node = _node(document.parse(found), under)
        if not isinstance(node, yaml.SequenceNode) or not node.value:
            raise Unaddable(f"there is no list under `{'.'.join(under)}`")
        if item not in [one.value for one in node.value]:
            found = _checked(found, _with_item(found, node, item), under, None, item)
    return found


def keys(text: str, under: Sequence[str]) -> list[str]:
    """The keys of the mapping under the keys `under`; none if there is no such mapping."""
    node = _node(document.parse(text), under)
    return [key.value for key, _ in node.value] if isinstance(node, yaml.MappingNode) else []


# --- where something stands --------------------------------------------------------------------------


def _node(node: yaml.Node | None, under: Sequence[str]) -> yaml.Node | None:
    for name in under:
        pairs = node.value if isinstance(node, yaml.MappingNode) else []
        node = next((value for key, value in pairs if key.value == name), None)
    return node


def _is_nothing(node: yaml.Node | None) -> bool:
    return node is None or node.tag.endswith(":null")


def _last_line(node: yaml.Node) -> int:
    """The number of the last line that a node has something in; comments behind it are not its own."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        parts = last if isinstance(last, tuple) else (last,)
        return max(_last_line(part) for part in parts)
    start, end = node.start_mark, node.end_mark
    is_before = end.column == 0 and end.line > start.line
    return end.line - 1 if is_before else end.line


def _lines(text: str) -> list[str]:
    return [line for line in _LINE.findall(text) if line]


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


# --- how something is added --------------------------------------------------------------------------


def _with_entry(text: str, under: Sequence[str], name: str, entry: Any) -> str:
    root = document.parse(text)
    if _is_nothing(root):
        return _behind(text, len(_lines(text)), _nested(under, name, entry), 0)
    for depth in range(len(under), -1, -1):
        node = _node(root, under[:depth])
        if node is None:
            continue
        value = _nested(under[depth:], name, entry)
        if isinstance(node, yaml.MappingNode) and node.value:
            return _into_mapping(text, node, value)
        if _is_nothing(node) or isinstance(node, yaml.MappingNode):
            return _for_nothing(text, root, under[:depth], value)
        raise Unaddable(f"`{'.'.join(under[:depth])}` is no mapping")
    raise AssertionError("the root is there")


def _nested(under: Sequence[str], name: str, entry: Any) -> dict[str, Any]:
    found = {name: entry}
    for key in reversed(under):
        found = {key: found}
    return found


def _into_mapping(text: str, node: yaml.MappingNode, value: Mapping[str, Any]) -> str:
    key, last = node.value[-1]
    if node.flow_style:
        at = max(key.end_mark.index, last.end_mark.index)
        return text[:at] + ", " + _in_a_line(value)[1:-1] + text[at:]
    return _behind(text, _last_line(node) + 1, value, node.value[0][0].start_mark.column)


def _for_nothing(
    text: str, root: yaml.Node | None, under: Sequence[str], value: Mapping[str, Any]
) -> str:
    """Put a mapping where there is nothing, `null` or `{}` behind a key."""
    parent = _node(root, under[:-1])
    if not under or not isinstance(parent, yaml.MappingNode):
        raise Unaddable("its outermost mapping is empty; remove the {}")
    key, node = next((k, v) for k, v in parent.value if k.value == under[-1])
    start, end = node.start_mark.index, node.end_mark.index
    if parent.flow_style:
        gap = "" if text[:start].endswith((" ", "\n")) else " "
        return text[:start] + gap + _in_a_line(value) + text[end:]
    text = text[:start].rstrip(" ") + text[end:]
    return _behind(text, key.end_mark.line + 1, value, key.start_mark.column + STEP)


def _with_item(text: str, node: yaml.SequenceNode, item: str) -> str:
    last = node.value[-1]
    if node.flow_style:
        at = last.end_mark.index
        return text[:at] + ", " + _in_a_line([item])[1:-1] + text[at:]
    return _behind(text, _last_line(node) + 1, [item], node.start_mark.column)


def _behind(text: str, line: int, value: Any, indent: int) -> str:
    """`text` with `value` as lines of its own before the line of that number."""
    newline = _newline(text)
    new = [" " * indent + one + newline for one in _block(value, WIDTH - indent)]
    lines = _lines(text)
    if lines and not lines[-1].endswith(("\n", "\r")):
        lines[-1] += newline
    if indent == 0 and isinstance(value, dict) and lines:
        new.insert(0, newline)  # a paragraph of its own
    return "".join([*lines[:line], *new, *lines[line:]])


def _block(value: Any, width: int) -> list[str]:
    """A mapping or a list as lines, what is single in it in braces, as people write a spec."""
    found = []
    for part in value if isinstance(value, list) else [{k: v} for k, v in value.items()]:
        is_nested = isinstance(part, dict) and all(
            isinstance(v, dict | list) for v in part.values()
        )
        style = None if is_nested else False
        found += _dumped(part if isinstance(part, dict) else [part], width, style).splitlines()
    return found


def _in_a_line(value: Any) -> str:
    """A value in braces, for within braces."""
    return _dumped(value, float("inf"), True).strip()


def _dumped(value: Any, width: float, flow: bool | None) -> str:
    found = _dump(value, width, flow, True)
    # PyYAML does not read back the rarer breaks of lines that it writes as they are
    return _dump(value, width, flow, False) if set(found) & set("\x85\u2028\u2029") else found


def _dump(value: Any, width: float, flow: bool | None, unicode: bool) -> str:
    found: str = yaml.safe_dump(
        value, sort_keys=False, allow_unicode=unicode, width=width, default_flow_style=flow
    )
    return found


# --- whether it went well ------------------------------------------------------------------------------


def _checked(text: str, new: str, under: Sequence[str], name: str | None, value: Any) -> str:
    """`new`, once it says what `text` said and the addition, and nothing else."""
    wanted = _shape(document.parse(text))
    dumped = _shape(document.parse(yaml.safe_dump({"it": value}, sort_keys=False)))["it"]
    _put(wanted := wanted if isinstance(wanted, dict) else {}, under, name, dumped)
    try:
        found = _shape(document.parse(new))
    except document.Unusable:
        found = None
    if found != wanted:
        raise Unaddable(f"no place was found under `{'.'.join(under)}` where it could stand")
    return new


def _put(wanted: dict[str, Any], under: Sequence[str], name: str | None, value: Any) -> None:
    here: Any = wanted
    for key in under:
        if not isinstance(here.get(key), dict | list):
            here[key] = {}
        here = here[key]
    if name is None:
        here.append(value)
    else:
        here[name] = value


def _shape(node: yaml.Node | None) -> Any:
    """What a document says, comparable, without making values of it."""
    if isinstance(node, yaml.MappingNode):
        return {_hashable(key): _shape(value) for key, value in node.value}
    if isinstance(node, yaml.SequenceNode):
        return [_shape(one) for one in node.value]
    return (node.tag, node.value) if node is not None else None


def _hashable(key: yaml.Node) -> Any:
    return key.value if isinstance(key, yaml.ScalarNode) else repr(_shape(key))
