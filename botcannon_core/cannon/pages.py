"""Pages: how memory lies before a fork, so that there is little to write down, to copy and to look up.

A fork writes down each page that parent and child share from then on, and an exit takes each down again:
12 us for a MB of small pages, next to nothing for one of large ones. What either writes to is copied by
4 KB, about 2 us each time. And each process looks up anew where the pages of its code are, 16 at a time,
and the processor forgets them whenever another one runs. Not here: what is forked (forker, seat).
"""

from __future__ import annotations

import _thread
import ctypes
import sys

TYPE_CHECKING = False  # typing's own would cost each worker (docs/design.md)
if TYPE_CHECKING:
    from collections.abc import Iterator

LARGE = 2 * 1024**2  # bytes of a large page, on every machine with small pages of 4 KB
# Bytes in use from which on it is worth it: each edge of what is gathered may take a large page more.
WORTH = 16 * 1024**2

LOCKS_MADE = 7  # by CPython in a fork, or a few more
LOCKS_TRIED = 200  # more than fit into what is free here and there

# From the kernel's headers; the same on every machine whose large pages have 2 MB.
_MADV_COLLAPSE = 25
_READ, _WRITE, _RUN = 1, 2, 4
_PRIVATE, _NOTHING = 0x02, 0x20
_MOVE, _THERE = 1, 2
_FAILED = ctypes.c_void_p(-1).value

_locks: list[_thread.LockType] = []


def gather(worth: int = WORTH) -> int:
    """Have this process's private memory in large pages, if it uses so many bytes; returns how many.

    Linux can do it since 6.1, unless its large pages are switched off; elsewhere nothing happens. What
    is written to is still copied by 4 KB. Source: madvise(2), MADV_COLLAPSE.
    """
    if sys.platform != "linux" or _in_use() < worth:
        return 0
    kernel = _kernel()
    pages = [page for start, end in _areas() for page in _large_pages(start, end)]
    return sum(kernel.madvise(page, LARGE, _MADV_COLLAPSE) == 0 for page in pages)


def gather_code() -> int:
    """Have the interpreter's code in large pages, for us and all we fork; returns how many.

    They are copies, as files have no large pages: 4 MB for CPython. Where the kernel cannot do it, or
    lets nobody run what was written, nothing happens. Source: madvise(2), mremap(2).
    """
    code = _large_pages(*_code()) if sys.platform == "linux" else range(0)
    return len(code) if code and _is_copied(code[0], len(code) * LARGE) else 0


def keep_locks_together() -> None:
    """Have the free pieces of memory that fit a lock lie side by side: the scattered ones are taken.

    In each fork CPython makes its locks anew, of the pieces that were freed last.
    """
    _locks.extend(_thread.allocate_lock() for _ in range(LOCKS_TRIED))
    del _locks[-LOCKS_MADE:]


def _is_copied(code: int, size: int) -> bool:
    """Put a copy in large pages where this code is; in one step, as it is running."""
    kernel = _kernel()
    room = kernel.mmap(None, size + LARGE, _READ | _WRITE, _PRIVATE | _NOTHING, -1, 0)
    if room == _FAILED:
        return False
    copy = -(-room // LARGE) * LARGE
    ctypes.memmove(copy, code, size)
    is_done = (
        kernel.madvise(copy, size, _MADV_COLLAPSE) == 0
        and kernel.mprotect(copy, size, _READ | _RUN) == 0
        and kernel.mremap(copy, size, size, _MOVE | _THERE, code) == code
    )
    if not is_done:
        kernel.munmap(copy, size)
    for start, end in ((room, copy), (copy + size, room + size + LARGE)):
        if end > start:
            kernel.munmap(start, end - start)
    return bool(is_done)


def _kernel() -> ctypes.CDLL:
    """What the kernel does with memory, as the C library has it."""
    address, size, word = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int
    kernel = ctypes.CDLL(None)
    kernel.mmap.restype = kernel.mremap.restype = address
    kernel.mmap.argtypes = (address, size, word, word, word, ctypes.c_long)
    kernel.mremap.argtypes = (address, size, size, word, address)
    kernel.madvise.argtypes = kernel.mprotect.argtypes = (address, size, word)
    kernel.munmap.argtypes = (address, size)
    return kernel


def _in_use() -> int:
    """Bytes of private memory."""
    with open("/proc/self/status") as status:
        return next((int(line.split()[1]) << 10 for line in status if line[:7] == "RssAnon"), 0)


def _maps() -> Iterator[tuple[int, int, str, str]]:
    """What lies in our memory, in order: from where to where, with which rights, of which file."""
    with open("/proc/self/maps", errors="surrogateescape") as maps:  # paths are any bytes
        for line in maps:
            where, rights, _, _, _, *name = line.split(maxsplit=5)
            start, _, end = where.partition("-")
            yield int(start, 16), int(end, 16), rights, "".join(name).strip()


def _areas() -> list[tuple[int, int]]:
    """Where the heap and what else was asked of the kernel for objects begin and end."""
    return [
        (start, end)
        for start, end, rights, name in _maps()
        if rights == "rw-p" and name in ("", "[heap]")
    ]


def _code() -> tuple[int, int]:
    """Where what nobody writes to of the interpreter's file begins and ends, its code in the middle."""
    inside = ctypes.cast(ctypes.pythonapi.Py_IncRef, ctypes.c_void_p).value or 0
    first = last = 0
    of = ""
    for start, end, rights, name in _maps():
        is_readable = rights[:2] == "r-"  # a library may have holes, which nobody can read
        if is_readable and name and name == of and start == last:
            last = end
        elif first <= inside < last:
            break
        else:
            first, last, of = start, end, name if is_readable else ""
    return (first, last) if first <= inside < last else (0, 0)


def _large_pages(start: int, end: int) -> range:
    """Those that lie within an area."""
    return range(-(-start // LARGE) * LARGE, end - LARGE + 1, LARGE)
