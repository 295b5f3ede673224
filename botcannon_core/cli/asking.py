"""Asking whoever sits at the terminal for a secret; nobody is asked in a pipe."""

from __future__ import annotations

import getpass
import sys


def ask_for_secret(key: str, name: str) -> str | None:
    """Ask on the terminal without echo; None if there is nobody to ask."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return None
    try:
        return getpass.getpass(f"secret {key}.{name}: ") or None
    except (EOFError, OSError):
        return None
