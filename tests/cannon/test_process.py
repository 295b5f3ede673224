"""What processes do with themselves: with really killed parents, and with real signals."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psutil
import pytest

from botcannon_core.cannon import process


def python(code: str, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def said_by(code: str) -> str:
    out, _ = python(code).communicate(timeout=20)
    return str(out).strip()


def ends(pid: int) -> bool:
    try:
        return not psutil.wait_procs([psutil.Process(pid)], timeout=10)[1]
    except psutil.NoSuchProcess:
        return True


def test_a_child_dies_with_its_parent_however_that_ends() -> None:
    parent = python("""
        import os, signal, time
        from botcannon_core.cannon import process
        me = os.getpid()
        pid = os.fork()
        if pid == 0:
            process.die_with_parent(me, signal.SIGKILL)
            print(os.getpid(), flush=True)
            time.sleep(1000)
        time.sleep(1000)
    """)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    assert ends(child)


def test_a_child_whose_parent_is_gone_already_dies_too() -> None:
    pid = os.fork()
    if pid == 0:
        process.die_with_parent(1 if os.getppid() != 1 else 2, signal.SIGKILL)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL


def test_orphans_come_to_whoever_inherits_them() -> None:
    said = said_by("""
        import os, time
        from botcannon_core.cannon import process
        process.inherit_orphans()
        pid = os.fork()
        if pid == 0:
            if os.fork() == 0:
                time.sleep(0.2)
                os._exit(7)
            os._exit(0)
        os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(os.wait()[1]))
    """)
    assert said == "7"


def test_signals_are_taken_in_order_and_wake_a_loop() -> None:
    said = said_by("""
        import os, select, signal
        from botcannon_core.cannon.process import Signals
        signals = Signals(signal.SIGTERM, signal.SIGHUP)
        assert signals.taken() == []
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGHUP)
        assert select.select([signals], [], [], 10)[0]
        print(signals.taken(), signals.taken())
    """)
    assert said == f"{[int(signal.SIGTERM), int(signal.SIGHUP)]} []"


def test_a_child_that_forgets_signals_is_ended_by_them() -> None:
    said = said_by("""
        import os, signal
        from botcannon_core.cannon import process
        signals = process.Signals(signal.SIGTERM)
        pid = os.fork()
        if pid == 0:
            process.forget_signals()
            os.kill(os.getpid(), signal.SIGTERM)
            os._exit(0)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), signals.taken())
    """)
    assert said == "-15 []"


def test_output_that_nobody_reads_any_more_is_forgotten(tmp_path: Path) -> None:
    done = tmp_path / "done"
    child = python(
        """
        import sys, time
        from pathlib import Path
        from botcannon_core.cannon import process
        print("ready", flush=True)
        sys.stdin.read()
        process.forget_broken_output()
        print("to nobody" * 10_000, flush=True)
        Path(sys.argv[1]).touch()
        """,
        str(done),
    )
    child.kill()
    child.wait()
    read_end, write_end = os.pipe()
    other, go = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(read_end)
        os.dup2(write_end, 1)
        os.close(write_end)
        os.read(other, 1)
        process.forget_broken_output()
        os.write(1, b"to nobody")
        done.touch()
        os._exit(0)
    os.close(write_end)
    os.close(read_end)
    os.write(go, b"x")
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert done.exists()
    os.close(other)
    os.close(go)


def test_output_that_is_read_is_kept() -> None:
    said = said_by("""
        from botcannon_core.cannon import process
        process.forget_broken_output()
        print("heard")
    """)
    assert said == "heard"


def test_what_is_printed_is_there_before_a_death() -> None:
    said = said_by("""
        import os
        from botcannon_core.cannon import process
        process.print_at_once()
        print("last words")
        os.kill(os.getpid(), 9)
    """)
    assert said == "last words"


@pytest.mark.parametrize(
    ("code", "told"),
    [(0, "exit code 0"), (3, "exit code 3"), (-9, "signal SIGKILL"), (-40, "signal SIGRT 40")],
)
def test_every_end_has_words(code: int, told: str) -> None:
    assert process.ended_by(code) == told


def test_every_signal_number_has_a_name() -> None:
    assert all(process.signal_name(number) for number in range(1, 65))


def test_a_group_is_counted_and_killed_whole() -> None:
    child = subprocess.Popen(["sh", "-c", "sleep 1000 & sleep 1000 & wait"], start_new_session=True)
    deadline = time.monotonic() + 10
    while process.group_sizes().get(child.pid, 0) < 3:
        assert time.monotonic() < deadline
    members = psutil.Process(child.pid).children()
    process.kill_group(child.pid)
    child.wait()
    assert all(ends(one.pid) for one in members)
    process.kill_group(child.pid)
