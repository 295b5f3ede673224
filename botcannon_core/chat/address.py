"""Whether something said in a room is meant for the bot, and what is left of it without saying so.

Pure text: how a service marks a mention its door knows, and turns into `@name` first.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import NamedTuple


class Addressed(NamedTuple):
    """What was said to the bot, and whether it was called by its name."""

    text: str
    by_name: bool


def address(
    text: str, names: Collection[str], *, direct: bool = False, prefix: str = "!"
) -> Addressed | None:
    """What `text` says to the bot called any of `names`, or None if it is not meant.

    Meant are `@bot cmd`, `bot: cmd`, `bot, cmd` (in any case of letters) and `!cmd`, and if `direct`
    everything; how it was addressed is not part of the text that comes back. A name alone (`@bot`,
    `bot:`, and in a room `bot`) is a plea for `help`. The prefix has to stand right before a letter or a
    digit, so that `!!!` and `! no` stay remarks; an empty `prefix` is none.
    """
    said = text.strip()
    called = _called(said, names)
    if called is not None:
        return Addressed(called or "help", by_name=True)
    if prefix and said.startswith(prefix) and said[len(prefix) :][:1].isalnum():
        return Addressed(said[len(prefix) :], by_name=False)
    if direct:
        return Addressed(said, by_name=False)
    is_name = said.lower() in (name.lower() for name in names if name)
    return Addressed("help", by_name=True) if is_name else None


def _called(said: str, names: Collection[str]) -> str | None:
    """What follows the name, or None if it is not there."""
    any_name = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True) if name)
    if not any_name:
        return None
    found = re.match(rf"@(?:{any_name})(?:\s*[:,]|(?=\s|$))|(?:{any_name})\s*[:,]", said, re.I)
    return said[found.end() :].strip() if found else None
