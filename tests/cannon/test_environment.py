"""What a process may see of its environment, and what it may not."""

import os
import subprocess
import sys

from botcannon_core.cannon.environment import worker_environment


def test_a_workers_environment_has_what_is_needed_and_what_is_asked_for() -> None:
    source = {
        "PATH": "/bin",
        "HOME": "/h",
        "LANG": "C",
        "LC_ALL": "C",
        "TZ": "UTC",
        "TMPDIR": "/t",
        "BOTCANNON_HOST": "h",
        "BOTCANNON_KEY": "k",
        "BOTCANNON_STORE": "redis://:pw@h",
        "BOTCANNON_SECRET_A_B": "s",
        "TOKEN": "t",
        "XPATH": "x",
        "PATHX": "x",
    }
    kept = worker_environment(source)
    assert set(kept) == {"PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "BOTCANNON_HOST"}
    assert worker_environment(source, ("TOKEN", "MISSING"))["TOKEN"] == "t"


def test_secrets_are_dropped_from_the_environment() -> None:
    names = ("BOTCANNON_SECRET_A", "BOTCANNON_KEY", "BOTCANNON_STORE", "BOTCANNON_HOST")
    code = "import os; from botcannon_core.cannon.environment import drop_secrets; drop_secrets()"
    told = f"{code}; print(*(name for name in os.environ if name.startswith('BOTCANNON_')))"
    done = subprocess.run(
        [sys.executable, "-c", told],
        env={**os.environ, **dict.fromkeys(names, "x")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["BOTCANNON_HOST"]
