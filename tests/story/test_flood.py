"""Ten thousand lines of fifty users: the polite are answered at once, the others told once."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import pytest

from botcannon_core.ending import end
from tests.collectors.irc_world import Person, channel_with, ngircd, person
from tests.story.cannon_here import PATIENCE, Project, project

pytestmark = [pytest.mark.story, pytest.mark.xdist_group("main_job")]

LINES, SECONDS = 10_000, 12.0
FLOODERS = [f"loud{n}" for n in range(45)]
POLITE = [f"polite{n}" for n in range(5)]
POLITE_LINES = 9  # of each: they stay below what a user may say in a minute
AT_MOST = 1.0  # seconds until a polite line is answered
AS_SLOW = (
    25  # times what a line takes alone: a machine busy with other things is no fault of the bot
)
CALM_LINES = 5  # before the flood and after it, to know what that is
LET_IN_OF_OTHERS = 2 * CALM_LINES + len(POLITE) * POLITE_LINES

SERVICE = """
collector:
  file: irc
  entry: Irc
  conf:
    key: irc
    kwargs: {{server: 127.0.0.1, port: {port}, nick: bot, channels: ['#hall'], tls: false, burst: 10000}}
shell: {{file: bot, entry: Bot}}
tasks: [{{file: torch, entry: Torch}}]
"""
BOT = """
class Bot:
    def say(self, what):
        return f"you said {what}"
"""


@dataclass
class Talk:
    """Who is there, what they said, and what they were told."""

    people: dict[str, Person]
    sent: dict[str, float] = field(default_factory=dict)  # by what was said
    took: dict[str, float] = field(default_factory=dict)
    heard: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def say(self, user: str, what: str) -> None:
        self.sent[what] = time.monotonic()
        self.people[user].say("bot", f"say {what}")

    async def hear(self, user: str) -> None:
        """All that this user is told, from now on."""
        while True:
            try:
                line = await self.people[user].hears("PRIVMSG")
            except (
                TimeoutError
            ):  # nothing for a while: they are ignored, or have nothing to say yet
                continue
            self.heard[user].append(line.last)
            what = line.last.removeprefix("you said ")
            if what in self.sent:
                self.took[what] = time.monotonic() - self.sent[what]

    def told(self, user: str) -> list[str]:
        """What this user was told beside answers."""
        return [text for text in self.heard[user] if not text.startswith("you said ")]

    @property
    def answers(self) -> int:
        return sum(text.startswith("you said ") for texts in self.heard.values() for text in texts)


async def talked(port: int, here: Project) -> Talk:
    """Everybody says what they have to say; what came of it, once nothing more is on its way."""
    async with AsyncExitStack() as stack:
        names = ("before", "after", *POLITE, *FLOODERS)
        talk = Talk({n: await stack.enter_async_context(person(port, n)) for n in names})
        await channel_with(talk.people["before"], "#hall", "bot")
        hearing = [asyncio.create_task(talk.hear(name)) for name in names]
        await converse(talk, "before", CALM_LINES)
        async with asyncio.TaskGroup() as together:
            together.create_task(flood(talk))
            for user in POLITE:
                together.create_task(converse(talk, user, POLITE_LINES, SECONDS))
        await converse(talk, "after", CALM_LINES)
        await until(lambda: is_settled(here, talk), "everything is answered or turned away")
        for task in hearing:
            await end(task)
    return talk


async def flood(talk: Talk) -> None:
    """All that is left of the lines, at a steady pace, from everybody in turn."""
    began, lines = time.monotonic(), LINES - LET_IN_OF_OTHERS
    for number in range(lines):
        talk.people[FLOODERS[number % len(FLOODERS)]].say("bot", f"say {number}")
        if (early := number / lines * SECONDS - (time.monotonic() - began)) > 0:
            await asyncio.sleep(early)


async def converse(talk: Talk, user: str, lines: int, seconds: float = 0.0) -> None:
    """A few lines of one user over some time, each after the answer to the one before."""
    for number in range(lines):
        await asyncio.sleep(seconds / (lines + 1))
        talk.say(user, what := f"{user}-{number}")
        await until(lambda what=what: what in talk.took, f"{what} is answered")


async def until(condition: Callable[[], object], what: str) -> None:
    try:
        async with asyncio.timeout(PATIENCE):
            while not condition():
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise AssertionError(f"waited in vain until {what}") from None


def counts(here: Project) -> dict[str, int]:
    found = here.client().hgetall(here.keys.key("counts"))
    return {name: int(count) for name, count in found.items()}


def is_settled(here: Project, talk: Talk) -> bool:
    now = counts(here)
    is_all = now.get("stored", 0) + now.get("turned_away", 0) == LINES
    return is_all and now.get("done") == now["stored"] == talk.answers


def test_under_a_flood_the_polite_are_answered_and_the_others_told_once(tmp_path: Path) -> None:
    with ngircd(tmp_path) as port, project(SERVICE.format(port=port)) as here:
        (here.folder / "app" / "bot.py").write_text(BOT)
        here.up()
        try:
            talk = asyncio.run(talked(port, here))
        except AssertionError as error:
            raise AssertionError(f"{error}: {counts(here)} {here.text[-3000:]}") from None
        polite = [took for what, took in talk.took.items() if what.startswith("polite")]
        alone = median(took for what, took in talk.took.items() if not what.startswith("polite"))
        assert len(polite) == len(POLITE) * POLITE_LINES
        assert max(polite) < max(AT_MOST, AS_SLOW * alone), (alone, sorted(polite))
        assert [user for user in POLITE if talk.told(user)] == []
        for user in FLOODERS:
            assert talk.told(user) == [
                "error: more than 12 commands in a minute: I listen to you again in 5 minutes"
            ]
            assert len(talk.heard[user]) == 12 + 1
        assert counts(here)["stored"] == LET_IN_OF_OTHERS + 12 * len(FLOODERS)
        audited = [said["text"] for said in here.stream("log") if "outcome=flood" in said["text"]]
        assert all(any(user in text for text in audited) for user in FLOODERS)
        assert len(audited) < 20 * len(FLOODERS)  # a flood is no flood of the log
        assert {fields["_outcome"] for fields in here.stream("taskback")} == {"done"}
        assert len(here.stream("data")) == counts(here)["stored"]
