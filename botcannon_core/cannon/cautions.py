"""Cautions: what is not wrong but should be known before a project is run.

A store that may lose data, and code that other users of the machine may change. Not here: mistakes
(compose, check); these stop nothing.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

from botcannon_core.ledger.store import Store, check


def of_store(store: Store) -> list[str]:
    """What the store may do to messages; raises StoreError if it cannot be used at all."""
    if store.is_embedded:
        return []  # started by us, of a version and with settings that we know
    return check(store)


def of_files(project: Path, compose_file: str) -> list[str]:
    """Which files that will be run or believed other users may change."""
    open_to_all = [path for path in _trusted(project, compose_file) if _others_may_write(path)]
    if not open_to_all:
        return []
    shown = ", ".join(str(path.relative_to(project)) for path in open_to_all[:5])
    more = f" and {len(open_to_all) - 5} more" if len(open_to_all) > 5 else ""
    return [f"every user of this machine may change {shown}{more}; chmod o-w takes that away"]


def _trusted(project: Path, compose_file: str) -> Iterator[Path]:
    yield (project / compose_file).resolve()
    app = project / "app"
    yield app
    yield from (path for path in sorted(app.rglob("*")) if path.suffix == ".py" or path.is_dir())


def _others_may_write(path: Path) -> bool:
    try:
        mode = path.lstat().st_mode
    except OSError:
        return False
    sticky = stat.S_ISDIR(mode) and mode & stat.S_ISVTX
    return bool(mode & stat.S_IWOTH) and not stat.S_ISLNK(mode) and not sticky
