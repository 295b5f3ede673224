"""Which variables of its environment a process may see. Not here: what they are read for."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

# What a worker's environment keeps: enough to run, nothing that could be a secret.
PLAIN_NAMES = re.compile(r"(PATH|HOME|LANG|LC_\w+|TZ|TMPDIR|BOTCANNON_HOST)")
SECRET_NAMES = re.compile(r"(BOTCANNON_SECRET_\w+|BOTCANNON_KEY|BOTCANNON_STORE)")


def worker_environment(source: Mapping[str, str], also: tuple[str, ...] = ()) -> dict[str, str]:
    """The part of `source` that a worker may see: the plain names, and those asked for."""
    kept = {name: value for name, value in source.items() if PLAIN_NAMES.fullmatch(name)}
    kept.update({name: source[name] for name in also if name in source})
    return kept


def drop_secrets() -> None:
    """Take botcannon's own secrets out of this process's environment, before user code runs."""
    for name in [name for name in os.environ if SECRET_NAMES.fullmatch(name)]:
        del os.environ[name]
