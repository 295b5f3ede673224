"""Slack's way of writing text, and back: what a person typed out of what Slack sends, and the reverse.

Pure. Who a user id is and how a channel is called is looked up by whoever calls.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

TOKEN = re.compile(r"<([^<>]*)>")


def mentioned(text: str) -> tuple[set[str], set[str]]:
    """The ids of the users and of the channels that stand in a text without their names."""
    tokens = [token.partition("|") for token in TOKEN.findall(text)]
    bare = {target for target, _, label in tokens if not label}
    users = {target[1:] for target, _, _ in tokens if target.startswith("@")}
    return users, {target[1:] for target in bare if target.startswith("#")}


def plain(text: str, users: Mapping[str, str], rooms: Mapping[str, str]) -> str:
    """What was typed: names for ids, a link as it was written, `<` for `&lt;`.

    `users` and `rooms` give names by id, without `@` and `#`; an id that is not there stays one.
    """
    said, end = [], 0
    for token in TOKEN.finditer(text):
        said += [_unescaped(text[end : token.start()]), _meant(token[1], users, rooms)]
        end = token.end()
    return "".join([*said, _unescaped(text[end:])])


def escaped(text: str) -> str:
    """`text` so that Slack shows just that: nothing in it links, mentions or calls a channel."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _meant(token: str, users: Mapping[str, str], rooms: Mapping[str, str]) -> str:
    target, _, label = token.partition("|")
    kind, name = target[:1], target[1:]
    if kind == "@":
        return f"@{users.get(name, name)}"
    if kind == "#":
        return f"#{_unescaped(label) or rooms.get(name, name)}"
    if kind == "!":
        return _unescaped(label) or f"@{name.partition('^')[0]}"
    return _unescaped(label or target.removeprefix("mailto:"))


def _unescaped(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
