"""A compose file in the form that people have: tasks as a mapping, a key used twice, a secret."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.story.cannon_here import BOTCANNON, environment

pytestmark = [pytest.mark.story, pytest.mark.xdist_group("main_job")]

SECRET = "hunter2-is-the-secret"
COMPOSE = """
services:
  talk:
    collector: {file: bot, entry: Talk, conf: {key: bot}}
    shell: {file: bot, entry: Bot, conf: {key: bot}}
    tasks:
      torch: {file: torch, entry: Torch}
  other:
    collector: {file: timer, entry: Timer}
    shell:
      file: bot
      entry: Bot
      conf: {key: bot, kwargs: {token: !!SECRET!!, greeting: servus}}
"""
BOT = """
import json
import os

from botcannon_core import Halt


class Bot:
    def __init__(self, token, greeting):
        self._token, self.greeting = token, greeting

    def leak(self):
        print("printed", self._token)
        return "the token is " + self._token

    def boom(self):
        raise ValueError("bad token " + self._token)

    def environment(self):
        return json.dumps(dict(os.environ))


class Talk:
    every_outcome = True

    def __init__(self, token, greeting):
        self.token, self.is_done = token, False

    def read(self):
        if self.is_done:
            raise Halt
        self.is_done = True
        yield from ({"text": text} for text in ("greeting", "leak", "boom", "environment"))

    def taskback(self, message):
        print("I print", self.token)
        with open("answers", "a") as file:
            file.write(json.dumps(dict(message)) + "\\n")
"""


def botcannon(folder: Path, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*BOTCANNON, *words],
        cwd=folder,
        env={**environment(), **more},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_the_form_that_people_have_works_and_shows_no_secret(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "bot.py").write_text(BOT)
    (tmp_path / "cannon-compose.yml").write_text(COMPOSE)

    refused = botcannon(tmp_path, "up", "talk")
    assert refused.returncode == 2
    assert "cannon-compose.yml:13" in refused.stderr
    assert "BOTCANNON_SECRET_BOT_TOKEN" in refused.stderr

    # given once it is kept in the store, encrypted
    first = botcannon(tmp_path, "up", "talk", BOTCANNON_SECRET_BOT_TOKEN=SECRET)
    again = botcannon(tmp_path, "up", "talk")
    assert (first.returncode, again.returncode) == (0, 0), first.stderr + again.stderr

    answers = [json.loads(line) for line in (tmp_path / "answers").read_text().splitlines()]
    replies = {answer.get("_error") or answer["text"] for answer in answers}
    assert "servus" in replies
    assert "ValueError: bad token ***" in replies
    assert "printed ***\nthe token is ***" in replies
    environments = [json.loads(reply) for reply in replies if reply.startswith("{")]
    assert environments
    assert not any("SECRET" in name for one in environments for name in one)

    told = [botcannon(tmp_path, verb) for verb in ("config", "ls", "logs")]
    shown = "".join(one.stdout + one.stderr for one in (first, again, *told))
    assert "I print ***" in shown
    assert SECRET not in shown + "".join(replies)
    kept = [path for path in (tmp_path / ".botcannon").rglob("*") if path.is_file()]
    assert not [path for path in kept if SECRET.encode() in path.read_bytes()]
