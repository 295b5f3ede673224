"""What this machine can do at most: the bare loop and the bare fork that nothing in Python can beat.

They make the other figures comparable on another machine, and say how far there is to go.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import Any

from benchmarks.server import server
from benchmarks.setting import Setting, scratch

BATCH = 100
LOOPED = 200_000
FORKS = 1000

FORK = """
import os, sys, time
{imports}
began = time.perf_counter()
for _ in range({count}):
    if not (pid := os.fork()):
        os._exit(0)
    os.waitpid(pid, 0)
print((time.perf_counter() - began) / {count} * 1000)
"""
IMPORTS = "import fire, psutil, redis, yaml"


def loop(how: Setting) -> float:
    """Messages a second of one process that reads 100, writes 100 answers, acknowledges, and no more."""
    count = how.jobs(LOOPED)
    with scratch() as folder, server(folder, how.aof) as store:
        client = store.client
        client.xgroup_create("data", "group", id="0", mkstream=True)
        for start in range(0, count, 1000):
            pipe = client.pipeline(transaction=False)
            for number in range(min(1000, count - start)):
                pipe.xadd("data", {"n": str(number)})
            pipe.execute()
        began = time.perf_counter()
        _empty(client)
        return count / (time.perf_counter() - began)


def fork(how: Setting) -> tuple[float, float]:
    """Milliseconds of fork, exit and wait: of a bare Python process, and of one with usual imports."""
    count = how.jobs(FORKS)
    return _fork("", count), _fork(IMPORTS, count)


def _empty(client: Any) -> None:
    while True:
        found = client.xreadgroup("group", "me", {"data": ">"}, count=BATCH)
        if not found:
            return
        pipe = client.pipeline(transaction=False)
        for entry, fields in found[0][1]:
            pipe.xadd("taskback", {**fields, "_outcome": "done"})
            pipe.xack("data", "group", entry)
        pipe.execute()


def _fork(imports: str, count: int) -> float:
    code = FORK.format(imports=imports, count=count)
    words = [sys.executable, "-c", code]
    ended = subprocess.run(words, capture_output=True, text=True, check=True, env=dict(os.environ))
    return float(ended.stdout)
