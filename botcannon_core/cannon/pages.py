"""Large pages: the memory of an app that takes much, in pages of 2 MB instead of 4 KB.

A fork writes down each page that parent and child share from then on, and an exit takes each down again:
12 us for a MB of small pages, next to nothing for one of large ones. What a worker writes to is still
copied by 4 KB. Linux can do it since 6.1, unless its large pages are switched off; elsewhere nothing
happens. Source: madvise(2), MADV_COLLAPSE.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator

LARGE = 2 * 1024**2  # bytes of a large page, on every machine with small pages of 4 KB
# Bytes in use from which on it is worth it: each edge of what is gathered may take a large page more.
WORTH = 16 * 1024**2

_MADV_COLLAPSE = 25


def gather(worth: int = WORTH) -> int:
    """Have this process's private memory in large pages, if it uses so many bytes; returns how many."""
    if sys.platform != "linux" or _in_use() < worth:
        return 0
    madvise = ctypes.CDLL(None).madvise
    madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    pages = [page for start, end in _areas() for page in _large_pages(start, end)]
    return sum(madvise(page, LARGE, _MADV_COLLAPSE) == 0 for page in pages)


def _in_use() -> int:
    """Bytes of private memory."""
    with open("/proc/self/status") as status:
        return next((int(line.split()[1]) << 10 for line in status if line[:7] == "RssAnon"), 0)


def _areas() -> Iterator[tuple[int, int]]:
    """Where the heap and what else was asked of the kernel for objects begin and end."""
    with open("/proc/self/maps") as maps:
        lines = [line.split() for line in maps]
    for where, rights, _, _, _, *name in lines:
        if rights == "rw-p" and name in ([], ["[heap]"]):
            start, _, end = where.partition("-")
            yield int(start, 16), int(end, 16)


def _large_pages(start: int, end: int) -> range:
    """Those that lie within an area."""
    return range(-(-start // LARGE) * LARGE, end - LARGE + 1, LARGE)
