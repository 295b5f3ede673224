"""Values as JSON text, and back, by the C functions at the core of `json`: what they say, `json` says.

Not `json` itself: it brings `re` and `enum`, a megabyte in every forker, whose workers each pay for it.
"""

from __future__ import annotations

from _json import encode_basestring, encode_basestring_ascii, make_encoder, make_scanner

TYPE_CHECKING = False  # typing's own would cost each worker (docs/design.md)
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def compact(value: Any) -> str:
    """`value` in as few bytes as can be, all of them ASCII.

    Raises TypeError for what JSON has no word for. A circle in it is a RecursionError.
    """
    return "".join(_compact(value, 0))


def readable(value: Any) -> str:
    """`value` as people write it; what JSON has no word for is its `str`.

    Raises TypeError for a name that is no name, and ValueError for a circle.
    """
    # each time anew: what an error leaves in it is no circle the next time
    seen: dict[int, Any] = {}
    encode = make_encoder(seen, str, encode_basestring, None, ": ", ", ", False, False, True)
    return "".join(encode(value, 0))


def read(text: str) -> Any:
    """The value of a whole text. Raises ValueError, and RecursionError for one that is too deep."""
    text = text.strip(" \t\n\r")
    try:
        value, end = scanned(text, 0)
    except StopIteration:
        end = -1
    if end != len(text):
        raise ValueError("not JSON, or more than one value of it")
    return value


def _refused(value: Any) -> Any:
    raise TypeError(f"Object of type {value.__class__.__name__} is not JSON serializable")


class _Rules:
    """How `json` reads, too."""

    strict = True
    parse_float = float
    parse_int = int
    parse_constant = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": -float("inf")}.get
    object_hook = object_pairs_hook = array_hook = None  # the last one is asked for by Python 3.15


_compact: Callable[[Any, int], tuple[str, ...]] = make_encoder(
    None, _refused, encode_basestring_ascii, None, ":", ",", False, False, True
)

scanned: Callable[[str, int], tuple[Any, int]] = make_scanner(_Rules)  # type: ignore[arg-type]
"""The value that begins at a place in a text, and where it ends.

Raises ValueError, StopIteration where none begins, and RecursionError.
"""
