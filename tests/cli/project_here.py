"""A project in a temporary folder, and its verbs run in this process against a real store."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from botcannon_core.cli.main import exit_code
from botcannon_core.ledger.keys import Keys
from botcannon_core.ledger.line import Line
from botcannon_core.ledger.presence import Presence, announce
from botcannon_core.ledger.store import Store

COMPOSE = """\
namespace: T
services:
  work:
    collector: {file: bot, entry: Quiet}
    shell: {file: bot, entry: Shell, conf: {key: keys, kwargs: {token: '!!SECRET!!', times: 2}}}
    tasks:
      - {file: bot, entry: Work}
  bare:
    collector: {file: bot, entry: Quiet}
"""
BROKEN = "  bad:\n    collector: {file: bot}\n    frobnicate: 1\n"
BOT = """\
class Quiet:
    def read(self):
        return None
class Work:
    def task(self, message, results):
        return {"answer": message["text"].upper()}
class Shell:
    "A shell to try."
    def __init__(self, token, times, ledger):
        self.token, self.times, self.ledger = token, times, ledger
    def repeat(self, word, mark="!"):
        return word * self.times + mark
    def fail(self):
        raise RuntimeError(f"no {self.token} today")
    def count(self):
        return self.ledger.count("work")
"""
SECRET = "BOTCANNON_SECRET_KEYS_TOKEN"


@dataclass(frozen=True)
class Said:
    """How a verb ended and what it printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def rows(self) -> list[list[str]]:
        """The cells of a table that was printed, without its heading."""
        return [line.split() for line in self.out.splitlines()[1:]]


@dataclass(frozen=True)
class ProjectHere:
    """The project, its store, and its verbs."""

    folder: Path
    store: Store
    captured: pytest.CaptureFixture[str]

    def __call__(self, *words: str) -> Said:
        """Run one verb."""
        self.captured.readouterr()
        code = exit_code(words)
        out, err = self.captured.readouterr()
        return Said(code, out, err)

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)

    @property
    def keys(self) -> Keys:
        return self.store.keys("work")

    @property
    def redis(self) -> Any:
        return self.store.client()

    def add(
        self, channel: str, fields: Mapping[str, str], service: str = "work", entry: str = "*"
    ) -> str:
        """Put an entry into a stream as it is; its id."""
        return str(self.redis.xadd(self.store.keys(service).key(channel), dict(fields), entry))

    def announce(self, *parts: tuple[str, str], service: str = "work", host: str = "h") -> None:
        """Say that these (part, state) of a service are there."""
        line = self.line(service)
        for number, (part, state) in enumerate(parts, 1):
            one = Presence(
                f"{host}:{number}:1700000000", service, part, state, number, 1_700_000_000
            )
            announce(line, self.store.keys(service), one)
        line.ask("PING")
        line.close()

    def line(self, service: str = "work") -> Line:
        return Line(self.store, self.store.keys(service).data)

    def parked(self, text: str, error_id: str, **more: str) -> str:
        """Put a message into `dead` as a pool does; its entry there."""
        told = {"_id": "1700000000000-7", "_from": "h:1:1", "_error": f"ValueError: {text}"}
        told |= {"_error_id": error_id, "_trace": "Traceback...", "_tries": "3", "_host": "h"}
        return self.add("dead", {"text": text, **told, **more})
