"""Whether a text is better read in a block of fixed width, as services with markup draw it.

Pure text: how a service marks a block its door knows, where that is not by ``` as almost everywhere.
"""

from __future__ import annotations

import re

from botcannon_core.chat.split import FENCE

TABLE = re.compile(r"\S {2,}\S")  # columns that only stand below each other in a fixed width


def fixed(text: str) -> str:
    """`text` in a code block if it has columns and no block of its own."""
    if FENCE in text or "\n" not in text or not TABLE.search(text):
        return text
    return f"{FENCE}\n{text}\n{FENCE}"
