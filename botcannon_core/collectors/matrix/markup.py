"""Matrix's way of writing text, and back: what a person typed out of what clients send, and the reverse.

Pure. Clients show a mention as a link to a user (a pill), and in the plain text as that user's name,
which anybody may choose; only the link says who is meant.
"""

from __future__ import annotations

import html
import re
from collections.abc import Collection
from urllib.parse import unquote

from botcannon_core.chat.split import FENCE

_TO_USER = r"https://matrix\.to/#/(@[^\s\"'?<>()]+|%40[^\s\"'?<>()]+)[^\s\"'<>()]*"
_PILL = re.compile(rf"<a\b[^>]*\bhref=[\"']{_TO_USER}[\"'][^>]*>(.*?)</a>", re.I | re.S)
_LINK = re.compile(rf"\[([^\]\n]*)\]\({_TO_USER}\)")
_TAG = re.compile(r"<[^<>]*>")
_USER = re.compile(r"@([^\s:@]+):([\w-]+(?:\.[\w-]+)+(?::\d+)?)")
_BLOCK = re.compile(rf"^{FENCE}[^\n`]*\n(.*?)\n?^{FENCE}[^\S\n]*\n?", re.M | re.S)


def plain(text: str, formatted: str, me: str, names: Collection[str]) -> str:
    """What was typed: `@bot:server` where the bot `me` is meant, and `names` only where that is so."""
    text = _LINK.sub(lambda link: _meant(unquote(link[2]), link[1], me, names), text)
    for pill in _PILL.finditer(formatted):
        label = html.unescape(_TAG.sub("", pill[2]))
        if label:
            text = text.replace(label, _meant(unquote(pill[1]), label, me, names), 1)
    typed = _USER.match(text.lstrip())
    if typed and typed[0].casefold() != me.casefold() and _is_name(typed[1], names):
        return f"<{typed[0]}>{text.lstrip()[typed.end() :]}"  # of our name, but of another server
    return text


def formatted(text: str) -> str | None:
    """`text` as HTML if there are code blocks in it, else None: it is fine as it is."""
    parts, end = [], 0
    for block in _BLOCK.finditer(text):
        parts += [
            _broken(text[end : block.start()]),
            f"<pre><code>{html.escape(block[1])}</code></pre>",
        ]
        end = block.end()
    return "".join([*parts, _broken(text[end:])]) if parts else None


def _meant(user: str, label: str, me: str, names: Collection[str]) -> str:
    if user == me:
        return me
    return f"<{user}>" if _is_name(label.lstrip("@"), names) else label


def _is_name(label: str, names: Collection[str]) -> bool:
    return any(label.casefold() == name.casefold() for name in names)


def _broken(text: str) -> str:
    return html.escape(text.rstrip("\n")).replace("\n", "<br>")
