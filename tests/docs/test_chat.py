"""The conversation that the page about chat shows, held with its own bot before a stand-in for Slack."""

import re
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

pytest.importorskip("slack_sdk", reason="the extra 'slack' is not installed")
pytest.importorskip("uvicorn", reason="the fake Slack needs the extra 'webhook'")

from tests.collectors.slack_here import APP, BOT, SlackHere
from tests.docs.pages import ROOT, Block, blocks, commands, matches
from tests.docs.playing import Stage, environment

PAGE = ROOT / "docs" / "chat.md"
USERS = {"ann": "U1", "bob": "U2"}
CHANNELS = {"#ops": "C1", "direct": "D1"}
_LINE = re.compile(r"(\S+)?\s+(ann|bob|bot)  (.*)")


class Turn(NamedTuple):
    """What somebody says somewhere, and the answer."""

    place: str
    user: str
    said: str
    answer: str


def turns(text: str) -> list[Turn]:
    """A drawn conversation: a place, who speaks, what; what begins with spaces alone goes on."""
    found: list[Turn] = []
    place, edge = "", 0
    for line in text.splitlines():
        if match := _LINE.fullmatch(line):
            place, edge = match[1] or place, match.start(3)
            if match[2] != "bot":
                found.append(Turn(place, match[2], match[3], ""))
            else:
                found[-1] = found[-1]._replace(answer=match[3])
        else:
            assert line[:edge].isspace(), line
            found[-1] = found[-1]._replace(answer=f"{found[-1].answer}\n{line[edge:]}")
    return found


def conversation() -> list[Turn]:
    drawn = [turns(block.text) for block in blocks(PAGE) if "@opsbot" in block.text]
    assert len(drawn) == 1
    return drawn[0]


def skipped() -> list[Block]:
    """The blocks that the page's usual test leaves to this one."""
    return [block for block in blocks(PAGE) if block.not_run]


@pytest.fixture
def stage() -> Iterator[Stage]:
    # not under pytest's own folders: their names are too long for a socket
    with tempfile.TemporaryDirectory(prefix="bc-") as folder:
        made = Stage(PAGE, Path(folder))
        yield made
        made.clear()


def lay_out(stage: Stage, url: str) -> None:
    """The page's files as they are at its end, for a Slack elsewhere."""
    for block in blocks(PAGE):
        if block.file:
            stage.play(block)
    compose = stage.here / "cannon-compose.yml"
    text = compose.read_text().replace("kwargs: {bot_token", f"kwargs: {{url: '{url}', bot_token")
    assert url in text
    compose.write_text(text)


def test_the_conversation_is_as_it_is_drawn(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    up, after = skipped()
    with SlackHere() as slack:
        lay_out(stage, slack.url)
        expect(stage, up)
        slack.wait_for_link()
        for number, turn in enumerate(conversation(), 1):
            said = turn.said.replace("@opsbot", "<@UBOT>")
            slack.say(said, CHANNELS[turn.place], USERS[turn.user])
            assert plain(slack.posts(number)[-1]) == turn.answer
        expect(stage, after)


def expect(stage: Stage, block: Block) -> None:
    """Run a block's commands; an `export` is what its value here must be."""
    for command in commands(block):
        if command.words.startswith("export "):
            name, _, value = command.words.removeprefix("export ").partition("=")
            assert {"BOT": BOT, "APP": APP}[name.split("_")[-2]].startswith(value.rstrip("…"))
            continue
        words = command.words.replace("../botcannon", str(stage.folder / "botcannon"))
        ended = subprocess.run(
            ["bash", "-c", words],
            cwd=stage.here,
            env=environment()
            | {
                "BOTCANNON_SECRET_SLACK_BOT_TOKEN": BOT,
                "BOTCANNON_SECRET_SLACK_APP_TOKEN": APP,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
        )
        assert ended.returncode == 0, ended.stdout
        assert matches(command.shown, ended.stdout), f"{command.shown}\nprinted:\n{ended.stdout}"


def plain(posted: str) -> str:
    """What a person reads of a post: without the marks of a block, and with Slack's escapes undone."""
    text = posted.removeprefix("```\n").removesuffix("\n```")
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
