"""Text made safe to say in a room: no control characters, no mass mentions, no secrets, no flood.

Not here: how a value becomes text (render).
"""

from __future__ import annotations

import re
from collections.abc import Collection

_ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor
    r"|\x1b[\]PX^_][^\x07\x1b]{0,4096}(?:\x07|\x1b\\)"  # OSC, DCS and their kin: titles, links
    r"|\x1b[ -/]*[0-~]"  # two-character sequences
    r"|\x9b[0-?]*[ -/]*[@-~]"  # CSI as one C1 character
)
_ENDS = re.compile(r"\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
_CONTROLS = re.compile(
    r"[\x00-\x08\x0e-\x1f\x7f-\x9f]"
    r"|[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]"  # bidi marks, overrides, isolates
    r"|[\ufeff\ufff9-\ufffb]"
)
_SURROGATES = re.compile(r"[\ud800-\udfff]")
_MASS = re.compile(r"@(?=(?:everyone|here|channel|all|room|group)\b)", re.IGNORECASE)
_SLACK_MASS = re.compile(r"<(?=!(?:everyone|here|channel|group|subteam)\b)", re.IGNORECASE)
LONGEST_REST = (
    64_000  # characters kept of what did not fit on a page: sixteen more of the usual ones
)
_BREAK = "\u200b"  # a zero-width space: looks the same, mentions nobody


def safe(text: str, hidden: Collection[str] = ()) -> str:
    """`text` without control characters, escape sequences, mass mentions and the `hidden` secrets."""
    text = _SURROGATES.sub("\ufffd", _CONTROLS.sub("", _ENDS.sub("\n", _ESCAPES.sub("", text))))
    return _SLACK_MASS.sub("<" + _BREAK, _MASS.sub("@" + _BREAK, redacted(text, hidden)))


def redacted(text: str, hidden: Collection[str]) -> str:
    """`text` with every secret shown as `***`; the longest first, so that none leaves a tail."""
    for secret in sorted(filter(None, hidden), key=len, reverse=True):
        text = text.replace(secret, "***")
    return text


def fitted(text: str, limit: int, hidden: Collection[str] = ()) -> str:
    """`text`, safe and at most `limit` characters long, its end saying how much was cut.

    The work is bounded by the limit, not by the text, which may be 50 MB.
    """
    return paged(text, limit, hidden, keep=0)[0]


def paged(
    text: str, limit: int, hidden: Collection[str] = (), keep: int = LONGEST_REST, hint: str = ""
) -> tuple[str, str]:
    """`text` as `fitted` has it, but cut at a line's end if it can be, and what is left of it.

    Of that, up to `keep` characters. `hint` is what the end of the page says besides.
    """
    # cleaning shortens, so look at more than is shown; a secret must not be cut before it is found
    margin = max(map(len, hidden), default=0)
    reach = 2 * limit + 1_000 + keep + margin
    clean = safe(text[:reach], hidden).strip("\n")
    unseen = max(0, len(text) - reach)
    if len(clean) + unseen <= limit:
        return clean, ""
    tail = f"\n… {len(clean) + unseen:,} more characters{hint}"
    shown = clean[: max(0, limit - len(tail))]
    if keep and (line := shown.rfind("\n")) > len(shown) // 2:
        shown = shown[:line]
    left = len(clean) - len(shown) + unseen
    page = f"{shown}\n… {left:,} more characters{hint}"[: max(0, limit)]
    # what lies at the end of what was looked at may be the beginning of a secret
    whole = clean[: len(clean) - margin] if unseen else clean
    rest = whole[len(shown) :].strip("\n")
    return page, rest if len(rest) <= keep else rest[:keep]
