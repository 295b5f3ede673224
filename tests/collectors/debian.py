"""Server programs that tests start themselves, from Debian's packages where they are missing.

Installing is tried only where it needs nobody's leave: by root, on a machine with apt.
"""

import fcntl
import os
import shutil
import socket
import subprocess
import tempfile
from contextlib import closing
from functools import cache
from pathlib import Path

import pytest

PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"])
PATIENCE = 90.0  # seconds for apt: tests on a slow line skip rather than wait for ever


def program(name: str, package: str = "") -> str:
    """The path of a server program, installed if need be; else the test is skipped, saying why."""
    if path := shutil.which(name, path=PATH):
        return path
    why = _install(package or name)
    return shutil.which(name, path=PATH) or pytest.skip(f"no program {name!r} here: {why}")


def free_port() -> int:
    """A TCP port of the loopback nobody listens on now."""
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@cache
def _install(package: str) -> str:
    """Try to install `package`, once a process; the reason why it may still be missing."""
    apt = shutil.which("apt-get", path=PATH)
    if apt is None or os.geteuid() != 0:
        return f"install Debian's package {package!r} (that takes apt-get and root)"
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with open(Path(tempfile.gettempdir()) / "botcannon-tests-apt.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # test processes side by side take turns
        for words in (["update", "-q"], ["install", "-qy", "--no-install-recommends", package]):
            try:
                ended = subprocess.run(
                    [apt, *words], env=env, capture_output=True, text=True, timeout=PATIENCE
                )
            except subprocess.TimeoutExpired:
                return f"apt-get {words[0]} took over {PATIENCE:g} s"
    return f"apt-get install {package} said: {ended.stderr.strip()[-300:]}"
