"""Pages: how memory lies before a fork, so that there is little to write down and to copy.

A fork writes down each page that parent and child share from then on, and an exit takes each down again:
12 us for a MB of small pages, next to nothing for one of large ones. What either writes to is copied by
4 KB, about 2 us each time. Not here: what is forked (forker, seat).
"""

from __future__ import annotations

import _thread
import ctypes
import sys
from collections.abc import Iterator

LARGE = 2 * 1024**2  # bytes of a large page, on every machine with small pages of 4 KB
# Bytes in use from which on it is worth it: each edge of what is gathered may take a large page more.
WORTH = 16 * 1024**2

_MADV_COLLAPSE = 25

LOCKS_MADE = 7  # by CPython in a fork, or a few more
LOCKS_TRIED = 200  # more than fit into what is free here and there

_locks: list[_thread.LockType] = []


def gather(worth: int = WORTH) -> int:
    """Have this process's private memory in large pages, if it uses so many bytes; returns how many.

    Linux can do it since 6.1, unless its large pages are switched off; elsewhere nothing happens. What
    is written to is still copied by 4 KB. Source: madvise(2), MADV_COLLAPSE.
    """
    if sys.platform != "linux" or _in_use() < worth:
        return 0
    madvise = ctypes.CDLL(None).madvise
    madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    pages = [page for start, end in _areas() for page in _large_pages(start, end)]
    return sum(madvise(page, LARGE, _MADV_COLLAPSE) == 0 for page in pages)


def keep_locks_together() -> None:
    """Have the free pieces of memory that fit a lock lie side by side: the scattered ones are taken.

    In each fork CPython makes its locks anew, of the pieces that were freed last.
    """
    _locks.extend(_thread.allocate_lock() for _ in range(LOCKS_TRIED))
    del _locks[-LOCKS_MADE:]


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
