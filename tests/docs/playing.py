"""Plays a page of documentation as a reader would: lays out its files, runs its commands, in order.

Every page has a folder of its own with a `./botcannon` in it; the README's is the checkout's demo, since
that is where its reader stands. Not here: what the blocks are (pages).
"""

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import yaml

from botcannon_core.compose.reader import SERVICE, read
from botcannon_core.compose.rooms import service_keys
from tests.docs.pages import ROOT, Block, Command, commands, matches

PATIENCE = 60.0  # seconds until something that never happens is a failure
COLLECTOR = {"file": "timer", "entry": "Timer"}
_MARK = re.compile(r"\x1e(\d+) (.*)\x1e\n")


class Stage:
    """The folder in which a page is played, and where in it its reader stands."""

    def __init__(self, page: Path, folder: Path) -> None:
        self.folder = self.here = folder
        self._typed = folder.with_name(f"{folder.name}.typed")
        if page.name == "README.md":
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / "app", folder / "app", ignore=ignored)
            shutil.copy2(ROOT / "cannon-compose.yml", folder)
        script = folder / "botcannon"
        script.write_text(f'#!/bin/sh\nexec {sys.executable} -P -m botcannon_core.cli.main "$@"\n')
        script.chmod(0o755)

    def play(self, block: Block) -> None:
        """Lay out, run or read one block."""
        if block.file:
            path = self.here / block.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf-8")
        elif block.language == "yaml":
            self._read(block)
        elif block.language == "python":
            self._expect(Command(f"{sys.executable} -", block.text, "…"), block)
        elif block.language in ("shell", "console"):
            said = commands(block)
            assert said, f"{block.where} has no command"
            self._run(said, block)

    def clear(self) -> None:
        """End whatever the page has left running; nothing may live on."""
        for folder in {path.parent for path in self.folder.rglob(".botcannon")}:
            subprocess.run(
                [self.folder / "botcannon", "down"],
                cwd=folder,
                env=environment(),
                check=True,
                timeout=PATIENCE,
                stdout=subprocess.DEVNULL,
            )
        deadline = time.monotonic() + PATIENCE
        while left := living_in(self.folder):
            assert time.monotonic() < deadline, f"still running: {left}"
            time.sleep(0.02)

    def _expect(self, command: Command, block: Block) -> None:
        self._run([command], block)

    def _run(self, said: list[Command], block: Block) -> None:
        script = []
        for number, command in enumerate(said):
            typed = self._typed.with_suffix(f".{number}")
            typed.write_text(command.typed, encoding="utf-8")
            # in this very shell, so that cd and $? work as at a prompt
            script.append(f"{{ {command.words}\n}} <{typed}")
            script.append("s=$?; printf '\\n\\036%d %s\\036\\n' $s \"$PWD\"; (exit $s)")
        ended = subprocess.run(
            ["bash", "-c", "\n".join(script)],
            cwd=self.here,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        parts = _MARK.split(ended.stdout)
        for number, command in enumerate(said):
            said_here = parts[3 * number : 3 * number + 3]
            # the shell itself ended: what it said before is all there is
            printed, code, here = said_here if len(said_here) == 3 else (ended.stdout, "?", "")
            self._judge(command, printed, code, said[number + 1 : number + 2], block)
            self.here = Path(here)

    def _judge(
        self, command: Command, printed: str, code: str, following: list[Command], block: Block
    ) -> None:
        shown = f"{block.where}: {command.words}\nshown:\n{command.shown}\nprinted:\n{printed}"
        assert matches(command.shown, printed), shown
        # a failure must be meant: then the page goes on to show its exit code
        is_meant = following and following[0].words == "echo $?"
        assert code == "0" or is_meant, f"exit code {code}, {shown}"

    def _read(self, block: Block) -> None:
        """Complete a part of a compose file with what it leaves out, and read it."""
        part: dict[str, Any] = yaml.safe_load(block.text.replace("!!SECRET!!", "secret"))
        text = block.text
        if part.keys() <= {*SERVICE, *service_keys()}:
            text = "services:\n  example:\n" + re.sub(r"^(?=.)", "    ", text, flags=re.MULTILINE)
            if "collector" not in part:
                text += "    collector: {file: timer, entry: Timer}\n"
        elif "services" not in part:
            text += "services: {example: {collector: {file: timer, entry: Timer}}}\n"
        path = self.here / "part-of-a-page.yml"
        path.write_text(text, encoding="utf-8")
        problems = read(path).problems
        path.unlink()
        assert not problems, f"{block.where}: {problems}"


def environment() -> dict[str, str]:
    """A reader's environment: nothing that a developer or the test runner has set."""
    ours = {n: v for n, v in os.environ.items() if not n.startswith(("BOTCANNON_", "PYTEST_"))}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return ours | {"PYTHONPATH": str(ROOT), "PATH": path, "LC_ALL": "C.UTF-8", "NO_COLOR": "1"}


def living_in(folder: Path) -> list[str]:
    """The command lines of all processes that work in a folder."""
    found = []
    for process in psutil.process_iter(["cwd", "cmdline", "status"]):
        about = process.info
        if about["status"] != psutil.STATUS_ZOMBIE and (about["cwd"] or "").startswith(str(folder)):
            found.append(" ".join(about["cmdline"] or ()))
    return found
